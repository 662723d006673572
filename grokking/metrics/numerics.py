"""Numerics at confidence: softmax collapse and naive loss minimisation (definitions, "Numerics at
confidence").

Prieto et al. 2025 (arXiv 2501.04697): without weight decay a network lowers its loss by scaling its
logits. Once a float32 softmax cannot tell its largest term from their sum, the gradient of that pair
vanishes.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from grokking.metrics.activations import ActivationCache
from grokking.metrics.flat_loss import by_parameter, flat_weights, gradient, train_loss
from grokking.metrics.logit_sums import is_collapsed
from grokking.metrics.registry import HISTORY, METRICS, PROGRESS, Metric, Row, Scope
from grokking.tasks.split import Split

COLLAPSE = ("softmax_collapse", "softmax_collapse_float64", "zero_loss")
ALL = "naive_loss_minimisation"


def collapsed(logits: Float[Tensor, "pairs classes"], dtype: torch.dtype) -> float:
    """Share of pairs whose Σ_c exp(z_c - max z) is exactly 1 in ``dtype``."""
    return float(is_collapsed(logits, dtype).mean())


def collapse_row(
    logits: Float[Tensor, "pairs classes"], losses: Float64[Tensor, "pairs"]
) -> dict[str, float]:
    """Share of collapsed pairs in float32 and in float64, and of those whose float64 loss is exactly 0."""
    by_dtype = [collapsed(logits, dtype) for dtype in (torch.float32, torch.float64)]
    return dict(zip(COLLAPSE, [*by_dtype, float((losses == 0).double().mean())], strict=True))


def descent_along_weights(acts: ActivationCache, split: Split) -> dict[str, float | None]:
    """Cosine between -∇L and the weights, of all parameters together and of each: ``nlm_W_E`` and the like.

    1 where a step of descent only scales the weights. None where a parameter or its gradient is 0.
    """
    flat = flat_weights(acts, torch.float32)
    downhill = -gradient(train_loss(acts, split), flat)
    steps, weights = by_parameter(downhill, acts), by_parameter(flat, acts)
    each = {f"nlm_{name}": cosine(steps[name], weights[name]) for name in weights}
    return {ALL: cosine(downhill, flat), **each}


def cosine(a: Float[Tensor, "*shape"], b: Float[Tensor, "*shape"]) -> float | None:
    """Cosine of two tensors as vectors, in float64; None where one is 0."""
    x, y = a.double().flatten(), b.double().flatten()
    lengths = float(x.norm() * y.norm())
    return float(x @ y) / lengths if lengths > 0 else None


def _collapse(scope: Scope) -> Row:
    if scope.split is None:
        return dict.fromkeys(COLLAPSE)
    rows, losses = scope.split.train, scope.acts.losses_and_correct[0]
    if (sums := scope.acts.logit_sums) is not None:
        found = [*sums.collapsed.values(), losses == 0]
        return dict(zip(COLLAPSE, (float(each[rows].mean()) for each in found), strict=True))
    logits = scope.acts.outputs.logits.cpu()[torch.from_numpy(rows)]
    return dict(collapse_row(logits, torch.from_numpy(losses[rows])))


def _descent(scope: Scope) -> Row:
    if scope.split is None:
        return {ALL: None}
    return dict(descent_along_weights(scope.acts, scope.split))


METRICS.register(Metric("softmax_collapse", _collapse, COLLAPSE, rank=25))
METRICS.register(
    Metric(
        "softmax_collapse_of_checkpoints",
        _collapse,
        COLLAPSE,
        when=PROGRESS,
        table=COLLAPSE[:1],
        goals={"softmax_collapse": 1.0},
        rank=82,
    )
)
for name, when, default in ((ALL, HISTORY, False), (f"{ALL}_of_checkpoints", PROGRESS, True)):
    METRICS.register(
        Metric(
            name,
            _descent,
            (ALL, "nlm_"),
            when=when,
            default=default,
            table=(ALL,) if when == PROGRESS else (),
            goals={ALL: 1.0} if when == PROGRESS else {},
            rank=84,
        )
    )
