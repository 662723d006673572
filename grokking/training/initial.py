"""How weights and the split are drawn from a seed. After these draws a run uses no random number."""

import random

import numpy as np
import torch
from torch import Tensor

from grokking.config import EXTRA_BIASES, RunConfig
from grokking.config_fields import one_of
from grokking.errors import UserError
from grokking.models.transformer import ModelShape
from grokking.tasks.base import Questions
from grokking.tasks.modular import Split

BIASES = ("b_in", "b_out", "ln1_b", "ln2_b", "ln_final_b", *EXTRA_BIASES)
SCALES = ("ln1_w", "ln2_w", "ln_final_w")


def initial_weights(config: RunConfig) -> dict[str, Tensor]:
    """Float32 weights of epoch 0: N(0, 1/d_model), W_U N(0, 1/d_vocab), biases 0, scales 1.

    The map from a scalar to an embedding, where there is one: W_lift and b_lift N(0, 1), W_embed such
    that embeddings have the size of a token's.
    """
    draw = one_of("recipe", config.recipe, {"standard": _standard_weights, "nanda": _nanda_weights})
    return draw(ModelShape.of(config), config.seed)


def _standard_weights(shape: ModelShape, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2 * seed)
    weights = {}
    for name, size in shape.parameter_shapes().items():
        if name in BIASES:
            weights[name] = torch.zeros(size)
        elif name in SCALES:
            weights[name] = torch.ones(size)
        else:
            weights[name] = torch.randn(size, generator=generator) / _fan(name, shape) ** 0.5
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
        raise UserError("recipe nanda has no layer norm; leave --layer_norm out or use recipe standard")
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


def make_split(task: Questions, config: RunConfig) -> Split:
    """The rows trained on: the same share, ⌊frac · N⌋, of every operation's candidates.

    Raises UserError if one operation would be left without a train or without a test pair.
    """
    train, test = [], []
    for i, name in enumerate(task.names):
        rows = task.candidates(i)
        n_train = int(config.train_frac * len(rows))
        if not 0 < n_train < len(rows):
            raise UserError(
                f"train_frac {config.train_frac} leaves no pair to "
                f"{'train' if n_train == 0 else 'test'} on among the {len(rows)} of {name}"
            )
        order = _order(len(rows), config, i)
        train.append(rows[order[:n_train]])
        test.append(rows[order[n_train:]])
    return Split(np.sort(np.concatenate(train)), np.sort(np.concatenate(test)))


def _order(n: int, config: RunConfig, operation: int) -> np.ndarray:
    """A permutation of 0 … n - 1; the first entries become the train pairs."""
    order = one_of("recipe", config.recipe, {"standard": _standard_order, "nanda": _nanda_order})
    return order(n, config.seed, operation)


def _nanda_order(n: int, seed: int, operation: int) -> np.ndarray:
    order = list(range(n))
    random.Random(seed + operation).shuffle(order)
    return np.array(order)


def _standard_order(n: int, seed: int, operation: int) -> np.ndarray:
    # Odd, so that no split shares its stream with the weights of any seed; further operations get
    # a mixture, since PyTorch's generator reads no more than 32 bits.
    stream = 2 * seed + 1
    if operation:
        stream = int(np.random.SeedSequence([seed, operation]).generate_state(1)[0])
    generator = torch.Generator().manual_seed(stream)
    return torch.randperm(n, generator=generator).numpy()
