"""The audit of a group that is not cyclic: blocks take the places of frequencies in it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.audit.ablations import ablation_checks
from grokking.audit.checkpoint import audit_checkpoint
from grokking.audit.frequency_specialisation import cross_talk_check
from grokking.audit.over_training import audit_row
from grokking.audit.report_page import draw_page
from grokking.audit.verdict import CIRCUIT, MEMORISING, MIXED, NOTHING
from grokking.config import RunConfig
from grokking.from_config import initial_weights
from grokking.groups.families import named_group
from grokking.metrics.logits import GroupLogits
from grokking.metrics.neurons import variance_shares
from grokking.metrics.spectra2d import diagonal_share, energy_spectrum
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.tasks.split import Split
from tests.audit.handbuilt import write_run
from tests.metrics.test_blocks import block_neurons, character_logits, network

D5 = named_group("d5")
CONFIG = RunConfig(task="d5", d_model=16, n_heads=2, d_mlp=16, n_epochs=20, train_frac=0.6)


def logits_of(weights: dict[int, float], memorised: float = 0.0) -> GroupLogits:
    """Logits of these characters; the train pairs' right answers are raised by ``memorised``."""
    split = Split.from_train(np.arange(0, 100, 2), 100)
    table = character_logits(D5, weights)
    table[split.train, D5.table.ravel()[split.train]] += memorised
    acts, grid = network("d5", table, block_neurons(D5, 3))
    return GroupLogits.of(acts, grid, split)


def test_characters_of_the_key_blocks_are_a_circuit_and_nothing_without_them() -> None:
    keys = [D5.basis.block_of(label) for label in ("sign", "1", "2")]
    verdict, (sufficient, needed) = ablation_checks(logits_of(dict.fromkeys(keys, 30.0)), keys)
    assert verdict == CIRCUIT
    assert sufficient.value == 1
    assert needed.value is not None
    assert needed.value <= 0.5


def test_keys_that_are_not_the_blocks_of_the_logits_do_not_explain_them() -> None:
    keys = [D5.basis.block_of(label) for label in ("sign", "1", "2")]
    verdict, _ = ablation_checks(logits_of(dict.fromkeys(keys, 30.0)), keys[:1])
    assert verdict == MIXED


def test_answers_to_train_pairs_alone_are_memory() -> None:
    verdict, (sufficient, _) = ablation_checks(logits_of({0: 0.0}, memorised=9.0), [D5.basis.block_of("1")])
    assert verdict == MEMORISING
    assert sufficient.value is not None
    assert sufficient.value < 0.9


def test_a_function_of_the_product_lies_in_equal_blocks() -> None:
    values = np.random.default_rng(0).normal(size=10)
    energy = energy_spectrum(torch.from_numpy(values[D5.table]), D5.basis)
    assert energy.shape == (4, 4)
    assert energy.sum() == pytest.approx(10 * (values**2).sum())
    assert diagonal_share(energy) == pytest.approx(1)


def test_ablated_neurons_of_a_block_change_the_logits_there() -> None:
    block = D5.basis.block_of("2")
    acts, grid = network("d5", character_logits(D5, {block: 1.0}), block_neurons(D5, block))
    check = cross_talk_check(acts, grid, variance_shares(acts.neuron_grid(grid), D5.basis), [block])
    assert check.value == pytest.approx(1)
    assert len(check.evidence["share of the change by frequency"][0]) == D5.basis.n_blocks - 1


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_run(tmp_path_factory.mktemp("run") / "d5", CONFIG, initial_weights(CONFIG))


@pytest.mark.slow
def test_a_network_of_d5_is_audited_by_blocks_and_drawn(untrained: Run, tmp_path: Path) -> None:
    record = audit_checkpoint(untrained, 0)
    found = record["operations"]["d5"]
    assert found["verdict"] == NOTHING  # it has learnt nothing
    assert found["blocks"] == list(D5.basis.labels)
    assert "key_frequencies" not in found
    questions = " ".join(check["question"] for check in found["checks"])
    assert "block" in questions
    assert "frequenc" not in questions
    assert draw_page(record, "d5", tmp_path / "page.png").stat().st_size > 10_000


def test_a_row_of_the_series_names_blocks(untrained: Run) -> None:
    row = audit_row([RunView(untrained)], {"d5": [1]})
    assert row["verdict"] == NOTHING
    assert set(row["key_blocks"]) <= set(D5.basis.labels)
