"""``history.json`` mirrored live into an experiment tracker, if a person asks for one.

Trackers are optional packages; none is imported unless it was named. What they show is a copy:
every number is that of the history, under the same name, at the same epoch.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.storage.run_directory import TENSORBOARD
from grokking.training.state import MetricCallback

TRACKERS = ("tensorboard", "wandb", "trackio")
PROJECT = "grokking"
MODULES = {"tensorboard": "torch.utils.tensorboard", "wandb": "wandb", "trackio": "trackio"}


def scalars(row: dict[str, Any]) -> dict[str, float]:
    """The single numbers of a row; lists, such as key frequencies, become their length.

    Objects {label: value} become one number for each label, ``logit_similarity/standard``; labels alone go.
    """
    found: dict[str, Any] = {}
    for name, v in row.items():
        if isinstance(v, list):
            found[f"n_{name}"] = len(v)
        elif isinstance(v, dict):
            found |= {f"{name}/{label}": entry for label, entry in v.items()}
        elif v is not None and not isinstance(v, str):
            found[name] = v
    return {name: float(value) for name, value in found.items() if name != "n_frequency_share"}


@contextmanager
def tracked(name: str, run_dir: Path, config: RunConfig) -> Iterator[MetricCallback]:
    """A mirror that lives as long as the block; what it made is whole when the block ends.

    Raises UserError for an unknown tracker, or one whose package is missing.
    """
    if name not in TRACKERS:
        raise UserError(f"unknown tracker {name!r}; known: {', '.join(TRACKERS)}")
    try:
        module = importlib.import_module(MODULES[name])
    except ImportError as error:
        raise UserError(f"--tracker {name} needs the package {name}; pip install {name}") from error
    if name == "tensorboard":
        with module.SummaryWriter(run_dir / TENSORBOARD) as writer:
            yield partial(_to_tensorboard, writer)
        return
    module.init(project=PROJECT, name=run_dir.name, config=config.as_dict())
    try:
        yield lambda epoch, row: module.log(scalars(row), step=epoch)
    finally:
        module.finish()


def _to_tensorboard(writer: Any, epoch: int, row: dict[str, Any]) -> None:
    for name, value in scalars(row).items():
        writer.add_scalar(name, value, epoch)
