"""The layers of a deep network, which share one layout: the first layer's keys say those of the others."""

import re
from collections.abc import Mapping

from torch import Tensor

from grokking.errors import UserError
from grokking.interop.untrusted import quoted
from grokking.models.transformer import MOST_LAYERS
from grokking.models.transformer.shape import layer_prefix

LAYER = re.compile(r"((?:^|\.)(?:blocks?|layers?|h|resblocks)\.)(\d+)(?=\.)")


def layers_in(state: Mapping[str, Tensor]) -> list[int]:
    """The numbers of the layers, increasing, where all have the same tensors; [] where none are numbered.

    Raises UserError for more layers than a network here can have, and for layers that differ.
    """
    shapes: dict[int, dict[str, tuple[int, ...]]] = {}
    for key, tensor in state.items():
        if (number := _number(key)) is not None:
            shapes.setdefault(number, {})[LAYER.sub(r"\g<1>#", key, count=1)] = tuple(tensor.shape)
    numbers = sorted(shapes)
    different = [n for n in numbers if n and shapes[n] != shapes[numbers[0]]]
    if different or (numbers and numbers[0] != 0):
        key = next(key for key in state if _number(key) in (different or numbers))
        raise UserError(
            f"{quoted([key])} belongs to a second layer that differs from the first; networks here have 1 to "
            f"{MOST_LAYERS} layers of one build"
        )
    if len(numbers) > MOST_LAYERS:
        raise UserError(f"this network has {len(numbers)} layers; networks here have 1 to {MOST_LAYERS}")
    return numbers


def of_first_layer(state: Mapping[str, Tensor], layers: list[int]) -> dict[str, Tensor]:
    """The state without the tensors of any layer but the first."""
    return {key: tensor for key, tensor in state.items() if not _later(key, layers)}


def _later(key: str, layers: list[int]) -> bool:
    return _number(key) in layers[1:]


def _number(key: str) -> int | None:
    found = LAYER.search(key)
    return int(found[2][:9]) if found else None


def keys_of_all_layers(keys: Mapping[str, str], layers: list[int]) -> dict[str, str]:
    """By our name the keys of every layer's parameters. keys: those of the first layer and of no layer."""
    found = dict(keys)
    for i, number in enumerate(layers[1:], 1):
        for name, key in keys.items():
            if LAYER.search(key):
                found[layer_prefix(i) + name] = LAYER.sub(rf"\g<1>{number}", key, count=1)
    return found
