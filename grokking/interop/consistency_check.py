"""Whether all networks of a source belong to one run: every file is opened once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from grokking.errors import UserError
from grokking.interop.axes import SIZES
from grokking.interop.detect_layout import LayoutMatch, detect_layout
from grokking.interop.layouts import Layout
from grokking.interop.snapshots import Snapshot, Source
from grokking.interop.untrusted import quoted
from grokking.interop.user_hints import UserHints
from grokking.interop.weights import raw_weights, used_biases
from grokking.models.transformer import EXTRA_BIASES


@dataclass
class SourceSummary:
    """What holds for all networks of a source. biases: extra ones that are not zero in all of them."""

    layout: Layout
    dims: Mapping[str, int]
    biases: tuple[str, ...]
    notes: list[str]
    dtypes: list[str]


def check_consistency(source: Source, hints: UserHints, layout: Layout | None) -> SourceSummary:
    """Read every network once: all must have the same layout and size, and all values must be finite."""
    first: tuple[Snapshot, LayoutMatch] | None = None
    biases: set[str] = set()
    ignored: Counter[str] = Counter()
    dtypes: Counter[str] = Counter()
    for snapshot, state in source.states():
        try:
            match = detect_layout(state, hints.sizes, layout)
            raw = raw_weights(match, state)
        except UserError as error:
            raise UserError(f"{snapshot.label}: {error}") from error
        if first is None:
            first = snapshot, match
        _check_alike(*first, snapshot, match)
        biases |= used_biases(match, raw)
        ignored.update(match.ignored)
        dtypes.update(str(state[key].dtype).removeprefix("torch.") for key in match.keys.values())
    if first is None:
        raise UserError("no networks found")
    match = first[1]
    notes = [f"layout: {match.layout.name} ({match.layout.about})"]
    if ignored:
        notes.append(f"ignored, not parameters of this network: {quoted(ignored)}")
    absent = [name for name in ("b_in", "b_out") if name not in match.keys]
    if absent:
        notes.append(f"{' and '.join(absent)} not in the weights: zeros")
    return SourceSummary(
        match.layout, match.dims, tuple(b for b in EXTRA_BIASES if b in biases), notes, sorted(dtypes)
    )


def _check_alike(first: Snapshot, expected: LayoutMatch, snapshot: Snapshot, match: LayoutMatch) -> None:
    same = (match.layout.name, match.dims, match.axes) == (expected.layout.name, expected.dims, expected.axes)
    if not same:
        one, other = _unlike(expected, match)
        raise UserError(
            f"these are not epochs of one run: {first.label} has {one}, {snapshot.label} has {other}; "
            "give a folder of one run's files"
        )


def _unlike(one: LayoutMatch, other: LayoutMatch) -> tuple[str, str]:
    """What tells two networks apart, in words: sizes, parameters, layouts."""
    words: list[tuple[str, str]] = []
    if one.layout.name != other.layout.name:
        words.append((f"layout {one.layout.name}", f"layout {other.layout.name}"))
    letters = [x for x in SIZES if one.dims.get(x) != other.dims.get(x)]
    words += [(f"{SIZES[x]} {one.dims.get(x)}", f"{SIZES[x]} {other.dims.get(x)}") for x in letters]
    for name in dict.fromkeys([*one.axes, *other.axes]):
        a, b = (f"[{m.axes[name].text}]" if name in m.axes else "none" for m in (one, other))
        if a != b:
            words.append((f"{name} {a}", f"{name} {b}"))
    return ", ".join(a for a, _ in words), ", ".join(b for _, b in words)


def open_network(
    source: Source, snapshot: Snapshot, summary: SourceSummary, hints: UserHints
) -> tuple[LayoutMatch, dict[str, Tensor]]:
    """One network of a surveyed source: how it lies in its file, and its tensors by our names."""
    state = source.state(snapshot)
    match = detect_layout(state, hints.sizes, summary.layout)
    return match, raw_weights(match, state)
