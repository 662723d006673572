"""Shapes in words: ``"d (h e)"`` is a matrix [d_model, n_heads · d_head], heads outermost.

One letter per size of the network; brackets merge several into one axis of the tensor; ``0/3`` is
an axis of 3 of which entry 0 is taken, so ``"(0/3 h e) d"`` is the query part of a packed
[3 · n_heads · d_head, d_model].
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from grokking.errors import UserError

SIZES = {
    "v": "d_vocab",
    "x": "n_ctx",
    "d": "d_model",
    "h": "n_heads",
    "e": "d_head",
    "m": "d_mlp",
    "c": "n_classes",
    "k": "embeddings side by side",
    "l": "hidden layers beyond the first",
    "n": "d_mlp of the layer before",
    "q": "quantities",
    "f": "width of the map from a scalar to an embedding",
}
"""The letters, and what the field calls them."""
TOKEN = re.compile(r"\(|\)|[a-z]|\d{1,3}/\d{1,3}|\S+")
Dims = dict[str, int]


@dataclass(frozen=True)
class Axes:
    """How a tensor's axes are made of the network's sizes. Raises UserError for a text that is none.

    >>> Axes("d (h e)").groups
    (('d',), ('h', 'e'))
    """

    text: str

    def __post_init__(self) -> None:
        names = [name for group in self.groups for name in group]
        for name in names:
            index, slash, size = name.partition("/")
            if name not in SIZES and not (slash and int(index) < int(size)):
                known = ", ".join(f"{k} ({v})" for k, v in SIZES.items())
                raise UserError(
                    f"axes {self.text!r}: unknown {name!r}; known: {known}, or 0/3 for the first of 3"
                )
        if not names or len(set(names)) != len(names):
            raise UserError(f"axes {self.text!r} name a size twice, or none")

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Per axis of the tensor the sizes it is made of, outermost first."""
        groups: list[tuple[str, ...]] = []
        inside: list[str] | None = None
        for token in TOKEN.findall(self.text):
            if token == "(" and inside is None:
                inside = []
            elif token == ")" and inside:
                groups.append(tuple(inside))
                inside = None
            elif inside is not None:
                inside.append(token)
            else:
                groups.append((token,))
        if inside is not None:
            raise UserError(f"axes {self.text!r}: a bracket is not closed")
        return tuple(groups)

    @property
    def names(self) -> tuple[str, ...]:
        """All sizes in order, without brackets."""
        return tuple(name for group in self.groups for name in group)

    def shape(self, dims: Mapping[str, int]) -> tuple[int, ...]:
        """The tensor's shape in a network of these sizes."""
        return tuple(math.prod(_size(name, dims) for name in group) for group in self.groups)

    def read(self, tensor: Tensor, ours: "Axes", dims: Mapping[str, int]) -> Tensor:
        """A tensor laid out like this, as one laid out like ``ours``: contiguous, values untouched."""
        split = tensor.reshape([_size(name, dims) for name in self.names])
        for axis in reversed(range(split.dim())):
            index, slash, _ = self.names[axis].partition("/")
            split = split.select(axis, int(index)) if slash else split
        kept = [name for name in self.names if "/" not in name]
        permuted = split.permute([kept.index(name) for name in ours.names]).contiguous()
        return permuted.reshape(ours.shape(dims))

    def write(self, tensor: Tensor, ours: "Axes", dims: Mapping[str, int]) -> Tensor:
        """The inverse of ``read``, for axes without ``/``."""
        permuted = tensor.permute([ours.names.index(name) for name in self.names])
        return permuted.reshape(self.shape(dims)).contiguous()


def _size(name: str, dims: Mapping[str, int]) -> int:
    _, slash, size = name.partition("/")
    return int(size) if slash else dims[name]


def solve(found: Mapping[str, tuple[Axes, torch.Size]], given: Mapping[str, int]) -> tuple[Dims, list[str]]:
    """The network's sizes from the shapes of its tensors (key to axes and shape).

    Returns the sizes, and the letters that the shapes leave open (heads merged into one axis).
    Raises UserError, naming the key, where shapes contradict each other or ``given``.
    """
    dims: Dims = dict(given)
    progress = True
    while progress:
        before = len(dims)
        for key, (axes, shape) in found.items():
            for group, size in zip(axes.groups, shape, strict=True):
                _bind(key, axes, tuple(shape), group, size, dims)
        progress = len(dims) > before
    names = {name for axes, _ in found.values() for name in axes.names if "/" not in name}
    return dims, sorted(names - set(dims))


def _bind(
    key: str, axes: Axes, shape: tuple[int, ...], group: tuple[str, ...], size: int, dims: Dims
) -> None:
    """Use that the sizes of one axis multiply to ``size``."""
    unknown = [name for name in group if "/" not in name and name not in dims]
    known = math.prod(_size(name, dims) for name in group if name not in unknown)
    fits = size >= 1 and size % known == 0 if unknown else size == known
    if not fits:
        sizes = ", ".join(f"{SIZES[n]} {dims[n]}" for n in dict.fromkeys(axes.names) if n in dims)
        raise UserError(
            f"shapes contradict each other: {key!r} is {list(shape)}, read as [{axes.text}] with {sizes}"
        )
    if len(unknown) == 1:
        dims[unknown[0]] = size // known
