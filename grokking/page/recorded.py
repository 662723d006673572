"""A small copy of a run that can travel with the code: a run directory like any other.

It has the whole history, the weights of some epochs in half precision, and progress measures of just
these weights. It cannot be continued, since it has no AdamW moments.
"""

from collections.abc import Sequence
from pathlib import Path

from grokking.errors import UserError
from grokking.page.measure import choose_steps
from grokking.runs.progress_measures import measure_and_write
from grokking.runs.run import Run, load_run
from grokking.storage.atomic_io import staged
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.provenance import command_line
from grokking.storage.run_directory import RunDirectory


def record_run(source: Path, output: Path, n_epochs: int, at: Sequence[int] | None = None) -> Path:
    """Copy ``n_epochs`` of a run's checkpoints, evenly by rank, to a new run directory; returns it.

    at: epochs of the checkpoints to copy instead. The copy appears whole or not at all. Raises UserError if
    the target holds anything already, fewer than two epochs are asked for, or one of them has no checkpoint.
    """
    if n_epochs < 2:
        raise UserError(f"epochs is {n_epochs}; accepted: 2 or more")
    if RunDirectory(output).exists():
        raise UserError(f"{output} holds a run already; give a new folder")
    run = load_run(source)
    steps = choose_steps(run.epochs, n_epochs, run.config.imported) if at is None else _chosen(run, at)
    with staged(output) as staging:
        _copy(run, steps, RunDirectory(staging))
        measure_and_write(staging)
    return output


def _chosen(run: Run, at: Sequence[int]) -> list[int]:
    missing = sorted(set(at) - set(run.epochs))
    if missing:
        near = min(run.epochs, key=lambda epoch: abs(epoch - missing[0]))
        raise UserError(f"{run.name} has no checkpoint of epoch {missing[0]}; the nearest is {near}")
    return choose_steps(sorted(set(at)), len(set(at)), run.config.imported)


def _copy(run: Run, epochs: Sequence[int], target: RunDirectory) -> None:
    history, record = run.history, run.directory.record()
    about = {name: value for name, value in record.items() if name != "config"}
    note = {"weights": "float16", "epochs": len(epochs), "of": len(run.epochs), "command": command_line()}
    with target.writing():
        target.create(run.config, {**about, "recorded": note})
        target.write_history(history)
        for epoch in epochs:
            halves = {name: tensor.half() for name, tensor in run.weights(epoch).items()}
            target.save(Checkpoint(epoch, halves, run.config))
