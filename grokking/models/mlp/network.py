"""The forward pass of the MLP and the draw of its weights, written to be read."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grokking.errors import UserError
from grokking.models.activations import activation
from grokking.models.base import Weights
from grokking.models.mlp import SIDE_BY_SIDE, MLPShape


def embed(
    weights: Weights, shape: MLPShape, tokens: Int64[Tensor, "batch n_tokens"]
) -> Float[Tensor, "batch 2 d_model"]:
    """The embeddings of the two operands, [batch, 2, d_model]; the operation's token is not read."""
    return torch.stack([weights[name][tokens[:, i]] for i, name in enumerate(shape.embeddings)], dim=1)


def forward(
    weights: Weights, shape: MLPShape, embedded: Float[Tensor, "batch 2 d_model"]
) -> tuple[Float[Tensor, "batch d_mlp"], Float[Tensor, "batch n_classes"]]:
    """Neurons of the last layer, after the activation, and logits."""
    activate = activation(shape.activation).torch
    x = embedded.flatten(1) if shape.combine == SIDE_BY_SIDE else embedded.sum(dim=1)
    if shape.n_layers:
        x = x @ weights["W_in"]
    neurons = activate(x + weights["b_in"] if "b_in" in shape.biases else x)
    for layer in range(shape.n_layers - 1):
        x = neurons @ weights["W_hidden"][layer]
        neurons = activate(x + weights["b_hidden"][layer] if "b_in" in shape.biases else x)
    logits = neurons @ weights["W_U"]
    return neurons, logits + weights["b_U"] if "b_U" in shape.biases else logits


def matrices(weights: Weights, shape: MLPShape) -> dict[str, Tensor]:
    """The matrices that measures read, as ``grokking.models.base.matrices_of`` names them.

    The unembedding reads the neurons themselves, so that what they write is the identity.
    """
    tables = [weights[name][: shape.n_numbers] for name in dict.fromkeys(shape.embeddings)]
    unembed = weights["W_U"]
    write = torch.eye(len(unembed), dtype=unembed.dtype, device=unembed.device)
    return {"embedding": torch.cat(tables, dim=1), "write": write, "unembedding": unembed}


def draw_weights(shape: MLPShape, seed: int, scheme: str = "standard") -> dict[str, Tensor]:
    """Float32 weights of epoch 0: N(0, 1/width of what a matrix reads), embeddings N(0, 1/d_model), biases 0.

    Raises UserError for a scheme other than "standard".
    """
    if scheme != "standard":
        raise UserError(f"init_scheme is {scheme!r}; accepted with the model mlp: standard")
    generator = torch.Generator().manual_seed(2 * seed)
    weights = {}
    for name, size in shape.parameter_shapes().items():
        if name.startswith("b_"):
            weights[name] = torch.zeros(size)
        else:
            fan = shape.d_model if name in shape.embeddings else size[-2]
            weights[name] = torch.randn(size, generator=generator) / fan**0.5
    return weights
