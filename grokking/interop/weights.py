"""A recognised state dict as weights of ours, in one of several readings of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from grokking.config import HOW_IT_WAS_TRAINED, RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of
from grokking.interop.axes import SIZES, Axes
from grokking.interop.detect_layout import Match
from grokking.interop.facts import LN_PRE
from grokking.interop.layouts import NORMS, OURS
from grokking.interop.untrusted import MAX_ELEMENTS, exact_copy
from grokking.models.transformer import EXTRA_BIASES, LAYER_NORM_EPS
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
    """What a person or a file says of the network, since its weights do not; None for what nobody says.

    n_heads: where shapes do not say it.  p: else what the number of tokens and classes implies.
    score_divisor: what attention scores are divided by, unless ``attention_temperature`` says it; else
    √d_head.  norm: the kind of layer norm, as in ``facts.NORMS``.  own: the config of a run of ours.
    """

    task: str | None = None
    p: int | None = None
    n_heads: int | None = None
    activation: str | None = None
    attention_temperature: float | None = None
    operation_tokens: tuple[int, ...] | None = None
    layer_norm_eps: float | None = None
    score_divisor: float | None = None
    norm: str | None = None
    own: RunConfig | None = None

    @property
    def operations(self) -> str:
        """The task, addition where nobody says it."""
        return self.task or "add"

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes that need no looking at the tensors, by letter."""
        known = {"h": self.n_heads, "x": None if self.own is None else shape_of(self.own).n_ctx}
        return {letter: size for letter, size in known.items() if size is not None}


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
        if name in shape_of(config).parameter_shapes()
    }
    like = weights["W_E"]
    for name, size in (("b_in", "m"), ("b_out", "d")):
        weights.setdefault(name, torch.zeros(dims[size], dtype=like.dtype))
    if config.layer_norm:
        for name in NORMS:  # scales of one and shifts of zero change no number
            weights.setdefault(name, torch.full((dims["d"],), float(name.endswith("_w")), dtype=like.dtype))
    if reading.operation_tokens is not None:
        order = token_order(config.p, dims["v"], reading.operation_tokens)
        weights["W_E"] = weights["W_E"][order].contiguous()
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
    if hints.own is not None:
        return _config_of_ours(match, hints, hints.own, biases)
    dims, n_ops = sizes(match, reading.heads), len(parse_operations(hints.operations))
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
        task=hints.operations,
        d_model=dims["d"],
        n_heads=dims["h"],
        d_mlp=dims["m"],
        head_width=0 if even else dims["e"],
        biases=",".join(biases),
        activation=hints.activation or "relu",
        **_norm(match, hints),
        attention_temperature=temperature(hints, dims["e"]),
        equals_class=dims["c"] > p,
        extra_classes=max(dims["c"] - p - 1, 0),
        extra_tokens=dims["v"] - p - n_ops,
        imported=True,
        split="unknown",
    )


def _norm(match: Match, hints: UserHints) -> dict[str, Any]:
    if "ln1_w" not in match.keys and hints.norm != LN_PRE:
        return {"layer_norm": False}
    return {"layer_norm": True, "layer_norm_eps": hints.layer_norm_eps or LAYER_NORM_EPS}


def temperature(hints: UserHints, d_head: int) -> float:
    """The attention's temperature: scores are divided by it and by √d_head."""
    if hints.attention_temperature is not None:
        return hints.attention_temperature
    # Twelve digits: √d_head of another program may differ from ours in the last.
    return 1.0 if hints.score_divisor is None else float(f"{hints.score_divisor / d_head**0.5:.12g}")


def _config_of_ours(match: Match, hints: UserHints, own: RunConfig, biases: tuple[str, ...]) -> RunConfig:
    """The config of a run of ours, less how it was trained, with what a person says beside it.

    Raises UserError for weights of other sizes than it says.
    """
    how = {*HOW_IT_WAS_TRAINED, *own.optimiser_options.as_dict()}
    left_out = {*how, "train_frac", "checkpoint_density", "imported", "split"}
    kept = {name: value for name, value in own.as_dict().items() if name not in left_out}
    overruled = {
        "activation": hints.activation,
        "attention_temperature": hints.attention_temperature,
        "layer_norm_eps": hints.layer_norm_eps if own.layer_norm else None,
    }
    kept |= {name: value for name, value in overruled.items() if value is not None}
    config = RunConfig.from_dict({**kept, "imported": True, "split": "unknown"})
    shape = shape_of(config)
    expected = {
        "v": shape.parameter_shapes()["W_E"][0],
        "x": shape.n_ctx,
        "d": shape.d_model,
        "h": shape.n_heads,
        "e": shape.d_head,
        "m": shape.d_mlp,
        "c": shape.n_classes,
    }
    for letter, size in expected.items():
        if match.dims[letter] != size:
            raise UserError(
                f"the config in the file says {SIZES[letter]} {size}, its weights have "
                f"{match.dims[letter]}: they are of different runs"
            )
    unknown = [name for name in biases if name not in config.biases.split(",")]
    if unknown or config.layer_norm != ("ln1_w" in match.keys):
        what = f"no {unknown[0]}, its weights do" if unknown else "another layer norm than its weights"
        raise UserError(f"the config in the file has {what}: they are of different runs")
    return config


def infer_p(d_vocab: int, n_classes: int, n_ops: int) -> int:
    """The odd prime that fits as a modulus: a number token per class, then operations, perhaps a few more.

    >>> infer_p(114, 113, 1), infer_p(114, 114, 1), infer_p(115, 115, 1), infer_p(133, 131, 1)
    (113, 113, 113, 131)

    Raises UserError where none fits: other moduli are too many to guess.
    """
    most = min(d_vocab - n_ops, n_classes)
    for p in (d_vocab - n_ops, n_classes, *range(most, max(2, d_vocab - n_ops - MOST_FURTHER - 1), -1)):
        if p <= most and is_odd_prime(p):
            return p
    raise UserError(
        f"no odd prime fits {d_vocab} tokens and {n_classes} classes with {n_ops} operation "
        f"token{'s' * (n_ops > 1)}, and no other modulus is guessed; if the network calculates modulo "
        f"another number, give --p NUMBER of at most {most}"
    )


def used_biases(match: Match, raw: Weights) -> set[str]:
    """The extra biases that are not zero in these weights."""
    return {name for name in EXTRA_BIASES if name in match.keys and bool(raw[name].any())}
