"""Cosets in neurons: made of them by hand, and made of everything else."""

import numpy as np
import pytest
import torch

from grokking.groups.families import named_group
from grokking.groups.recognise import all_subgroups, coset_numbers
from grokking.metrics.cosets import (
    coset_share_null,
    coset_shares,
    proper_subgroups,
    subgroup_title,
    turned_within_blocks,
)

S4 = named_group("s4")


def neurons_of(subgroup: np.ndarray, seed: int = 0) -> torch.Tensor:
    """Five rectified sums of a function of a·H and one of H·b, float32 [24, 24, 5]."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2, 24, 5))
    left, right = (coset_numbers(S4, subgroup, side) for side in ("left", "right"))
    return torch.from_numpy(np.maximum(values[0][left][:, None] + values[1][right], 0)).float()


def test_neurons_made_of_cosets_are_explained_by_that_subgroup_and_no_larger_one() -> None:
    subgroup = next(h for h in all_subgroups(S4) if len(h) == 6)
    found = coset_shares(neurons_of(subgroup), S4)
    assert np.allclose(found.of_best, 1, atol=1e-5)
    assert all(np.array_equal(found.subgroups[i], subgroup) for i in found.best)
    assert subgroup_title(S4, subgroup) == "S3"


def test_noise_and_constants_are_explained_by_none() -> None:
    rng = np.random.default_rng(0)
    grid = torch.from_numpy(rng.normal(size=(24, 24, 8))).float()
    grid[:, :, 0] = 3
    found = coset_shares(grid, S4)
    assert found.of_best[0] == 0
    assert 0 < found.of_best[1:].mean() < 0.2  # the best of 28 subgroups
    assert found.share.max() > found.of_best.max()  # cells of two elements explain a quarter of noise


def test_turning_within_blocks_keeps_blocks_and_undoes_cosets() -> None:
    turned = turned_within_blocks(S4, 0, "left")
    assert np.allclose(turned @ turned.T, np.eye(24))
    for block in range(S4.basis.n_blocks):
        rows = S4.basis.rows[S4.basis.rows_of(block)]
        assert np.allclose(rows @ turned @ rows.T @ rows @ turned.T @ rows.T, np.eye(len(rows)))
    moved = np.eye(24)[:, S4.table[5]]  # f(x) to f(5·x)
    assert np.allclose(turned @ moved, moved @ turned)
    subgroup = next(h for h in all_subgroups(S4) if len(h) == 6)
    grid = neurons_of(subgroup)
    assert coset_share_null(grid, S4) < 0.95 < coset_shares(grid, S4).of_best.mean()


def test_a_group_of_prime_order_has_no_cosets_to_speak_of() -> None:
    group = named_group("c7")
    assert proper_subgroups(group) == ()
    with pytest.raises(ValueError, match="Z_7 has no subgroups but itself"):
        coset_shares(torch.zeros(7, 7, 1), group)
