"""Which layout a state dict has, by names and shapes of its tensors; if none, why, and what to do."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from grokking.errors import UserError
from grokking.interop.axes import Axes, Dims, solve
from grokking.interop.deep_mlps import DEEP, chain_of, check_biases
from grokking.interop.further_layers import keys_of_all_layers, layers_in, of_first_layer
from grokking.interop.layouts import LAYOUTS, NORMS, OURS, REQUIRED, Entry, Layout
from grokking.interop.mlp_layouts import MLP_LAYOUTS
from grokking.interop.proposed_mapping import proposed_mapping
from grokking.interop.untrusted import quoted
from grokking.models.transformer.shape import name_in_layer
from grokking.storage.atomic_io import read_json
from grokking.tasks.base import N_CTX

CLOSE = 2
"""A layout that lacks no more of our matrices than this is named, with what it lacks."""
SHOWN_KEYS = 24
SHIFT = re.compile(r"(?:bias|beta|(?:^|[._])b)$", re.IGNORECASE)
"""How the keys of a norm's shift end."""
LAYER_NUMBER = re.compile(r"(?<![A-Za-z])(?:blocks?|layers?|h|attns?|attention)[._]?\d+(?=[._])")
MAPPING = "any other layout takes a --mapping file (docs/interop.md)"


def unknown_layout(state: Mapping[str, Tensor], found: Sequence[tuple[Layout, set[str]]]) -> str:
    """The message for a state dict that no layout fits. found: by layout, which of our names it has."""
    keys = f"keys found: {shapes(state)}"
    deep = second_layer(state)
    if deep is not None:
        return f"{deep}; {keys}"
    layout, names = max(found, key=lambda each: len(each[1] & set(REQUIRED)))
    missing = [name for name in REQUIRED if name not in names]
    if len(missing) <= CLOSE:
        what = ", ".join(f"{name} [{OURS[name].text}]" for name in missing)
        return (
            f"this looks like layout {layout.name}, but it has no {what}; if that lies under another "
            f"name or with other axes, say so in a --mapping file (docs/interop.md); {keys}"
        )
    known = "; ".join(f"{each.name} ({each.about})" for each in (*LAYOUTS, *MLP_LAYOUTS, DEEP))
    proposal = proposed_mapping(state)
    return (
        f"unknown layout; {keys}; known layouts: {known}; {MAPPING}, if the network has all of "
        f"{', '.join(REQUIRED)}" + (f"; {proposal}" if proposal else "")
    )


def second_layer(state: Mapping[str, Tensor]) -> str | None:
    """A word if matrices of one shape differ in the number of a layer alone; None if none do."""
    alike: dict[tuple[str, torch.Size], list[str]] = {}
    for key, tensor in state.items():
        if tensor.dim() > 1 and LAYER_NUMBER.search(key):
            alike.setdefault((LAYER_NUMBER.sub("#", key), tensor.shape), []).append(key)
    twins = [keys for keys in alike.values() if len(keys) > 1]
    if len(twins) < 2:  # two matrices of one MLP may be numbered, too
        return None
    return (
        f"{quoted([twins[0][-1]])} belongs to a second layer, whose name is not known here; rename the "
        "layers to blocks.0., blocks.1. and so on"
    )


def ambiguous(state: Mapping[str, Tensor], correct: Sequence[str], wanted: str) -> str:
    """The message for several keys that could be one of ours."""
    return second_layer(state) or (f"{quoted(correct)} could all be {wanted}; say which in a --mapping file")


def strange_norms(strange: Sequence[str], norms: Mapping[str, str], mapped: bool) -> str:
    """The message for norms that do not match. strange: their keys that match nothing.  norms: by our name
    the keys that do.  mapped: whether a mapping says so.
    """
    lacking = [name for name in NORMS if name not in norms]
    if mapped and strange and any(SHIFT.search(key) for key in strange):
        return (
            f"the mapping says nothing of {quoted(strange)}; if they are layer norms before attention, MLP "
            f'and unembedding, each with scale and shift, map {", ".join(lacking)} to them, with axes "d"'
        )
    keys = [*norms.values(), *strange]
    if not any(SHIFT.search(key) for key in keys):
        return (
            f"norms with a scale and without a shift, {quoted(keys)}: RMSNorm, or layer norm without bias, "
            "under other names or at other places than here (before or after attention and MLP, at the end)"
        )
    if mapped:
        return (
            f"the mapping has {', '.join(norms)} and lacks {', '.join(lacking)}; layer norm takes all of "
            "them, or none"
        )
    return (
        "layer norm at other places than here (before attention, MLP and unembedding, each with scale and "
        f"shift), or under other names: {quoted(strange or keys)}; if they are those, say so in a --mapping "
        f"file with {', '.join(NORMS)}"
    )


def shapes(state: Mapping[str, Tensor]) -> str:
    """Keys and shapes, not too many of them."""
    shown = [f"{quoted([key])} {list(t.shape)}" for key, t in list(state.items())[:SHOWN_KEYS]]
    return ", ".join(shown) + f", … ({len(state)} in all)" * (len(state) > SHOWN_KEYS)


NORM_NAMES = ("ln1", "ln2", "ln_final")
NORM_SETS: tuple[list[str], ...] = ([], ["ln1", "ln2", "ln_final"], ["ln1", "ln2"], ["ln_final"])
"""The norms that a network here may have together."""
NORM_KEY = re.compile(r"(?:^|[._])(?:ln|norm|layer_?norm)[._\d]?", re.IGNORECASE)


@dataclass(frozen=True)
class LayoutMatch:
    """A state dict understood.

    keys: by our name.  axes: how each lies there.  dims: the sizes that shapes say.  open: letters
    they leave open.  ignored: keys that are no parameter of ours.  merged_heads: n_heads · d_head,
    where the file keeps both in one axis.  n_layers: of attention and MLP.  stacks: by our name the keys of
    all tensors that are one here, of which ``keys`` has the first.
    """

    layout: Layout
    keys: dict[str, str]
    axes: dict[str, Axes]
    dims: Dims
    open: list[str]
    ignored: list[str]
    merged_heads: int = 0
    n_layers: int = 1
    stacks: dict[str, list[str]] = field(default_factory=dict)

    @property
    def tied(self) -> bool:
        """Whether the network has no unembedding of its own, so that it is the transposed embedding."""
        return self.layout.model == "transformer" and bool(self.dims) and "W_U" not in self.keys

    def keys_of(self, name: str) -> list[str]:
        """The keys of all tensors that are our ``name``."""
        return self.stacks.get(name, [self.keys[name]])

    @property
    def norms(self) -> tuple[str, ...]:
        """The norms whose scales are there, of ln1, ln2 and ln_final."""
        return tuple(name for name in NORM_NAMES if f"{name}_w" in self.keys)


def detect_layout(
    state: Mapping[str, Tensor], given: Mapping[str, int], layout: Layout | None = None
) -> LayoutMatch:
    """Which layout a state dict has, or how the given one reads it.

    given: sizes already known, by letter.  Raises UserError for an unknown layout, for shapes
    that contradict each other, and for networks of another build.
    """
    if layout in (None, DEEP) and (deep := _deep_mlp(state, given)) is not None:
        return deep
    layers = layers_in(state)
    every, state = state, of_first_layer(state, layers)
    tried: list[tuple[Layout, set[str]]] = []
    if layout is not None and layout.model == "mlp":
        candidates: tuple[Layout, ...] = ()
    else:
        candidates = LAYOUTS if layout is None else (layout,)
    for candidate in candidates:
        found = _entries_in(candidate, state)
        missing = [name for name in candidate.required if name not in found]
        if not missing or (missing == ["W_U"] and _may_be_tied(found, state)):
            return _with_all_layers(_understood(candidate, found, state, given), every, layers)
        tried.append((candidate, set(found)))
    for candidate in MLP_LAYOUTS if layout is None else (layout,) * (layout.model == "mlp"):
        if (match := _mlp(candidate, state, given)) is not None:
            return match
    if layout is not None:
        missing = [name for name in layout.required if name not in _entries_in(layout, state)]
        raise UserError(
            f"layout {layout.name} does not fit: nothing found for {', '.join(missing)} with the "
            f"number of axes it needs; keys found: {shapes(state)}"
        )
    raise UserError(unknown_layout(state, tried))


def _may_be_tied(found: Mapping[str, tuple[str, Axes]], state: Mapping[str, Tensor]) -> bool:
    """Whether the embedding can unembed: no bias of the logits says that there are other classes."""
    key, axes = found["W_E"]
    tokens = state[key].shape[axes.names.index("v")]
    return "b_U" not in found or state[found["b_U"][0]].shape == (tokens,)


def _deep_mlp(state: Mapping[str, Tensor], given: Mapping[str, int]) -> LayoutMatch | None:
    """The match of an MLP with two hidden layers or more; None for any other network."""
    try:
        found = chain_of(state, _entries_in(DEEP, state))
    except UserError:  # several keys for one embedding: it is no such network
        return None
    if found is None:
        return None
    check_biases(found)
    shapes: dict[str, tuple[Axes, torch.Size]] = {}
    for name, (keys, axes) in found.items():
        stacked = (len(keys),) * (len(axes.groups) > state[keys[0]].dim())
        shapes[f"{name} = {keys[0]}"] = axes, torch.Size((*stacked, *state[keys[0]].shape))
    dims, open_letters = solve(shapes, {k: v for k, v in given.items() if k not in "hx"})
    used = {key for keys, _ in found.values() for key in keys}
    return LayoutMatch(
        DEEP,
        {name: keys[0] for name, (keys, _) in found.items()},
        {name: axes for name, (_, axes) in found.items()},
        dims,
        open_letters,
        [key for key in state if key not in used],
        stacks={name: found[name][0] for name in ("W_hidden", "b_hidden") if name in found},
    )


def _entries_in(layout: Layout, state: Mapping[str, Tensor]) -> dict[str, tuple[str, Axes]]:
    """The key and the axes of each of our tensors that a layout finds."""
    return {
        name: hit for name, ways in layout.entries.items() if (hit := _find(layout, ways, state)) is not None
    }


def _mlp(layout: Layout, state: Mapping[str, Tensor], given: Mapping[str, int]) -> LayoutMatch | None:
    """The match of an MLP's layout; None where it does not fit, or leaves a matrix of the network unread."""
    try:
        found = _entries_in(layout, state)
    except UserError:  # several keys for one matrix: it is no such network
        return None
    used = {key for key, _ in found.values()}
    unread = [key for key, tensor in state.items() if key not in used and tensor.dim() > 1]
    if unread or not all(name in found for name in layout.required):
        return None
    shapes = {f"{name} = {key}": (axes, state[key].shape) for name, (key, axes) in found.items()}
    dims, open_letters = solve(shapes, {k: v for k, v in given.items() if k not in "hx"})
    keys = {name: key for name, (key, _) in found.items()}
    axes = {name: lies for name, (_, lies) in found.items()}
    return LayoutMatch(layout, keys, axes, dims, open_letters, [key for key in state if key not in used])


def _with_all_layers(match: LayoutMatch, state: Mapping[str, Tensor], layers: list[int]) -> LayoutMatch:
    """The match of a network's first layer as one of all its layers, which lie alike."""
    keys = keys_of_all_layers(match.keys, layers)
    axes = {name: match.axes[name_in_layer(name)] for name in keys}
    used = set(keys.values())
    ignored = [key for key in state if key not in used]
    return replace(match, keys=keys, axes=axes, ignored=ignored, n_layers=max(1, len(layers)))


def _understood(
    layout: Layout, found: dict[str, tuple[str, Axes]], state: Mapping[str, Tensor], given: Mapping[str, int]
) -> LayoutMatch:
    shapes = {f"{name} = {key}": (axes, state[key].shape) for name, (key, axes) in found.items()}
    dims, open_letters = solve(shapes, given)
    dims.setdefault("c", dims["v"])  # of a tied embedding
    used = {key for key, _ in found.values()}
    ignored = [key for key in state if key not in used]
    _check_norms(layout, found, [key for key in ignored if NORM_KEY.search(key)])
    if dims["x"] not in ([given["x"]] if "x" in given else [N_CTX, N_CTX - 1]):
        raise UserError(
            f"W_pos has {dims['x']} positions; networks here read three tokens, [a, b, operation], or two, "
            "[a, b]"
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


def _check_norms(layout: Layout, found: Mapping[str, tuple[str, Axes]], strange: list[str]) -> None:
    """Raises UserError for norms that are not those of a network here. strange: keys that match nothing."""
    norms = [name for name in NORMS if name in found]
    scales = [name[:-2] for name in norms if name.endswith("_w")]
    shifts = [name[:-2] for name in norms if name.endswith("_b")]
    known = scales in NORM_SETS and shifts in ([], scales)
    if strange or not known:
        named = {name: found[name][0] for name in norms}
        raise UserError(strange_norms(strange, named, layout.name == "mapping"))


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
                raise UserError(ambiguous(state, correct, wanted))
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
