"""Blocks of any group in the place of frequencies: networks written down, whose numbers are known by hand."""

from typing import Any

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.engines.outputs import PairOutputs
from grokking.from_config import initial_weights, shape_of, task_of
from grokking.groups.base import Group
from grokking.groups.basis import BlockBasis, fourier_basis
from grokking.groups.families import named_group
from grokking.metrics.activations import ActivationCache
from grokking.metrics.embedding import dominant_circle, embedding_nulls, frequency_share, gini
from grokking.metrics.history_row import measure_row
from grokking.metrics.logit_measures import logit_measures, similarity_row
from grokking.metrics.logits import GroupLogits
from grokking.metrics.neurons import (
    fit_sinusoids,
    fourier_strength_null,
    key_frequencies,
    mean_by_answer,
    variance_shares,
)
from grokking.tasks.pairs import GroupGrid

GROUPS = ["s3", "q8", "d5", "a4"]
D_MLP = 4


def network(name: str, logits: np.ndarray, neurons: np.ndarray) -> tuple[ActivationCache, GroupGrid]:
    """A network with these logits [n², n] and neurons [n², 4] on all pairs."""
    config = RunConfig(task=name, d_model=4, n_heads=1, d_mlp=D_MLP)
    task = task_of(config)
    acts = ActivationCache(initial_weights(config), shape_of(config), task)
    acts.__dict__["outputs"] = PairOutputs(
        torch.from_numpy(neurons).float(), torch.from_numpy(logits).float()
    )
    grid = task.grid(name)
    assert grid is not None
    return acts, grid


def character_logits(group: Group, weights: dict[int, float]) -> np.ndarray:
    """Σ weight · χ(a·b·c⁻¹) over blocks, each χ of norm 1 over the group: [n², n]."""
    quotients = group.table[group.table.ravel()][:, group.inverses]
    characters = group.block_characters / np.linalg.norm(group.block_characters, axis=1, keepdims=True)
    return np.asarray(sum(weight * characters[block][quotients] for block, weight in weights.items()))


def block_neurons(group: Group, block: int) -> np.ndarray:
    """Four neurons that are functions of the answer in one block, with a constant: [n², 4]."""
    rows = group.basis.rows[group.basis.rows_of(block)]
    mixed = np.random.default_rng(block).normal(size=(D_MLP, len(rows))) @ rows + 1.0
    return np.asarray(mixed[:, group.table.ravel()].T)


@pytest.mark.parametrize("name", GROUPS)
def test_logits_that_are_one_character_have_similarity_one_with_it(name: str) -> None:
    group = named_group(name)
    for block in range(1, group.basis.n_blocks):
        acts, grid = network(name, character_logits(group, {block: 3.0, 0: 5.0}), block_neurons(group, block))
        row = similarity_row(GroupLogits.of(acts, grid, None), [block])
        similarity = row["logit_similarity"]
        assert list(similarity) == list(group.basis.labels[1:])
        expected = {label: float(label == group.basis.labels[block]) for label in similarity}
        assert similarity == pytest.approx(expected, abs=1e-6)
        assert row["logits_explained"] == pytest.approx(1, abs=1e-6)


def test_two_characters_share_by_their_squares() -> None:
    """Weights 3 and -4: cosines 0.6 and -0.8; what a key block explains is its square."""
    group = named_group("q8")
    acts, grid = network("q8", character_logits(group, {1: 3.0, 4: -4.0}), block_neurons(group, 4))
    logits = GroupLogits.of(acts, grid, None)
    assert logits.similarity() == pytest.approx([0.6, 0, 0, -0.8], abs=1e-6)
    assert logits.fve() == pytest.approx([0.36, 0, 0, 0.64], abs=1e-6)
    assert similarity_row(logits, [4])["logits_explained"] == pytest.approx(0.64, abs=1e-6)
    assert similarity_row(logits, [])["logits_explained"] is None


@pytest.mark.parametrize("name", GROUPS)
def test_a_neuron_of_one_block_belongs_to_it_and_its_block_is_key(name: str) -> None:
    group = named_group(name)
    block = group.basis.n_blocks - 1
    acts, grid = network(name, character_logits(group, {block: 1.0}), block_neurons(group, block))
    means = mean_by_answer(acts.neuron_grid(grid), grid.s)
    np.testing.assert_allclose(means[group.table.ravel()], block_neurons(group, block), atol=1e-5)
    fit = fit_sinusoids(means, group.basis)
    assert fit.r2 == pytest.approx(np.ones(D_MLP))
    assert set(fit.frequency) == {block}
    shares = variance_shares(acts.neuron_grid(grid), group.basis)
    assert shares.fve == pytest.approx(np.ones(D_MLP), abs=1e-5)
    assert key_frequencies(shares) == [block]


@pytest.mark.parametrize("name", GROUPS)
def test_the_shares_of_all_blocks_in_a_function_of_the_answer_add_up_to_one(name: str) -> None:
    group = named_group(name)
    of_answer = np.random.default_rng(0).normal(size=(group.order, D_MLP))
    acts, grid = network(name, character_logits(group, {1: 1.0}), of_answer[group.table.ravel()])
    shares = variance_shares(acts.neuron_grid(grid), group.basis).by_frequency
    assert shares.sum(axis=0) == pytest.approx(np.ones(D_MLP), abs=1e-5)


@pytest.mark.parametrize("name", ["s3", "a4"])
def test_restricted_and_excluded_loss_keep_and_remove_a_block(name: str) -> None:
    """Of logits in one block alone: restricting keeps them all, excluding leaves those of a guess, ln n."""
    group = named_group(name)
    block = group.basis.n_blocks - 1
    acts, grid = network(name, character_logits(group, {block: 60.0}), block_neurons(group, block))
    logits = GroupLogits.of(acts, grid, None)
    full = logits.full_losses()["group_loss"]
    assert logits.restricted_losses([block])["restricted_loss"] == pytest.approx(full, rel=1e-4)
    trained = GroupLogits(
        logits.logits, logits.s, logits.table, {**logits.parts, "_train": logits.parts[""]}, logits.group
    )
    without, alone = trained.excluded_losses([block])
    assert without == pytest.approx(np.log(group.order), abs=1e-5)
    assert alone == [without]
    row = logit_measures(trained, [block])
    label = group.basis.labels[block]
    assert row["excluded_loss_by_frequency"] == {label: without}
    assert row["logit_fve_by_frequency"][label] == pytest.approx(1, abs=1e-5)


def row_of(name: str) -> dict[str, Any]:
    config = RunConfig(task=name, d_model=8, n_heads=2, d_mlp=16)
    return measure_row(ActivationCache(initial_weights(config), shape_of(config), task_of(config)), None)


def test_a_row_of_the_history_names_blocks_by_their_labels() -> None:
    row = row_of("s3")
    labels = ["sign", "standard"]
    assert row["dominant_block"] in labels
    assert set(row["key_blocks"]) <= set(labels)
    for name in ("embedding_share", "unembedding_share", "readout_share"):
        assert list(row[name]) == labels
        assert sum(row[name].values()) == pytest.approx(1, abs=1e-5)
    assert row["embedding_circularity"] is row["embedding_circularity_null"] is None
    assert not {"key_frequencies", "dominant_frequency", "frequency_share"} & set(row)


def test_a_cyclic_group_by_name_has_the_columns_of_frequencies_and_those_of_any_group() -> None:
    row, sums = row_of("c10"), measure_row_of_sums()
    shared = set(row) & set(sums)
    assert {name: row[name] for name in shared} == {name: sums[name] for name in shared}
    assert set(sums) <= set(row)
    assert set(row) - set(sums) == {
        "embedding_share",
        "unembedding_share",
        "readout_share",
        "logit_similarity",
        "logits_explained",
    }
    assert list(row["logit_similarity"]) == ["1", "2", "3", "4", "5"]


def measure_row_of_sums() -> dict[str, Any]:
    config = RunConfig(task="add", p=10, d_model=8, n_heads=2, d_mlp=16)
    return measure_row(ActivationCache(initial_weights(config), shape_of(config), task_of(config)), None)


@pytest.mark.parametrize("n", [7, 10])
def test_the_blocks_of_a_cyclic_group_measured_as_those_of_any_group_are_its_frequencies(n: int) -> None:
    """The Fourier basis under the general class gives what the Fourier path gives."""
    fourier = fourier_basis(n)
    general = BlockBasis(fourier.rows, fourier.blocks)
    rng = np.random.default_rng(0)
    embedding, means = rng.normal(size=(n, 5)), rng.normal(size=(n, 6))
    embedding -= embedding.mean(axis=0)
    grid = torch.from_numpy(rng.normal(size=(n, n, 6))).float()
    np.testing.assert_allclose(frequency_share(embedding, general), frequency_share(embedding), rtol=1e-12)
    assert gini(embedding, general) == pytest.approx(gini(embedding), rel=1e-12)
    assert embedding_nulls(embedding, 40, general).gini == pytest.approx(embedding_nulls(embedding, 40).gini)
    np.testing.assert_allclose(fit_sinusoids(means, general).r2, fit_sinusoids(means).r2, rtol=1e-12)
    assert fourier_strength_null(means, 40, general) == fourier_strength_null(means, 40)
    np.testing.assert_allclose(
        variance_shares(grid, general).by_frequency, variance_shares(grid).by_frequency, rtol=1e-6
    )
    assert dominant_circle(embedding, general) is None
    assert embedding_nulls(embedding, 40, general).circularity is None
