"""The state of a run at one epoch, and its bytes: safetensors, with all else in one JSON record."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError

OPTIMISER = "optimiser."
FORMAT = 1
KEPT = SCHEDULE, LAST, RECOVERY = ("schedule", "last", "")


@dataclass
class Checkpoint:
    """The state of a run after ``epoch`` updates.

    weights: by name.  optimiser: state tensors of the optimiser by name, "exp_avg.W_E" and the like; empty
    where they were not saved, and for an optimiser that has none.
    kept: "schedule" if it belongs to the run, "last" if only because the run ended there, "" if
    it is a recovery checkpoint, deleted after the next save.  watch: the training loop's own notes.
    """

    epoch: int
    weights: dict[str, Tensor]
    config: RunConfig
    kept: str = SCHEDULE
    optimiser: dict[str, Tensor] = field(default_factory=dict)
    watch: dict[str, Any] = field(default_factory=dict)

    @property
    def resumable(self) -> bool:
        """Whether training can be resumed from here: only then a checkpoint has the training loop's notes."""
        return bool(self.watch)

    def to_bytes(self) -> bytes:
        """safetensors, the same bytes for the same state."""
        tensors = {name: t.detach().cpu().contiguous() for name, t in self.weights.items()}
        tensors |= {OPTIMISER + name: t.detach().cpu().contiguous() for name, t in self.optimiser.items()}
        # One key only: safetensors writes several in no fixed order.
        about = {
            "format": FORMAT,
            "epoch": self.epoch,
            "kept": self.kept,
            "config": self.config.identity(),
            "watch": self.watch,
        }
        return safetensors.torch.save(tensors, {"grokking": json.dumps(about, sort_keys=True)})

    @classmethod
    def from_bytes(cls, content: bytes, path: Path) -> "Checkpoint":
        """Inverse of ``to_bytes``; raises DamagedFile, naming ``path``, for anything else."""
        try:
            # In the order of their names: safetensors has another at every call.
            tensors = dict(sorted(safetensors.torch.load(content).items()))
            length = int.from_bytes(content[:8], "little")
            about = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["grokking"])
            config = RunConfig.from_dict(about["config"])
            epoch, kept, watch = about["epoch"], about["kept"], about["watch"]
            if type(epoch) is not int or kept not in KEPT or not isinstance(watch, dict):
                raise ValueError("its record is not one of this project")
        except (
            safetensors.SafetensorError,
            ValueError,
            KeyError,
            TypeError,
            RecursionError,
            UserError,
        ) as error:
            raise DamagedFile(f"{path} is damaged, or was not made by this project: {error}") from error
        weights = {n: _computable(t) for n, t in tensors.items() if not n.startswith(OPTIMISER)}
        state = {n.removeprefix(OPTIMISER): t for n, t in tensors.items() if n.startswith(OPTIMISER)}
        return cls(epoch, weights, config, kept, state, watch)


def _computable(weights: Tensor) -> Tensor:
    """Weights in float32 or float64: recorded runs store float16, imported ones may store float64."""
    return weights if weights.dtype == torch.float64 else weights.float()
