"""Parallelograms that close, and those that do not."""

import numpy as np
import pytest

from grokking.metrics.representation_quality import parallelograms


def centred(x: np.ndarray) -> np.ndarray:
    return np.asarray(x - x.mean(axis=0))


@pytest.mark.parametrize("sign", [1, -1])
def test_random_embeddings_leave_the_gap_of_a_random_parallelogram(sign: int) -> None:
    share, gap = parallelograms(centred(np.random.default_rng(0).normal(size=(41, 300))), sign)
    assert share == 0
    assert gap == pytest.approx(1, abs=0.05)


def test_numbers_on_a_line_close_where_nothing_wraps_around() -> None:
    line = np.arange(9.0)[:, None]  # 0 … 8 without wrapping: closes where i + j = m + n as whole numbers
    share, gap = parallelograms(centred(line))
    assert share is not None
    # Counted by hand: pairs i < j with one remainder of i + j, of which those with one sum close.
    closing = total = 0
    pairs = [(i, j) for j in range(9) for i in range(j)]
    for x, first in enumerate(pairs):
        for second in pairs[:x]:
            if (sum(first) - sum(second)) % 9 == 0:
                total += 1
                closing += sum(first) == sum(second)
    assert share == pytest.approx(closing / total)
    assert gap is not None
    assert gap > 0


def test_a_circle_keeps_the_direction_and_not_the_length() -> None:
    """E_i + E_j = 2 cos(ω (i - j) / 2) at the angle of s / 2: half of a random gap's square, in one
    direction."""
    w = 2 * np.pi * np.arange(101) / 101
    share, gap = parallelograms(centred(np.stack([np.cos(w), np.sin(w)], axis=1)))
    assert share is not None
    assert share < 0.2
    assert gap == pytest.approx(1, abs=0.03)


def test_equal_embeddings_have_no_gap_to_measure() -> None:
    assert parallelograms(np.zeros((5, 3))) == (None, None)
