"""The checkpoint of one epoch as a file for other tools."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from grokking.engines import lookup
from grokking.errors import UserError
from grokking.interop import onnx_graph, transformer_lens
from grokking.interop.config_files import CHECKPOINT, MOST_BYTES, OWN_CONFIG
from grokking.interop.splits import TRAIN_ROWS
from grokking.runs.run import Run
from grokking.storage.atomic_io import folder_for, write_bytes

Encode = Callable[[Run, int], bytes]
"""A run and an epoch to a file's content."""


def export_checkpoint(run: Run, format: str, epoch: int | None = None, output: Path | None = None) -> Path:
    """Write one epoch's network, the last by default; returns where.

    Raises UserError for an unknown format or suffix, an epoch that was not kept, a missing extra.
    """
    if format not in FORMATS:
        raise UserError(f"unknown format {format!r}; known: {', '.join(FORMATS)}")
    suffixes = FORMATS[format]
    epoch = run.final_epoch if epoch is None else epoch
    output = output or Path(f"{run.name}_e{epoch:06d}_{format}{next(iter(suffixes))}")
    if output.suffix not in suffixes:
        raise UserError(f"{output} does not end as {format} does; accepted: {' '.join(suffixes)}")
    if run.config.model != "transformer" and format != "state_dict":
        raise UserError(f"{format} knows no model {run.config.model!r}; accepted: --format state_dict")
    if format != "state_dict" and (what := _unknown_to(format, run.shape)) is not None:
        raise UserError(f"this run has {what}, which {format} does not know; accepted: --format state_dict")
    content = suffixes[output.suffix](run, epoch)
    with folder_for(output.absolute().parent):
        write_bytes(output, content)
    return output


def _unknown_to(format: str, shape: Any) -> str | None:
    """What a transformer has that a format cannot say, in words; None for nothing."""
    what = transformer_lens.obstacle(shape)
    if what is None and format == "onnx" and not lookup.serves(shape):
        return "another build than one layer that reads [a, b, operation]"
    return what


def _state_dict(run: Run, epoch: int) -> bytes:
    """Our names and shapes, as PyTorch writes them, and the config, which says what shapes do not."""
    return _pickled({**_about(run, epoch), "state_dict": _in_order(run, epoch)})


def _safetensors(run: Run, epoch: int) -> bytes:
    """As ``_state_dict``, with everything but the weights in the metadata.

    Raises UserError for a list of train rows that is too long to stand there.
    """
    about: dict[str, Any] = {"epoch": epoch, "config": run.config.as_dict()}
    if run.config.split == "kept":
        about[TRAIN_ROWS] = run.known_split.train.tolist()
    # One key only, as in our checkpoints: safetensors writes several in no fixed order.
    text = json.dumps(about, sort_keys=True)
    if len(text) > MOST_BYTES:
        raise UserError(
            f"the {len(run.known_split.train)} train rows of this run do not fit into the metadata of a "
            ".safetensors file; accepted: --output NAME.pt"
        )
    tensors = {name: tensor.contiguous() for name, tensor in _in_order(run, epoch).items()}
    return bytes(safetensors.torch.save(tensors, {CHECKPOINT: text}))


def _transformer_lens(run: Run, epoch: int) -> bytes:
    content = {
        "config": transformer_lens.config_of(run.shape),
        "state_dict": transformer_lens.legacy_state_dict(run.weights(epoch), run.shape),
    }
    return _pickled({**_about(run, epoch), **content})


def _onnx(run: Run, epoch: int) -> bytes:
    return onnx_graph.model_bytes(run.weights(epoch), run.shape, epoch)


def _about(run: Run, epoch: int) -> dict[str, Any]:
    """What weights do not say: the config, and the train rows where no seed draws them."""
    about = {"epoch": epoch, OWN_CONFIG: run.config.as_dict()}
    if run.config.split == "kept":
        about[TRAIN_ROWS] = torch.from_numpy(run.known_split.train)
    return about


def _in_order(run: Run, epoch: int) -> dict[str, Tensor]:
    weights = run.weights(epoch)
    return {name: weights[name] for name in run.shape.parameter_shapes()}


def _pickled(record: object) -> bytes:
    content = io.BytesIO()
    torch.save(record, content)
    return content.getvalue()


FORMATS: dict[str, dict[str, Encode]] = {
    "state_dict": {".pt": _state_dict, ".pth": _state_dict, ".safetensors": _safetensors},
    "transformer_lens": {".pt": _transformer_lens, ".pth": _transformer_lens},
    "onnx": {".onnx": _onnx},
}
"""By name, what a file may end in and how it is then written; the first is the default."""
