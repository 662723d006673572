"""Directional derivatives: how the loss answers to more or less of each Fourier component."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from grokking.audit.ablations import NO_KEYS
from grokking.audit.verdict import SLOPE_RATIO, Check, above
from grokking.metrics.activations import ActivationCache
from grokking.metrics.directional_derivatives import (
    Loss,
    directional_derivatives,
    finite_differences,
    fourier_component,
    loss_along,
    random_directions,
)
from grokking.tasks.pairs import GroupGrid

AXES = {"W_E": 0, "W_U": 1}
"""Which axis of a parameter numbers residues."""
NEGLIGIBLE = 1e-6
"""Components below this share of the parameter's norm are none."""
N_OTHERS = N_RANDOM = 6
STEPS = {"first": 1e-3, "second": 1e-2}
"""Steps of the central differences, in L2 norm; a second difference needs the longer one."""


def derivative_checks(
    acts: ActivationCache,
    grid: GroupGrid,
    rows: np.ndarray,
    keys: Sequence[int],
    names: Sequence[str] = tuple(AXES),
) -> list[Check]:
    """One check per parameter, ``names`` being among ``AXES``.

    rows: of the task's pairs, whose mean loss is differentiated.
    """
    tokens, answers = acts.task.tokens[rows], acts.task.answers[rows]
    return [
        _derivative_check(acts, grid, name, loss_along(acts.weights, acts.shape, tokens, answers, name), keys)
        for name in names
    ]


def _derivative_check(
    acts: ActivationCache, grid: GroupGrid, name: str, loss: Loss, keys: Sequence[int]
) -> Check:
    axis, x = AXES[name], acts.weights[name].detach().cpu().double()
    others = _spread([k for k in range(1, grid.group.basis.n_blocks) if k not in keys])
    components = {k: fourier_component(x, grid.group, k, axis) for k in [*keys, *others]}
    # The direction of a component that is nothing but rounding means nothing.
    components = {k: v for k, v in components.items() if v.norm() > NEGLIGIBLE * x.norm()}
    by_frequency = [{"frequency": k, "key": k in keys, **_along(loss, x, v)} for k, v in components.items()]
    random = [_along(loss, x, v) for v in random_directions(x, grid.group, axis, N_RANDOM)]
    key, other = ([d for d in by_frequency if d["key"] is wanted] for wanted in (True, False))
    value = _ratio(key, other, "first")
    evidence: dict[str, Any] = {
        "null": "the steepest of the other frequencies over their median",
        "along frequencies": by_frequency,
        "along random directions": random,
        "unit": "nats per unit of L2 norm, on the train pairs (on all where the split is unknown)",
        "slope, other frequencies over random": _ratio(other, random, "first"),
        "curvature, keys over others": _ratio(key, other, "second"),
        "curvature, others over random": _ratio(other, random, "second"),
    }
    if components:
        evidence["finite differences"] = _compared(loss, x, next(iter(components.values())))
    return Check(
        f"slopes of {name}",
        f"Is the loss steeper along the key components of {name}?",
        value,
        _steepest(other),
        SLOPE_RATIO,
        above(
            value,
            SLOPE_RATIO,
            "steeper along the keys",
            "not steeper",
            "no other frequency" if keys else NO_KEYS,
        ),
        evidence,
    )


def _spread(frequencies: Sequence[int]) -> list[int]:
    """Up to ``N_OTHERS`` of them, evenly spaced."""
    if len(frequencies) <= N_OTHERS:
        return list(frequencies)
    return [frequencies[i] for i in np.linspace(0, len(frequencies) - 1, N_OTHERS).round().astype(int)]


def _along(loss: Loss, x: Tensor, direction: Tensor) -> dict[str, float]:
    """Derivatives per unit of L2 norm; ``norm`` is the length of the component itself."""
    norm = float(direction.norm())
    found = directional_derivatives(loss, x, direction / norm)
    return {"norm": norm, "first": found.first, "second": found.second}


def _compared(loss: Loss, x: Tensor, direction: Tensor) -> dict[str, float]:
    """Central differences along the first component listed, by their own two steps."""
    unit = direction / direction.norm()
    return {name: getattr(finite_differences(loss, x, unit, step), name) for name, step in STEPS.items()}


def _steepest(group: Sequence[dict[str, Any]]) -> float | None:
    """The largest slope over the median one."""
    return max((r for r in (_ratio([d], group, "first") for d in group) if r is not None), default=None)


def _ratio(above_line: Sequence[dict[str, Any]], below: Sequence[dict[str, Any]], name: str) -> float | None:
    """Median size over median size; None where one is missing or zero."""
    if not above_line or not below:
        return None
    top, bottom = (float(np.median([abs(d[name]) for d in group])) for group in (above_line, below))
    return top / bottom if bottom > 0 else None
