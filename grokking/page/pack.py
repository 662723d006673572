"""Arrays and weights as base64, records as classic scripts: what a page can read without a server.

A page opened from disk may neither ``fetch`` nor import modules, but a ``<script src>`` always loads.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from grokking.metrics.early_warning import memorisation_epoch
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights

KINDS: dict[str, "np.dtype[Any]"] = {"f16": np.dtype("<f2"), "u8": np.dtype("u1"), "i16": np.dtype("<i2")}
RECEIVER = "Timeless.receive"
LARGEST_HALF = float(np.finfo(np.float16).max)


def packed(values: np.ndarray, kind: str = "f16") -> dict[str, Any]:
    """``{"kind", "shape", "base64"}`` of an array, little-endian; the page decodes it when first asked.

    Half precision keeps 11 significant bits; numbers beyond its range are clipped to it.
    """
    values = np.asarray(values)
    if kind == "f16":
        values = np.clip(values, -LARGEST_HALF, LARGEST_HALF)
    content = np.ascontiguousarray(values.astype(KINDS[kind]))
    return {
        "kind": kind,
        "shape": list(content.shape),
        "base64": base64.b64encode(content.tobytes()).decode("ascii"),
    }


def unpacked(record: dict[str, Any]) -> np.ndarray:
    """The array of ``packed``."""
    flat = np.frombuffer(base64.b64decode(record["base64"]), KINDS[record["kind"]])
    return flat.reshape(record["shape"])


def safe_json(record: Any) -> str:
    """JSON that can stand anywhere inside HTML or a script: no ``<``, ``>``, ``&`` or line separator.

    NaN and infinity are a bug of ours (ValueError): a missing value is None.
    """
    text = json.dumps(record, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def script(name: str, record: Any) -> str:
    """A classic script that hands ``record`` to the page under ``name``."""
    return f"{RECEIVER}({safe_json(name)},{safe_json(record)});\n"


def plain(values: Any) -> Any:
    """Lists of floats with NaN as None, ready for JSON."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, list | tuple):
        return [plain(v) for v in values]
    if isinstance(values, float) and not np.isfinite(values):
        return None
    return values


N_LIVE = 5


def choose_live(
    steps: Sequence[int], history: Mapping[str, Any], moments: Sequence[int | None], suffix: str = ""
) -> list[int]:
    """About five of the steps: start, memorised, grokked, end, and moments of the caller's.

    moments: epochs, as of the beginning of circuit formation; None for one that the run lacks. Where these
    are fewer than five, steps that lie evenly between are added.
    """
    grokked = history.get(f"grokking_epoch{suffix}")
    wanted = [steps[0], memorisation_epoch(history, suffix[1:] or None), *moments, grokked, steps[-1]]
    found = {_at_or_after(steps, epoch) for epoch in wanted if epoch is not None}
    for i in np.round(np.linspace(0, len(steps) - 1, N_LIVE)).astype(int):
        if len(found) < N_LIVE:
            found.add(steps[i])
    return sorted(found)


def _at_or_after(steps: Sequence[int], epoch: int) -> int:
    return next((step for step in steps if step >= epoch), steps[-1])


def rounded(weights: Weights, shape: ModelShape) -> dict[str, torch.Tensor]:
    """The weights as the page has them: float32 [as given] with the precision of float16."""
    return {name: weights[name].half().float() for name in shape.parameter_shapes()}


def packed_weights(weights: Weights, shape: ModelShape) -> dict[str, Any]:
    """Every parameter by name, packed in half precision."""
    return {name: packed(weights[name].detach().cpu().numpy()) for name in shape.parameter_shapes()}
