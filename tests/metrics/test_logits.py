import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.from_config import split_of
from grokking.metrics.logits import GroupLogits, excluded_loss, project, restricted_losses
from grokking.tasks.modular import make_task
from grokking.tasks.pairs import GroupGrid
from grokking.tasks.split import Split
from tests.metrics.handmade import cosine_cube, observe

CASES = [
    (23, "add", [2, 5, 7]),
    (59, "sub", [3, 11, 20, 28]),
    (23, "mul", [1, 4, 11]),  # n = 22: the highest frequency has a cosine only
    (59, "div", [7, 12, 29]),
]


def drawn_split(p: int, operation: str) -> Split:
    return split_of(RunConfig(p=p, task=operation, train_frac=0.4), make_task(p, operation))


def loss(logits: np.ndarray, answers: np.ndarray) -> float:
    """Cross-entropy written out, [N, n] and [N]."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_probability[np.arange(len(answers)), answers].mean())


def naive_projection(cube: np.ndarray, s: np.ndarray, k: int) -> np.ndarray:
    """(u_k u_kᵀ + v_k v_kᵀ) L straight from the definition: vectors over n² pairs, [n², n]."""
    n = cube.shape[-1]
    flat, projected = cube.reshape(n * n, n), np.zeros((n * n, n))
    for wave in (np.cos, np.sin):
        u = wave(2 * np.pi * k * s / n)
        if 2 * k == n and wave is np.sin:
            continue
        u /= np.linalg.norm(u)
        projected += np.outer(u, u @ flat)
    return projected


def naive_fve(cube: np.ndarray, s: np.ndarray, k: int) -> float:
    n = cube.shape[-1]
    flat = cube.reshape(n * n, n)
    flat = flat - flat.mean(axis=1, keepdims=True)
    wave = np.cos(2 * np.pi * k * (s[:, None] - np.arange(n)) / n)
    return float((flat * wave).sum() ** 2 / ((flat**2).sum() * (wave**2).sum()))


def in_split(grid: GroupGrid, rows: np.ndarray) -> np.ndarray:
    return np.isin(grid.rows, rows)


@pytest.mark.parametrize("p, operation, keys", CASES)
def test_cosines_alone_are_kept_whole_and_nothing_is_left_without_them(p, operation, keys):
    n = p if operation in ("add", "sub") else p - 1
    sign = +1 if operation in ("add", "mul") else -1
    seen, grid = observe(p, operation, cosine_cube(n, sign, keys, amplitude=100.0), extra_class=True)
    measured = GroupLogits.of(seen, grid, drawn_split(p, operation))
    restricted = measured.restricted_losses(keys)
    for part in ("", "_train", "_test"):
        assert restricted["restricted_loss" + part] < 1e-6
        assert restricted["restricted_loss" + part] == pytest.approx(
            measured.full_losses()["group_loss" + part], abs=1e-9
        )
    at_once, singly = measured.excluded_losses(keys)
    assert at_once == pytest.approx(np.log(n), abs=1e-4)
    assert len(singly) == len(keys)
    # Each wave carries the same energy, but for the lone cosine, which carries twice as much.
    energy = np.array([2.0 if 2 * k == n else 1.0 for k in keys])
    fve = measured.fve()
    np.testing.assert_allclose(fve[np.array(keys) - 1], energy / energy.sum(), rtol=1e-5)
    assert fve.sum() == pytest.approx(1.0, rel=1e-5)


def test_excluded_loss_of_exact_cosines_is_ln_n():
    n, keys = 59, [3, 7, 20]
    cube = cosine_cube(n, +1, keys, amplitude=30.0)
    a, b = np.divmod(np.arange(n * n), n)
    seen, grid = observe(n, "add", cube)
    table = GroupLogits.of(seen, grid, None).table
    exact = cosine_cube(n, +1, keys, amplitude=30.0)[0]
    np.testing.assert_allclose(project(exact, keys), exact, atol=1e-12)
    np.testing.assert_allclose(table, exact, atol=1e-5)
    rest = excluded_loss(torch.from_numpy(cube.reshape(n * n, n)), (a + b) % n, exact, keys)
    assert rest == pytest.approx(np.log(n), rel=1e-12)


@pytest.mark.parametrize("p, operation, keys", CASES)
def test_random_logits_give_what_the_definition_gives(p, operation, keys):
    n = p if operation in ("add", "sub") else p - 1
    rng = np.random.default_rng(p)
    cube = (3 * rng.standard_normal((n, n, n))).astype(np.float32).astype(float)
    seen, grid = observe(p, operation, cube, extra_class=True)
    split = drawn_split(p, operation)
    measured = GroupLogits.of(seen, grid, split)
    flat, kept = cube.reshape(n * n, n), {k: naive_projection(cube, grid.s, k) for k in keys}
    restricted = sum(kept.values()) + flat.mean(axis=0)
    parts = {"": slice(None), "_train": in_split(grid, split.train), "_test": in_split(grid, split.test)}
    got = {**measured.full_losses(), **measured.restricted_losses(keys)}
    for part, rows in parts.items():
        s = grid.s[rows]
        assert got["group_loss" + part] == pytest.approx(loss(flat[rows], s), rel=1e-10)
        assert got["restricted_loss" + part] == pytest.approx(loss(restricted[rows], s), rel=1e-10)
    train, s = parts["_train"], grid.s[parts["_train"]]
    at_once, singly = measured.excluded_losses(keys)
    assert at_once == pytest.approx(loss((flat - sum(kept.values()))[train], s), rel=1e-10)
    for k, value in zip(keys, singly, strict=True):
        assert value == pytest.approx(loss((flat - kept[k])[train], s), rel=1e-10)
    fve = [naive_fve(cube, grid.s, k) for k in range(1, n // 2 + 1)]
    np.testing.assert_allclose(measured.fve(), fve, rtol=1e-9, atol=1e-15)


def test_pairs_and_classes_outside_the_group_have_no_say():
    """observe() puts logits of 100 there; a loss that saw one would be near 100."""
    seen, grid = observe(23, "mul", np.zeros((22, 22, 22)), extra_class=True)
    measured = GroupLogits.of(seen, grid, drawn_split(23, "mul"))
    values = {**measured.full_losses(), **measured.restricted_losses([1, 11])}.values()
    assert list(values) == pytest.approx([np.log(22)] * 6)
    assert measured.excluded_losses([1, 11])[0] == pytest.approx(np.log(22))


def test_parts_are_those_of_the_split():
    split = drawn_split(23, "mul")
    seen, grid = observe(23, "mul", np.zeros((22, 22, 22)))
    measured = GroupLogits.of(seen, grid, split)
    assert measured.parts["_train"].sum() == np.isin(split.train, grid.rows).sum()
    assert (measured.parts["_train"] ^ measured.parts["_test"]).all()


def test_all_frequencies_and_the_constant_are_everything():
    for n in (22, 23):
        table = np.random.default_rng(n).standard_normal((n, n))
        whole = project(table, range(1, n // 2 + 1)) + table.mean(axis=0)
        np.testing.assert_allclose(whole, table, atol=1e-12)


def test_a_frequency_named_twice_counts_once():
    table = np.random.default_rng(0).standard_normal((22, 22))
    np.testing.assert_array_equal(project(table, [3, 11, 3]), project(table, [3, 11]))


def test_no_frequency_keeps_the_constant_only():
    table = np.random.default_rng(0).standard_normal((23, 23))
    assert not project(table, []).any()
    constant = np.tile(table.mean(axis=0), (23, 1))
    assert restricted_losses(table, []).mean() == pytest.approx(loss(constant, np.arange(23)))


def test_equal_logits_explain_nothing_and_divide_by_nothing():
    seen, grid = observe(23, "add", np.full((23, 23, 23), 5.0))
    assert not GroupLogits.of(seen, grid, None).fve().any()


def test_without_a_split_there_is_no_train_and_no_excluded_loss():
    seen, grid = observe(23, "add", np.zeros((23, 23, 23)))
    measured = GroupLogits.of(seen, grid, None)
    assert set(measured.full_losses()) == {"group_loss"}
    with pytest.raises(ValueError, match="split is unknown"):
        measured.excluded_losses([1])


def test_the_smallest_group_of_all():
    """p = 3: two pairs to multiply with, one frequency, and a split that can miss the group."""
    seen, grid = observe(3, "mul", cosine_cube(2, +1, [1], amplitude=20.0))
    rows = np.arange(9)
    split = Split(rows[~np.isin(rows, grid.rows)], grid.rows)
    measured = GroupLogits.of(seen, grid, split)
    assert measured.restricted_losses([1])["restricted_loss_train"] is None
    assert measured.restricted_losses([1])["restricted_loss_test"] < 1e-6
    assert measured.excluded_losses([1]) == (None, [None])
