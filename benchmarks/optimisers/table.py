"""The runs of the comparison as one small table, with all that its figures need.

python -m benchmarks.optimisers.table FOLDER --output results/optimisers/runs.csv
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.optimisers.methods import METHODS
from benchmarks.optimisers.outcomes import Outcome, read_outcomes
from benchmarks.optimisers.plan import (
    CHOSEN,
    TASKS,
    Planned,
    confirmation,
    defaults,
    finals,
    phase_diagram,
)
from benchmarks.optimisers.run import chosen, fastest, tune
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.storage.atomic_io import write_bytes
from grokking.sweep.tables import csv_text

TABLE = Path("results/optimisers/runs.csv")
OF_CONFIG = ("task", "p", "train_frac", "seed", "n_epochs")
KNOBS = tuple(dict.fromkeys(knob.field for method in METHODS.values() for knob in method.knobs))
FROM_HISTORY = ("grokking_epoch", "memorisation_epoch", "diverged_epoch")
LAST = ("test_acc", "weight_norm")
HEADER = (
    *("stage", "method", "index"),
    *OF_CONFIG,
    *KNOBS,
    *("state", "time", "epochs"),
    *FROM_HISTORY,
    *LAST,
    *("key_frequencies", "lowest_after"),
)


def all_planned(folder: Path) -> list[Planned]:
    """Every run that the protocol has asked for so far, in its order."""
    tasks = list(TASKS)
    tuning = [p for task in tasks for method in METHODS for p in tune(task, method, folder)[1]]
    final = finals(CHOSEN, tasks, chosen(tasks, folder))
    return [*defaults(tasks), *tuning, *final, *phase_diagram(), *confirmation(fastest(folder))]


def row(outcome: Outcome) -> list[Any]:
    """One run; None where a method has no such knob, or a run nothing to say."""
    planned, config = outcome.planned, outcome.planned.config
    knobs = [config.get(name) for name in KNOBS]
    return [
        *(planned.stage, planned.method, planned.index),
        *(getattr(config, name) for name in OF_CONFIG),
        *(json.dumps(value) if isinstance(value, tuple) else value for value in knobs),
        *(outcome.state, outcome.time, outcome.history["epochs"][-1]),
        *(outcome.history.get(name) for name in FROM_HISTORY),
        *(_rounded(outcome.last(name)) for name in LAST),
        *(_joined(outcome.last("key_frequencies")), _rounded(outcome.lowest_after)),
    ]


def _rounded(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _joined(keys: Sequence[int] | None) -> str | None:
    return None if keys is None else " ".join(map(str, keys))


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of the table; numbers as numbers, what is empty as None."""
    with path.open(newline="") as file:
        return [{name: _value(name, text) for name, text in line.items()} for line in csv.DictReader(file)]


def _value(name: str, text: str) -> Any:
    if text == "" and name != "key_frequencies":
        return None
    try:
        return text if name in ("key_frequencies", "betas") else int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def main() -> None:
    """Write the table and print its path."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the runs")
    parser.add_argument("--output", type=Path, default=TABLE, help="default: %(default)s")
    args = parser.read()
    rows = [row(outcome) for outcome in read_outcomes(all_planned(args.folder), args.folder)]
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(args.output, csv_text(HEADER, rows).encode())
    print(f"{args.output}: {len(rows)} rows")


if __name__ == "__main__":
    run_script(main)
