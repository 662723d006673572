"""What to say of a state dict that is not understood: the true cause, and advice that can work."""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from grokking.interop.layouts import LAYOUTS, NORMS, OURS, REQUIRED, Layout
from grokking.interop.untrusted import quoted

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
    known = "; ".join(f"{each.name} ({each.about})" for each in LAYOUTS)
    return (
        f"unknown layout; {keys}; known layouts: {known}; {MAPPING}, if the network has all of "
        f"{', '.join(REQUIRED)}"
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
        f"{quoted([twins[0][-1]])} belongs to a second layer; networks here have one, and no mapping can "
        "change that"
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
            f"norms with a scale and without a shift, {quoted(keys)}: RMSNorm, or layer norm without bias; "
            "networks here have layer norm with both, or none"
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
