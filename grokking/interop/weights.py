"""A recognised state dict as weights of ours, in one of several readings of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of
from grokking.interop.axes import Axes
from grokking.interop.detect_layout import LayoutMatch
from grokking.interop.layouts import NORMS, OURS
from grokking.interop.mlp_layouts import OURS_OF_MLPS
from grokking.interop.untrusted import MAX_ELEMENTS, exact_copy
from grokking.models.base import Weights
from grokking.models.transformer import EXTRA_BIASES
from grokking.models.transformer.shape import name_in_layer

MAY_BE_ABSENT = ("b_in", "b_out", *EXTRA_BIASES, *NORMS)
"""Parameters that a network may lack that another of the same config has."""


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


def raw_weights(match: LayoutMatch, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The matched tensors by our name, still laid out as in the file, every value kept."""
    elements = sum(state[key].numel() for name in match.keys for key in match.keys_of(name))
    if elements > MAX_ELEMENTS:
        raise UserError(f"this network has {elements} numbers; accepted: up to {MAX_ELEMENTS}")
    found = {name: exact_copy(key, state[key]) for name, key in match.keys.items()}
    stacks = {
        name: torch.stack([exact_copy(k, state[k]) for k in keys]) for name, keys in match.stacks.items()
    }
    return found | stacks


def sizes(match: LayoutMatch, heads: int) -> dict[str, int]:
    """All sizes, with ``heads`` for what shapes leave open."""
    if not match.open:
        return match.dims
    width = match.merged_heads
    if heads < 1 or width % heads:
        raise UserError(
            f"n_heads is {heads}; accepted: a divisor of {width}, which all heads are wide together"
        )
    return {**match.dims, "h": heads, "e": width // heads}


def convert_weights(
    match: LayoutMatch, raw: Weights, interpretation: WeightInterpretation, config: RunConfig
) -> dict[str, Tensor]:
    """Weights as ``shape_of(config)`` has them; MLP biases that the network lacks are zeros."""
    expected = shape_of(config).parameter_shapes()
    if not match.dims:  # our own names and shapes
        return {name: raw[name] for name in expected}
    dims, ours = sizes(match, interpretation.heads), OURS | OURS_OF_MLPS
    if config.model != "mlp":
        ours = OURS_OF_MLPS | OURS
    weights = {
        name: _axes(name, match, interpretation).read(tensor, ours[name_in_layer(name)], dims)
        for name, tensor in raw.items()
        if name in expected
    }
    like = next(iter(weights.values()))
    for name, size in expected.items():  # scales of one, shifts and biases of zero change no number
        if name not in weights and name_in_layer(name) in MAY_BE_ABSENT:
            weights[name] = torch.full(size, float(name.endswith("_w")), dtype=like.dtype)
    if interpretation.operation_tokens is not None:
        order = token_order(config.p, dims["v"], interpretation.operation_tokens)
        weights["W_E"] = weights["W_E"][order].contiguous()
    return weights


def _axes(name: str, match: LayoutMatch, interpretation: WeightInterpretation) -> Axes:
    """How a tensor lies; another reading holds for all layers."""
    return interpretation.axes.get(name_in_layer(name), match.axes[name])


def token_order(p: int, d_vocab: int, operation_tokens: tuple[int, ...] | None) -> list[int]:
    """Which row of the file's embedding stands where in ours: numbers, operations, then the rest."""
    operations = list(operation_tokens or ())
    others = [token for token in range(d_vocab) if token not in operations]
    return others[:p] + operations + others[p:]


def used_biases(match: LayoutMatch, raw: Weights) -> set[str]:
    """The extra biases that are not zero in these weights."""
    if match.layout.model != "transformer":
        return set()
    return {
        name_in_layer(name)
        for name in match.keys
        if name_in_layer(name) in EXTRA_BIASES and bool(raw[name].any())
    }
