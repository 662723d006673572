"""Measuring a run, whatever its task family: what ``grokking measure`` calls."""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from grokking.errors import UserError
from grokking.runs import progress_measures
from grokking.runs.run import Run
from grokking.tasks import family_of


def handler(run: Run, command: str) -> Callable[..., Any] | None:
    """What a command does for the runs of a family, where that is not what it does for all others."""
    own = family_of(run.config.task).handlers.get(command)
    if own is None:
        return None
    module, name = own.split(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def measure_run(path: Path, operations: Sequence[str] | None = None) -> Path:
    """Measure a run and write the file of its measures; returns where that is.

    operations: whose measures, None for all.  Raises UserError for an operation that the run lacks.
    """
    run = Run(path)
    measure = handler(run, "measure")
    if measure is None:
        return progress_measures.measure_and_write(path, operations)
    if operations:
        raise UserError(f"{path} is a run of {run.config.task}; leave --operation out")
    written: Path = measure(path)
    return written


def tables(paths: Sequence[Path]) -> str:
    """Tables of measured runs, in markdown.

    Raises UserError where a run is of a family that has no such tables.
    """
    runs = [Run(path) for path in paths]
    makers = {handler(run, "tables") for run in runs}
    maker = makers.pop() if len(makers) == 1 else None
    if maker is None:
        raise UserError(
            "--markdown prints tables of kinematics runs; grokking compare --markdown takes any run"
        )
    text: str = maker(runs)
    return text
