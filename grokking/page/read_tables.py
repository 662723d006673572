"""Attention and neurons by look-up: small tables from which the page computes them for every pair.

Attention is a softmax of three scores, and what a head writes is linear in what it attends to; so a score and
a row of numbers per token and position are enough for all p² pairs (``grokking.engines.numba``).
"""

import numpy as np
import torch
from torch import Tensor

from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights, normalise, plus_bias


def attention_scores(weights: Weights, shape: ModelShape, operation: int) -> np.ndarray:
    """Scores of the operation's query, float64 [n_heads, 2p + 1]: tokens at position 0, at 1, itself.

    The attention of a pair (a, b) is the softmax of entries a, p + b and 2p.
    """
    w = _doubles(weights)
    x = normalise(_stream(w, shape, operation), w, "ln1", shape)
    query = plus_bias(torch.einsum("d,hde->he", x[-1], w["W_Q"]), w, "b_Q", shape)
    # Without b_K, which shifts all scores alike: their softmax is the same.
    keys = torch.einsum("rd,hde->hre", x, w["W_K"])
    return np.asarray((torch.einsum("hre,he->hr", keys, query) * shape.score_scale).numpy())


def neuron_inputs(
    weights: Weights, shape: ModelShape, operation: int, neurons: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What each head adds to some neurons' inputs per token, and what they get in any case.

    float64 [n_heads, 2p + 1, m] and [m]. The input of a neuron for (a, b) is the second plus, over heads,
    the first at entries a, p + b and 2p, weighted by their attention. neurons: int64 [m]. Raises ValueError
    for layer norm, which stands between the two.
    """
    if shape.layer_norm:
        raise ValueError("with layer norm the inputs of neurons are no sums over tokens")
    w = _doubles(weights)
    x, chosen = _stream(w, shape, operation), torch.from_numpy(neurons)
    W_in = w["W_in"][:, chosen]
    values = torch.einsum("rd,hde->hre", x, w["W_V"])
    if "b_V" in shape.biases:
        values = values + w["b_V"][:, None, :]
    by_token = torch.einsum("hre,hed,dm->hrm", values, w["W_O"], W_in)
    always = plus_bias(x[-1], w, "b_O", shape) @ W_in + w["b_in"][chosen]
    return by_token.numpy(), always.numpy()


def _doubles(weights: Weights) -> dict[str, Tensor]:
    return {name: tensor.double() for name, tensor in weights.items()}


def _stream(w: Weights, shape: ModelShape, operation: int) -> Tensor:
    """The residual stream before the layer, [2p + 1, d_model]: numbers at 0, at 1, the operation at 2."""
    p = shape.n_numbers
    own = w["W_E"][p + operation] + w["W_pos"][2]
    return torch.cat([w["W_E"][:p] + w["W_pos"][0], w["W_E"][:p] + w["W_pos"][1], own[None]])
