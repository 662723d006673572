"""Which group a network has learned, read from its answers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.engines.outputs import PairOutputs
from grokking.errors import UserError
from grokking.groups.families import named_group
from grokking.runs.answer_table import answer_table, identify
from grokking.runs.run import Run
from grokking.runs.view import RunView

TINY = {"d_model": 8, "n_heads": 1, "d_mlp": 8, "n_epochs": 1, "log_every": 1, "train_frac": 0.5}


@pytest.fixture
def answering(tmp_path: Path, train_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    """(task, table) to the directory of a run whose network answers that table."""

    def make(task: str, table: np.ndarray | None = None, **fields: object) -> Path:
        path = train_run(RunConfig(task=task, **{**TINY, **fields}), tmp_path / task)
        if table is not None:
            logits = torch.eye(len(table))[torch.from_numpy(table.ravel().copy())]
            acts = Run(path).observe(1)
            acts.__dict__["outputs"] = PairOutputs(torch.zeros(len(logits), 8), logits)
            monkeypatch.setattr(Run, "observe", lambda *_, **__: acts)
        return path

    return make


def test_a_network_that_answers_a_groups_table_has_learned_that_group(answering) -> None:
    group = named_group("s4")
    path = answering("s4", group.table)
    assert np.array_equal(answer_table(RunView(Run(path))), group.table)
    lines = identify(path)
    assert lines[0] == "s4 at epoch 1: the answers are the multiplication table of S4"
    assert "  commuting pairs: 120 of 576" in lines  # 24 elements · 5 classes
    assert "  associativity: violated in 0 of all triples" in lines


def test_a_network_with_some_wrong_answers_is_given_with_its_shares(answering) -> None:
    table = named_group("s4").table.copy()
    table[3, [5, 7, 9]] = 0
    lines = identify(answering("s4", table))
    assert lines[0] == "s4 at epoch 1: 99.4792 % of the answers are as in the multiplication table of S4"
    assert not any("violated in 0 of" in line for line in lines)


def test_answers_that_are_no_groups_table_are_said_to_be_none(answering) -> None:
    lines = identify(answering("s3", np.zeros((6, 6), dtype=np.int64)))
    assert lines[0] == "s3 at epoch 1: the answers are near no group's multiplication table"


def test_answers_that_are_no_table_are_refused(answering, script) -> None:
    path = answering("div", p=5)
    with pytest.raises(
        UserError, match="the answers to a / b are no table: 20 of 25 pairs are asked"
    ) as error:
        identify(path)
    ended = script("identify", path)
    ended.assert_refused(str(error.value)[:40])
