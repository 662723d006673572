"""Which frequencies are key: those that own two neurons in a hundred, each by 85 % of its variance."""

import numpy as np
import pytest

from grokking.metrics.neurons import VarianceShares, key_frequencies, variance_shares
from tests.metrics.waves import cosine, grid_of


def shares_of(n_frequencies: int, owners: list[int], share: float = 0.9) -> VarianceShares:
    """Neurons that each give ``share`` to one frequency (0: to none)."""
    by_frequency = np.zeros((n_frequencies, len(owners)))
    for neuron, k in enumerate(owners):
        if k:
            by_frequency[k - 1, neuron] = share
    return VarianceShares(by_frequency)


@pytest.mark.parametrize(
    "owners, expected",
    [
        ([5] * 50 + [3] * 30 + [8] * 20, [5, 3, 8]),
        ([3] * 20 + [8] * 50 + [5] * 30, [8, 5, 3]),
        ([9] * 10 + [2] * 10 + [4] * 80, [4, 2, 9]),  # ties by the smaller k
        ([3] * 2 + [5] * 1 + [0] * 97, [3]),  # 2 % of all neurons, dead ones included
        ([0] * 100, []),
        ([1] * 49 + [10] * 51, [10, 1]),
    ],
)
def test_key_frequencies_own_two_percent_of_all_neurons(owners: list[int], expected: list[int]) -> None:
    assert key_frequencies(shares_of(10, owners)) == expected


@pytest.mark.parametrize("d_mlp", [50, 100, 150, 350, 500, 512, 550, 1100, 3500])
def test_two_percent_is_reached_by_two_in_a_hundred(d_mlp: int) -> None:
    needed = -(-2 * d_mlp // 100)
    for owned, expected in ((needed, [4]), (needed - 1, [])):
        assert key_frequencies(shares_of(6, [4] * owned + [0] * (d_mlp - owned))) == expected


@pytest.mark.parametrize("share, expected", [(0.85, []), (0.8501, [2]), (1.0, [2])])
def test_a_neuron_belongs_above_85_percent(share: float, expected: list[int]) -> None:
    assert key_frequencies(shares_of(3, [2] * 10, share)) == expected


@pytest.mark.parametrize("n", [23, 22])
def test_key_frequencies_of_a_hand_made_layer(n: int) -> None:
    high = n // 2
    ks = [3] * 40 + [high] * 30 + [7] * 29
    neurons = [lambda a, b, k=k: np.maximum(0.0, 4 + cosine(n, k)(a + b)) for k in ks]
    assert key_frequencies(variance_shares(grid_of(n, *neurons, lambda a, b: 0 * a))) == [3, high, 7]
