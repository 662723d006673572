"""How large each matrix is (definitions, "Weights")."""

from grokking.metrics.history_row import weight_norm
from grokking.models.transformer.network import Weights


def matrix_norms(weights: Weights) -> dict[str, float]:
    """L2 norm of every parameter by its name, summed in float64 (heads together).

    Their root sum of squares is ``weight_norm``.
    """
    return {name: weight_norm({name: tensor}) for name, tensor in weights.items()}
