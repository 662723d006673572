"""Each gradient filter against its formula, over enough updates for windows to turn."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from grokking.gradient_filters import GRADIENT_FILTERS

SIZES = {"W": (3, 4), "b": (4,)}
N = 11


def drawn(seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(size, generator=generator) for name, size in SIZES.items()}


def filtered(
    name: str, count: Callable[[int], int | Tensor] = int, **options: float
) -> list[dict[str, Tensor]]:
    """The gradients ``drawn(1)`` … ``drawn(N)`` as they leave the filter, at the weights ``drawn(0)``."""
    entry = GRADIENT_FILTERS.get(name)
    chosen, found = entry.options(**options), []
    shapes = {key: entry.state_shapes(key, size, chosen) for key, size in SIZES.items()}
    state = {s: {key: torch.zeros(of[s]) for key, of in shapes.items()} for s in shapes["W"]}
    for n in range(N):
        g = drawn(n + 1)
        entry.apply(drawn(0), g, state, chosen, count(n))
        found.append(g)
    return found


def test_without_a_filter_nothing_changes() -> None:
    for n, g in enumerate(filtered("none")):
        assert all(torch.equal(g[key], t) for key, t in drawn(n + 1).items())


COUNTS = [int, lambda n: torch.tensor(float(n))]
"""Updates so far as a number, and as a GPU has them."""


@pytest.mark.parametrize("count", COUNTS)
def test_grokfast_ema_adds_the_running_mean(count: Callable[[int], int | Tensor]) -> None:
    mean = drawn(1)["W"]  # the first gradient is where it begins
    for n, g in enumerate(filtered("grokfast_ema", count, filter_decay=0.7, filter_gain=3.0)):
        raw = drawn(n + 1)["W"]
        mean = 0.7 * mean + 0.3 * raw
        torch.testing.assert_close(g["W"], raw + 3.0 * mean)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("window", [1, 2, 4])
def test_grokfast_ma_adds_the_mean_of_a_full_window(
    window: int, count: Callable[[int], int | Tensor]
) -> None:
    raw = [drawn(n + 1) for n in range(N)]
    for n, g in enumerate(filtered("grokfast_ma", count, filter_window=window, filter_gain=3.0)):
        for key in SIZES:
            last = [r[key] for r in raw[max(0, n + 1 - window) : n + 1]]
            gain = 3.0 if len(last) == window else 0.0
            torch.testing.assert_close(g[key], raw[n][key] + gain * torch.stack(last).mean(0))


def test_orthogonal_gradients_keep_their_length() -> None:
    weights = drawn(0)
    for n, g in enumerate(filtered("orthogonal")):
        for key, raw in drawn(n + 1).items():
            assert abs(float((g[key] * weights[key]).sum())) < 1e-5
            assert float(g[key].norm()) == pytest.approx(float(raw.norm()), rel=1e-5)
            # It stays in the plane of weights and gradient.
            basis = torch.stack([weights[key].flatten(), raw.flatten()]).T
            solved = torch.linalg.lstsq(basis, g[key].flatten()[:, None])
            torch.testing.assert_close(
                (basis @ solved.solution).flatten(), g[key].flatten(), rtol=0, atol=1e-5
            )


def test_orthogonal_gradient_by_hand_and_at_weights_of_zero() -> None:
    entry = GRADIENT_FILTERS.get("orthogonal")
    weights = {"w": torch.tensor([2.0, 0.0]), "zero": torch.zeros(2)}
    gradients = {"w": torch.tensor([3.0, -4.0]), "zero": torch.tensor([3.0, -4.0])}
    entry.apply(weights, gradients, {}, entry.options(), 0)
    assert gradients["w"].tolist() == [0.0, -5.0]
    assert gradients["zero"].tolist() == [3.0, -4.0]
