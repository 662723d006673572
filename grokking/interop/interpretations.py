"""Other ways in which the shapes allow the same weights to be read."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice, product

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.interop.axes import Axes
from grokking.interop.detect_layout import LayoutMatch
from grokking.interop.user_hints import UserHints
from grokking.interop.weights import WeightInterpretation, sizes

MOST_INTERPRETATIONS = 64
TOGETHER = (("W_Q", "W_K", "W_V"), ("W_O",), ("W_in",), ("W_out",), ("W_E",), ("W_U",))
"""Matrices that the code of a network lays out in the same way."""


def named_interpretation(
    name: str, match: LayoutMatch, hints: UserHints, like: WeightInterpretation, config: RunConfig
) -> WeightInterpretation:
    """The interpretation of that name; raises UserError, listing all names, for an unknown one."""
    known = {other.name: other for other in other_interpretations(match, hints, like, config)}
    if name not in known:
        raise UserError(
            f"unknown reading {name!r}; these weights can also be read: {'; '.join(known) or 'no other way'}"
        )
    return known[name]


def other_interpretations(
    match: LayoutMatch, hints: UserHints, like: WeightInterpretation, config: RunConfig
) -> list[WeightInterpretation]:
    """Other ways in which the shapes let the same tensors be read, the simplest first, not too many."""
    return list(islice(_all_others(match, hints, like, config), MOST_INTERPRETATIONS))


def _all_others(
    match: LayoutMatch, hints: UserHints, like: WeightInterpretation, config: RunConfig
) -> Iterator[WeightInterpretation]:
    dims = sizes(match, like.heads)
    ways = [_alternatives(names, match, dims) for names in TOGETHER]
    changes = sorted(product(*(range(len(way) + 1) for way in ways)), key=lambda c: sum(i > 0 for i in c))
    for choice in changes[1:]:
        picked = [ways[i][c - 1] for i, c in enumerate(choice) if c]
        axes = {name: new for each in picked for name, new in each.items()}
        yield replace(like, name=", ".join(f"{n} as [{a.text}]" for n, a in axes.items()), axes=axes)
    n_ops, d_vocab = len(config.task.split(",")), dims["v"]
    starts = [
        s
        for s in (0, *range(config.p, d_vocab - n_ops + 1))
        if hints.operation_tokens is None and s != config.p
    ]
    for start in starts:
        tokens = tuple(range(start, start + n_ops))
        yield replace(like, name=f"operation_tokens {' '.join(map(str, tokens))}", operation_tokens=tokens)


def _alternatives(
    names: tuple[str, ...], match: LayoutMatch, dims: Mapping[str, int]
) -> list[dict[str, Axes]]:
    """Other axes of the same shape for these tensors together."""
    first = match.axes[names[0]]
    found = []
    for text in _permuted(first):
        new = Axes(text)
        same = new.shape(dims) == first.shape(dims) and new.names != first.names
        if same and not any("/" in name for name in new.names):
            found.append({name: new for name in names if match.axes[name] == first})
    return found


def _permuted(axes: Axes) -> list[str]:
    """The axes with two groups exchanged, with a merged group in the other order, or both."""
    groups = ["(" + " ".join(g) + ")" if len(g) > 1 else g[0] for g in axes.groups]
    inner = ["(" + " ".join(reversed(g)) + ")" if len(g) > 1 else g[0] for g in axes.groups]
    found = [inner, [*groups[:-2], groups[-1], groups[-2]], [*inner[:-2], inner[-1], inner[-2]]]
    return list(dict.fromkeys(" ".join(f) for f in found if f != groups))
