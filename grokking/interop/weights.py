"""A recognised state dict as weights of ours, in one of several readings of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.interop.axes import Axes
from grokking.interop.detect_layout import Match
from grokking.interop.layouts import OURS
from grokking.interop.untrusted import MAX_ELEMENTS, exact_copy
from grokking.models.transformer import EXTRA_BIASES
from grokking.models.transformer.network import Weights
from grokking.tasks.modular import is_odd_prime, parse_operations

MOST_FURTHER = 2
"""Tokens beyond numbers and operations, such as "=", that may be there without a person saying so."""


@dataclass(frozen=True)
class WeightInterpretation:
    """How matched tensors become weights.

    axes: of tensors to be read in another way than their layout says.  heads: where shapes leave
    them open.  operation_tokens: tokens of the task's operations, in its order; None for p, p + 1 …
    """

    name: str = "as the layout says"
    axes: Mapping[str, Axes] = field(default_factory=dict)
    heads: int = 1
    operation_tokens: tuple[int, ...] | None = None


@dataclass(frozen=True)
class UserHints:
    """What a person says of the network, since its weights do not.

    n_heads: None where shapes say it.  p: None for what the number of tokens and classes implies.
    """

    task: str = "add"
    p: int | None = None
    n_heads: int | None = None
    activation: str = "relu"
    attention_temperature: float = 1.0
    operation_tokens: tuple[int, ...] | None = None


def raw_weights(match: Match, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The matched tensors by our name, still laid out as in the file, every value kept."""
    elements = sum(state[key].numel() for key in match.keys.values())
    if elements > MAX_ELEMENTS:
        raise UserError(f"this network has {elements} numbers; accepted: up to {MAX_ELEMENTS}")
    return {name: exact_copy(key, state[key]) for name, key in match.keys.items()}


def sizes(match: Match, heads: int) -> dict[str, int]:
    """All sizes, with ``heads`` for what shapes leave open."""
    if not match.open:
        return match.dims
    width = match.merged_heads
    if heads < 1 or width % heads:
        raise UserError(
            f"n_heads is {heads}; accepted: a divisor of {width}, which all heads are wide together"
        )
    return {**match.dims, "h": heads, "e": width // heads}


def to_ours(
    match: Match, raw: Weights, reading: WeightInterpretation, config: RunConfig
) -> dict[str, Tensor]:
    """Weights as ``shape_of(config)`` has them; MLP biases that the network lacks are zeros."""
    dims = sizes(match, reading.heads)
    weights = {
        name: reading.axes.get(name, match.axes[name]).read(tensor, OURS[name], dims)
        for name, tensor in raw.items()
        if name not in EXTRA_BIASES or name in config.biases.split(",")
    }
    like = weights["W_E"]
    for name, size in (("b_in", "m"), ("b_out", "d")):
        weights.setdefault(name, torch.zeros(dims[size], dtype=like.dtype))
    weights["W_E"] = weights["W_E"][token_order(config.p, dims["v"], reading.operation_tokens)].contiguous()
    return weights


def token_order(p: int, d_vocab: int, operation_tokens: tuple[int, ...] | None) -> list[int]:
    """Which row of the file's embedding stands where in ours: numbers, operations, then the rest."""
    operations = list(operation_tokens or ())
    others = [token for token in range(d_vocab) if token not in operations]
    return others[:p] + operations + others[p:]


def config_of(
    match: Match, hints: UserHints, reading: WeightInterpretation, biases: tuple[str, ...]
) -> RunConfig:
    """The config of an imported run; its split is unknown as yet.

    Raises UserError where no modulus fits the number of tokens and classes.
    """
    dims, n_ops = sizes(match, reading.heads), len(parse_operations(hints.task))
    p = hints.p or infer_p(dims["v"], dims["c"], n_ops)
    if p + n_ops > dims["v"] or p > dims["c"]:
        raise UserError(
            f"p = {p} and {n_ops} operation{'s' * (n_ops > 1)} need {p + n_ops} tokens and {p} classes; "
            f"the weights have {dims['v']} and {dims['c']}"
        )
    tokens = reading.operation_tokens
    if tokens is not None and (len(set(tokens)) != n_ops or not all(0 <= t < dims["v"] for t in tokens)):
        raise UserError(
            f"operation_tokens are {' '.join(map(str, tokens))}; accepted: {n_ops} different ones of "
            f"0 to {dims['v'] - 1}"
        )
    even = dims["e"] * dims["h"] == dims["d"]
    return RunConfig(
        p=p,
        task=hints.task,
        d_model=dims["d"],
        n_heads=dims["h"],
        d_mlp=dims["m"],
        head_width=0 if even else dims["e"],
        biases=",".join(biases),
        activation=hints.activation,
        layer_norm="ln1_w" in match.keys,
        attention_temperature=hints.attention_temperature,
        equals_class=dims["c"] > p,
        extra_classes=max(dims["c"] - p - 1, 0),
        extra_tokens=dims["v"] - p - n_ops,
        imported=True,
        split="unknown",
    )


def infer_p(d_vocab: int, n_classes: int, n_ops: int) -> int:
    """The modulus that fits: one number token per class, operations behind them, perhaps a few more.

    >>> infer_p(114, 113, 1), infer_p(114, 114, 1), infer_p(115, 115, 1), infer_p(133, 131, 1)
    (113, 113, 113, 131)
    """
    most = min(d_vocab - n_ops, n_classes)
    for p in (d_vocab - n_ops, n_classes, *range(most, max(2, d_vocab - n_ops - MOST_FURTHER - 1), -1)):
        if p <= most and is_odd_prime(p):
            return p
    raise UserError(
        f"no odd prime fits {d_vocab} tokens and {n_classes} classes with {n_ops} operation "
        f"token{'s' * (n_ops > 1)}: networks here calculate modulo an odd prime, and one of {most} numbers "
        f"does not; if fewer of its tokens are numbers, give --p PRIME of at most {most}"
    )


def used_biases(match: Match, raw: Weights) -> set[str]:
    """The extra biases that are not zero in these weights."""
    return {name for name in EXTRA_BIASES if name in match.keys and bool(raw[name].any())}
