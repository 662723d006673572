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


def record_run(source: Path, output: Path, n_epochs: int) -> Path:
    """Copy ``n_epochs`` of a run's checkpoints, evenly by rank, to a new run directory; returns it.

    The copy appears whole or not at all. Raises UserError if the target holds anything already, or fewer
    than two epochs are asked for.
    """
    if n_epochs < 2:
        raise UserError(f"epochs is {n_epochs}; accepted: 2 or more")
    if RunDirectory(output).exists():
        raise UserError(f"{output} holds a run already; give a new folder")
    run = load_run(source)
    with staged(output) as staging:
        _copy(run, choose_steps(run.epochs, n_epochs, run.config.imported), RunDirectory(staging))
        measure_and_write(staging)
    return output


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
