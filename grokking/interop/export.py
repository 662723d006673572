"""A kept epoch of a run as a file for other tools."""

import io
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch

from grokking.errors import UserError
from grokking.interop import onnx_graph, transformer_lens
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights
from grokking.runs.run import Run
from grokking.storage.atomic_io import folder_for, write_bytes

Encode = Callable[[Weights, ModelShape, int], bytes]
"""Weights, shape and epoch to a file's content."""


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
    if run.shape.scalars and format != "state_dict":
        raise UserError(
            f"this run embeds values by a function of its own, which {format} does not know; "
            "accepted: --format state_dict"
        )
    content = suffixes[output.suffix](run.weights(epoch), run.shape, epoch)
    with folder_for(output.absolute().parent):
        write_bytes(output, content)
    return output


def _state_dict(weights: Weights, shape: ModelShape, epoch: int) -> bytes:
    """Our names and shapes, as PyTorch keeps them."""
    return _pickled(
        {"epoch": epoch, "state_dict": {name: weights[name] for name in shape.parameter_shapes()}}
    )


def _safetensors(weights: Weights, shape: ModelShape, epoch: int) -> bytes:
    tensors = {name: weights[name].contiguous() for name in shape.parameter_shapes()}
    return bytes(safetensors.torch.save(tensors, {"epoch": str(epoch)}))


def _transformer_lens(weights: Weights, shape: ModelShape, epoch: int) -> bytes:
    return _pickled(
        {
            "epoch": epoch,
            "config": transformer_lens.config_of(shape),
            "state_dict": transformer_lens.legacy_state_dict(weights, shape),
        }
    )


def _pickled(record: object) -> bytes:
    content = io.BytesIO()
    torch.save(record, content)
    return content.getvalue()


FORMATS: dict[str, dict[str, Encode]] = {
    "state_dict": {".pt": _state_dict, ".pth": _state_dict, ".safetensors": _safetensors},
    "transformer_lens": {".pt": _transformer_lens, ".pth": _transformer_lens},
    "onnx": {".onnx": onnx_graph.model_bytes},
}
"""By name, what a file may end in and how it is then written; the first is the default."""
