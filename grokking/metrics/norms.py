"""How large the weights are (docs/definitions.md, "Weights")."""

import math
from collections.abc import Mapping

from torch import Tensor

from grokking.metrics.registry import METRICS, PROGRESS, Metric, Row, Scope


def weight_norm(weights: Mapping[str, Tensor]) -> float:
    """L2 norm over all parameters, summed in float64."""
    # An exact sum, since weights come in another order from a file than from training.
    return math.fsum(w.double().square().sum().item() for w in weights.values()) ** 0.5


def matrix_norms(weights: Mapping[str, Tensor]) -> dict[str, float]:
    """L2 norm of every parameter by its name, summed in float64 (heads together).

    Their root sum of squares is ``weight_norm``.
    """
    return {name: weight_norm({name: tensor}) for name, tensor in weights.items()}


def _weight_norm(scope: Scope) -> Row:
    return {"weight_norm": weight_norm(scope.acts.weights)}


def _all_norms(scope: Scope) -> Row:
    weights, order = scope.acts.weights, scope.acts.shape.parameter_shapes()
    norms = matrix_norms({name: weights[name] for name in order})
    return {"weight_norm": weight_norm(weights)} | {f"norm_{name}": norm for name, norm in norms.items()}


METRICS.register(Metric("weight_norm", _weight_norm, ("weight_norm",), rank=20))
METRICS.register(Metric("matrix_norms", _all_norms, ("weight_norm", "norm_"), when=PROGRESS, rank=20))
