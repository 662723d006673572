"""Which layout a state dict has, by the names and shapes of its tensors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from grokking.errors import UserError
from grokking.interop import layout_errors
from grokking.interop.axes import Axes, Dims, solve
from grokking.interop.layouts import LAYOUTS, NORMS, OURS, REQUIRED, Entry, Layout
from grokking.interop.untrusted import quoted
from grokking.storage.atomic_io import read_json
from grokking.tasks.base import N_CTX

SECOND_LAYER = re.compile(r"(?:^|\.)(?:blocks?|layers?|h)\.[1-9]\d*\.")
NORM_KEY = re.compile(r"(?:^|[._])(?:ln|norm|layer_?norm)[._\d]?", re.IGNORECASE)


@dataclass(frozen=True)
class LayoutMatch:
    """A state dict understood.

    keys: by our name.  axes: how each lies there.  dims: the sizes that shapes say.  open: letters
    they leave open.  ignored: keys that are no parameter of ours.  merged_heads: n_heads · d_head,
    where the file keeps both in one axis.
    """

    layout: Layout
    keys: dict[str, str]
    axes: dict[str, Axes]
    dims: Dims
    open: list[str]
    ignored: list[str]
    merged_heads: int


def detect_layout(
    state: Mapping[str, Tensor], given: Mapping[str, int], layout: Layout | None = None
) -> LayoutMatch:
    """Which layout a state dict has, or how the given one reads it.

    given: sizes already known, by letter.  Raises UserError for an unknown layout, for shapes
    that contradict each other, and for networks of another build.
    """
    for key in state:
        if SECOND_LAYER.search(key):
            raise UserError(f"{quoted([key])} belongs to a second layer; networks here have one")
    tried: list[tuple[Layout, set[str]]] = []
    for candidate in LAYOUTS if layout is None else (layout,):
        found = {
            name: hit
            for name, ways in candidate.entries.items()
            if (hit := _find(candidate, ways, state)) is not None
        }
        if all(name in found for name in REQUIRED):
            return _understood(candidate, found, state, given)
        tried.append((candidate, set(found)))
    if layout is not None:
        missing = [name for name in REQUIRED if name not in found]
        raise UserError(
            f"layout {layout.name} does not fit: nothing found for {', '.join(missing)} with the "
            f"number of axes it needs; keys found: {layout_errors.shapes(state)}"
        )
    raise UserError(layout_errors.unknown_layout(state, tried))


def _understood(
    layout: Layout, found: dict[str, tuple[str, Axes]], state: Mapping[str, Tensor], given: Mapping[str, int]
) -> LayoutMatch:
    shapes = {f"{name} = {key}": (axes, state[key].shape) for name, (key, axes) in found.items()}
    dims, open_letters = solve(shapes, given)
    norms = [name for name in NORMS if name in found]
    used = {key for key, _ in found.values()}
    ignored = [key for key in state if key not in used]
    strange = [key for key in ignored if NORM_KEY.search(key)]
    if strange or len(norms) not in (0, len(NORMS)):
        named = {name: found[name][0] for name in norms}
        raise UserError(layout_errors.strange_norms(strange, named, layout.name == "mapping"))
    if dims["x"] != given.get("x", N_CTX):
        raise UserError(
            f"W_pos has {dims['x']} positions; networks here read three tokens, [a, b, operation]"
        )
    key, axes = found["W_O"]
    at = next(i for i, group in enumerate(axes.groups) if "e" in group)
    return LayoutMatch(
        layout,
        {n: key for n, (key, _) in found.items()},
        {n: axes for n, (_, axes) in found.items()},
        dims,
        open_letters,
        ignored,
        state[key].shape[at],
    )


def _find(layout: Layout, ways: tuple[Entry, ...], state: Mapping[str, Tensor]) -> tuple[str, Axes] | None:
    """The key of one of our tensors, and how it lies; None if there is none with that many axes."""
    for keys, axes in ways:
        for wanted in keys:
            correct = [
                key
                for key, tensor in state.items()
                if tensor.dim() == len(axes.groups)
                and (key == wanted or (not layout.whole_keys and key.endswith("." + wanted)))
            ]
            if len(correct) > 1:
                raise UserError(layout_errors.ambiguous(state, correct, wanted))
            if correct:
                return correct[0], axes
    return None


def mapping_layout(path: Path) -> Layout:
    """A layout from a mapping file: JSON, ``{"W_E": ["encoder.weight", "v d"], …}`` by our names.

    Raises UserError for a file that says something else.
    """
    record = read_json(path)
    if not isinstance(record, dict):
        raise UserError(f"{path} is not a mapping; accepted: a JSON object with this project's names")
    entries: dict[str, tuple[Entry, ...]] = {}
    for name, value in record.items():
        if name not in OURS:
            raise UserError(f"{path} maps unknown {name!r}; known: {', '.join(OURS)}")
        if not isinstance(value, list) or len(value) != 2 or not all(isinstance(v, str) for v in value):
            raise UserError(f'{path}: {name} takes ["key", "axes"], such as ["embed.weight", "v d"]')
        axes = Axes(value[1])
        if sorted(n for n in axes.names if "/" not in n) != sorted(OURS[name].names):
            raise UserError(f"{path}: {name} is made of {OURS[name].text!r}, not of {value[1]!r}")
        entries[name] = (((value[0],), axes),)
    missing = [name for name in REQUIRED if name not in entries]
    if missing:
        raise UserError(f"{path} maps no {', '.join(missing)}")
    return Layout("mapping", f"as {path} says", entries, whole_keys=True)
