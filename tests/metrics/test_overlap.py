"""Circuits written down by hand: which neurons and directions they share is known."""

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.engines.outputs import PairOutputs
from grokking.from_config import initial_weights, shape_of
from grokking.groups.cyclic import additive_group, multiplicative_group
from grokking.metrics.activations import ActivationCache
from grokking.metrics.circuit_overlap import (
    neurons_serving,
    shared_by_chance,
    shared_energy,
    single_frequency_share,
    token_waves,
    wave_directions,
)
from grokking.metrics.neurons import VarianceShares, key_frequencies, variance_shares
from grokking.runs.progress_measures import measure_checkpoint
from grokking.tasks.modular import make_task

ADD, MUL = additive_group, multiplicative_group
N_LIVE = 8


def observed(p: int, k_add: int, k_mul: int) -> ActivationCache:
    """Eight live neurons: two are waves of add only, one of mul only, three of both, two of neither."""
    task = make_task(p, "add,mul")
    config = RunConfig(p=p, task="add,mul", d_model=16, n_heads=2, d_mlp=N_LIVE + 2)
    shape, neurons = shape_of(config), np.zeros((len(task.tokens), N_LIVE + 2))
    noise = np.random.default_rng(0).normal(size=(len(task.tokens), N_LIVE))
    for name, k, served in (("add", k_add, (0, 1, 3, 4, 5)), ("mul", k_mul, (2, 3, 4, 5))):
        grid = task.grid(name)
        wave = np.cos(2 * np.pi * k * grid.s / grid.n)
        for j in range(N_LIVE):
            neurons[grid.rows, j] = wave if j in served else noise[grid.rows, j]
    acts = ActivationCache(initial_weights(config), shape, task)
    logits = torch.zeros(len(task.tokens), shape.n_classes)
    acts.__dict__["outputs"] = PairOutputs(torch.from_numpy(neurons).float(), logits)
    return acts


def keys_of(acts: ActivationCache) -> dict[str, list[int]]:
    """The key frequencies of a network, by operation."""
    grids = {name: acts.task.grid(name) for name in acts.task.names}
    return {name: key_frequencies(variance_shares(acts.neuron_grid(grid))) for name, grid in grids.items()}


@pytest.mark.parametrize("p", [23, 59])
def test_neurons_are_counted_for_what_they_serve(p: int) -> None:
    acts = observed(p, 3, 5)
    keys = keys_of(acts)
    assert keys == {"add": [3], "mul": [5]}
    row = measure_checkpoint(acts, None, keys, dict.fromkeys(keys))
    assert {name: row[f"neurons_serving_{name}"] for name in ("none", "add", "mul", "add+mul")} == {
        "none": 2 / 8,
        "add": 2 / 8,
        "mul": 1 / 8,
        "add+mul": 3 / 8,
    }
    assert row["single_frequency_share_add"] == 5 / 8
    assert row["single_frequency_share_mul"] == 4 / 8
    assert row["neuron_owned_share_add"] == 5 / 10  # of all, the two dead ones included
    assert len(row["shared_energy_add_with_mul"]) == 1


def test_the_highest_frequency_of_an_even_order_counts() -> None:
    acts = observed(23, 3, 11)
    keys = keys_of(acts)
    assert keys["mul"] == [11]
    row = measure_checkpoint(acts, None, keys, dict.fromkeys(keys))
    assert row["single_frequency_share_mul"] == 4 / 8
    assert row["neurons_serving_add+mul"] == 3 / 8


def test_a_task_of_one_operation_has_no_overlap() -> None:
    task, config = make_task(11, "add"), RunConfig(p=11, d_model=16, n_heads=2, d_mlp=8)
    acts = ActivationCache(initial_weights(config), shape_of(config), task)
    row = measure_checkpoint(acts, None, keys_of(acts), {"add": None})
    assert not [name for name in row if name.startswith(("neurons_serving", "shared_energy"))]
    assert "single_frequency_share" in row


def test_shares_by_set_of_operations() -> None:
    owned = {
        "a": np.array([1, 1, 0, 0, 1], bool),
        "b": np.array([1, 0, 1, 0, 1], bool),
        "c": np.array([0, 0, 0, 0, 1], bool),
    }
    alive = np.array([1, 1, 1, 1, 0], bool)
    found = neurons_serving(owned, alive)
    assert list(found) == ["none", "a", "b", "c", "a+b", "a+c", "b+c", "a+b+c"]
    assert found == {"none": 0.25, "a": 0.25, "b": 0.25, "c": 0, "a+b": 0.25, "a+c": 0, "b+c": 0, "a+b+c": 0}
    assert set(neurons_serving(owned, np.zeros(5, bool)).values()) == {None}


def test_dead_neurons_are_neither_single_nor_not() -> None:
    shares = VarianceShares(np.array([[0.9, 0.8, 0.0, 0.1], [0.1, 0.1, 0.0, 0.86]]))
    assert single_frequency_share(shares, np.array([1, 1, 0, 1], bool)) == 2 / 3
    assert single_frequency_share(shares, np.zeros(4, bool)) is None


# Directions of the embedding

KEYS = {"add": (ADD(23), [2, 7]), "mul": (MUL(23), [3, 11])}


def rows_of(axes: dict[tuple[str, int], list[int]], d_model: int = 12) -> np.ndarray:
    """W_E of the numbers mod 23, each wave written along axes of its own choice, 3 times as strong."""
    rows = np.full((23, d_model), 0.7)
    for (name, k), at in axes.items():
        rows[:, at] += 3 * token_waves(KEYS[name][0], k)
    return rows


APART = {("add", 2): [0, 1], ("add", 7): [2, 3], ("mul", 3): [4, 5], ("mul", 11): [6]}


def test_waves_of_two_groups_are_told_apart() -> None:
    found = wave_directions(rows_of(APART), KEYS)
    for (name, k), at in APART.items():
        expected = np.zeros((len(at), 12))
        expected[range(len(at)), at] = 3
        np.testing.assert_allclose(found[name][k], expected, atol=1e-9)


def test_nothing_is_shared_in_directions_of_their_own() -> None:
    found = wave_directions(rows_of(APART), KEYS)
    assert list(shared_energy(found, "add", "mul").values()) == pytest.approx([0, 0], abs=1e-12)
    assert list(shared_energy(found, "mul", "add").values()) == pytest.approx([0, 0], abs=1e-12)
    assert shared_by_chance(found, "add") == 4 / 12
    assert shared_by_chance(found, "mul") == 3 / 12


def test_shared_directions_are_seen_by_frequency() -> None:
    together = APART | {("mul", 3): [0, 5]}  # its cosine lies along add's cosine at 2, its sine alone
    found = wave_directions(rows_of(together), KEYS)
    assert shared_energy(found, "mul", "add") == pytest.approx({3: 0.5, 11: 0}, abs=1e-12)
    assert shared_energy(found, "add", "mul") == pytest.approx({2: 0.5, 7: 0}, abs=1e-12)
    same = wave_directions(rows_of(APART | {("mul", 3): [0, 1], ("mul", 11): [2]}), KEYS)
    assert shared_energy(same, "mul", "add") == pytest.approx({3: 1, 11: 1})


def test_random_directions_share_what_chance_gives() -> None:
    rng, d_model, found = np.random.default_rng(0), 64, []
    for _ in range(200):
        planes = {name: {k: rng.normal(size=(2, d_model)) for k in (1, 2, 3)} for name in ("a", "b")}
        found += shared_energy(planes, "a", "b").values()
    assert shared_by_chance(planes, "b") == 6 / 64
    assert np.mean(found) == pytest.approx(6 / 64, rel=0.05)


def test_without_key_frequencies_there_is_nothing_to_share() -> None:
    found = wave_directions(rows_of(APART), {"add": KEYS["add"], "mul": (MUL(23), [])})
    assert shared_energy(found, "add", "mul") == shared_energy(found, "mul", "add") == {}
    assert shared_by_chance(found, "mul") is None
