"""The table of how runs ended: all its values are of the epoch that it names."""

import shutil
from collections.abc import Callable
from pathlib import Path

from grokking.runs.compare import summary
from grokking.runs.progress_measures import measure_and_write, read_progress
from grokking.runs.run import Run
from grokking.storage.atomic_io import read_json, write_json
from grokking.storage.run_directory import HISTORY


def test_progress_measures_of_another_epoch_than_the_last_row_are_left_out(
    tiny_run: Path, tmp_path: Path, made_by_hand: Callable[[Path], None]
) -> None:
    path = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    measure_and_write(path)
    run = Run(path)
    measured = read_progress(run)["single_frequency_share"][-1]
    assert summary(run)["epochs"] == 60
    assert summary(run)["single_frequency_share"] == measured
    assert measured is not None
    made_by_hand(path)
    record = read_json(path / HISTORY)
    write_json(
        path / HISTORY,
        {name: values[:-1] if isinstance(values, list) else values for name, values in record.items()},
    )
    shorter = summary(Run(path))
    assert (shorter["epochs"], shorter["single_frequency_share"]) == (50, None)
    assert shorter["test_loss"] == record["test_loss"][-2]
