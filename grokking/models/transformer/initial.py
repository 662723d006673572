"""How the transformer's weights are drawn from a seed."""

import torch
from torch import Tensor

from grokking.config_fields import one_of
from grokking.errors import UserError
from grokking.models.transformer import EXTRA_BIASES, ModelShape
from grokking.models.transformer.shape import name_in_layer

BIASES = ("b_in", "b_out", "ln1_b", "ln2_b", "ln_final_b", *EXTRA_BIASES)
SCALES = ("ln1_w", "ln2_w", "ln_final_w")


def draw_weights(shape: ModelShape, seed: int, scheme: str = "standard") -> dict[str, Tensor]:
    """Float32 weights of epoch 0: N(0, 1/d_model), W_U N(0, 1/d_vocab), biases 0, scales 1.

    The map from a scalar to an embedding, where there is one: W_lift and b_lift N(0, 1), W_embed such
    that embeddings have the size of a token's.
    """
    draw = one_of("init_scheme", scheme, {"standard": _standard_weights, "nanda": _nanda_weights})
    return draw(shape, seed)


def _standard_weights(shape: ModelShape, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2 * seed)
    weights = {}
    for name, size in shape.parameter_shapes().items():
        kind = name_in_layer(name)
        if kind in BIASES:
            weights[name] = torch.zeros(size)
        elif kind in SCALES:
            weights[name] = torch.ones(size)
        else:
            weights[name] = torch.randn(size, generator=generator) / _fan(kind, shape) ** 0.5
    return weights


def _fan(name: str, shape: ModelShape) -> int:
    """One over the variance of a parameter's entries.

    Operand tokens of several sets count once: W_U does not depend on how operands are named.
    """
    fans = {"W_U": shape.n_answers + shape.n_ops, "W_lift": 1, "b_lift": 1, "W_embed": shape.d_model**2}
    return fans.get(name, shape.d_model)


def _nanda_weights(shape: ModelShape, seed: int) -> dict[str, Tensor]:
    """The draws of Nanda et al. 2023's public code, in its order, transposed into our axes."""
    if shape.layer_norm:
        raise UserError(
            "init_scheme nanda has no layer norm; leave --layer_norm out, or use init_scheme standard"
        )
    if not shape.is_plain:
        raise UserError(
            "init_scheme nanda is that of one layer with plain attention; use init_scheme standard for others"
        )
    generator = torch.Generator().manual_seed(seed)
    d, h, e, m = shape.d_model, shape.n_heads, shape.d_head, shape.d_mlp

    def draw(*size: int, fan: int = d) -> Tensor:
        return torch.randn(size, generator=generator) / fan**0.5

    def contiguous(**tensors: Tensor) -> dict[str, Tensor]:
        return {name: tensor.contiguous() for name, tensor in tensors.items()}

    embed = draw(d, shape.d_vocab)
    position = draw(3, d)
    key, query, value = (draw(h, e, d) for _ in range(3))
    output = draw(d, h * e)
    mlp_in, mlp_out = draw(m, d), draw(d, m)
    unembed = draw(d, shape.d_vocab, fan=shape.d_vocab)[:, : shape.n_classes]
    by_name = contiguous(
        W_E=embed.T,
        W_pos=position,
        W_Q=query.mT,
        W_K=key.mT,
        W_V=value.mT,
        W_O=output.T.reshape(h, e, d),
        W_in=mlp_in.T,
        W_out=mlp_out.T,
        W_U=unembed,
    )
    biases = {name: torch.zeros(size) for name, size in shape.parameter_shapes().items() if name in BIASES}
    return {name: (by_name | biases)[name] for name in shape.parameter_shapes()}
