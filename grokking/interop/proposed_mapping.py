"""A mapping file for a layout that is not known, as far as shapes and the order of the tensors determine it.

d_model is the size that most matrices share. What else a matrix has says what it is: two or three rows are
positions, two of one size are the MLP's, four with d_model · d_model numbers are attention, and of what is
left the first embeds and the last unembeds.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from torch import Tensor

from grokking.interop.layouts import REQUIRED
from grokking.tasks.base import N_CTX

Proposal = dict[str, list[str]]
ATTENTION = ("W_Q", "W_K", "W_V", "W_O")
FEWEST = 4
"""A proposal of fewer entries is not worth showing."""


def proposed_mapping(state: Mapping[str, Tensor]) -> str | None:
    """The sentence that proposes a mapping; None where shapes say too little."""
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    matrices = {key: shape for key, shape in shapes.items() if len(shape) == 2 or _is_per_head(shape)}
    d = _d_model(list(matrices.values()))
    if d is None:
        return None
    found = _attention(matrices, d) | _around(shapes, d) | _mlp(shapes, d)
    if len(found) < FEWEST:
        return None
    missing = [name for name in REQUIRED if name not in found]
    open_names = f"; shapes do not say which tensor is {', '.join(missing)}" if missing else ""
    return (
        f"a mapping that fits these shapes: {json.dumps(found)}{open_names}; matrices of one shape are taken "
        "in the order of the file, queries, keys, values, output: check that"
    )


def _is_per_head(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[0] > 1


def _d_model(shapes: Sequence[tuple[int, ...]]) -> int | None:
    """The size that the most matrices have as an axis, if at least three have it."""
    count = Counter(size for shape in shapes for size in set(shape))
    size, times = max(count.items(), key=lambda each: each[1], default=(0, 0))
    return size if times >= 3 else None


def _attention(matrices: Mapping[str, tuple[int, ...]], d: int) -> Proposal:
    """Queries, keys, values and output: nothing unless there are four, alike but for the last."""
    every: list[tuple[str, tuple[int, ...]]] = list(matrices.items())
    heads = [each for each in every if len(each[1]) == 3 and d in each[1]]
    if len(heads) == len(ATTENTION):
        axes = {key: "h d e" if shape[1] == d else "h e d" for key, shape in heads}
    else:
        heads = [each for each in every if each[1] == (d, d)]
        axes = {key: "(h e) d" if i < 3 else "d (h e)" for i, (key, _) in enumerate(heads)}
    if len(heads) != len(ATTENTION):
        return {}
    return {name: [key, axes[key]] for name, (key, _) in zip(ATTENTION, heads, strict=True)}


def _with_other_size(matrices: Mapping[str, tuple[int, ...]], d: int) -> dict[str, int]:
    """Matrices with d_model as one axis alone, and the size of their other axis."""
    flat = {key: shape for key, shape in matrices.items() if len(shape) == 2 and shape.count(d) == 1}
    return {key: shape[0] if shape[1] == d else shape[1] for key, shape in flat.items()}


def _around(shapes: Mapping[str, tuple[int, ...]], d: int) -> Proposal:
    """Embedding, positions and unembedding, with its bias where one vector has its size."""
    matrices = {key: shape for key, shape in shapes.items() if len(shape) == 2}
    others = _with_other_size(matrices, d)
    of_mlp = _mlp_pair(others)
    rest = [key for key in others if key not in of_mlp]
    positions = [key for key in rest if others[key] in (N_CTX - 1, N_CTX)]
    rest = [key for key in rest if key not in positions]
    found: Proposal = {}
    if len(positions) == 1:
        [key] = positions
        found["W_pos"] = [key, "x d" if matrices[key][1] == d else "d x"]
    if len(rest) == 2:
        embed, unembed = rest
        found["W_E"] = [embed, "v d" if matrices[embed][1] == d else "d v"]
        found["W_U"] = [unembed, "c d" if matrices[unembed][1] == d else "d c"]
        biases = [key for key, shape in shapes.items() if shape == (others[unembed],)]
        found |= {"b_U": [biases[0], "c"]} if len(biases) == 1 else {}
    return found


def _mlp_pair(others: Mapping[str, int]) -> list[str]:
    """The two matrices of one size that lie the furthest down: those of the MLP, if d_mlp is not d_vocab."""
    sizes = Counter(others.values())
    pairs = [size for size, times in sizes.items() if times == 2 and size > N_CTX]
    if not pairs:
        return []
    return [key for key, size in others.items() if size == max(pairs)]


def _mlp(shapes: Mapping[str, tuple[int, ...]], d: int) -> Proposal:
    """The two matrices of the MLP, and its biases where one vector each has their sizes."""
    others = _with_other_size({key: shape for key, shape in shapes.items() if len(shape) == 2}, d)
    pair = _mlp_pair(others)
    if not pair:
        return {}
    first, second = pair
    found = {
        "W_in": [first, "m d" if shapes[first][1] == d else "d m"],
        "W_out": [second, "d m" if shapes[second][0] == d else "m d"],
    }
    for name, letter, size in (("b_in", "m", others[first]), ("b_out", "d", d)):
        vectors = [key for key, shape in shapes.items() if shape == (size,)]
        if len(vectors) == 1:
            found[name] = [vectors[0], letter]
    return found
