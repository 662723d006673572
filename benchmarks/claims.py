"""What the second source says of its curves and phases (tasks 1 and 3), held against runs.

    python -m benchmarks.claims RUN_DIR RUN_DIR ...

Prints one row per quantity and one column per run, then medians and ranges. Runs of one operation that
have progress.json (train_with_metrics.py makes it at its end); losses are in nats.
"""

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grokking.arguments import Parser
from grokking.cli import run_script
from grokking.errors import UserError
from grokking.metrics.phases import phases_of_run
from grokking.metrics.warning import memorised_at
from grokking.progress import read_progress
from grokking.reading import Run

CLAIMED_LOSS = 1e-5
SILENT, AWAKE = 0.15, 0.998
"""The test accuracies between which the source has its transition."""
Values = dict[str, float | None]


def measured(run: Run) -> Values:
    """Every quantity of one run; None where it does not exist or was not reached."""
    history, progress = run.history, read_progress(run)
    if progress is None or "excluded_loss" not in progress or history.get("test_acc") is None:
        raise UserError(f"{run.name} has no progress measures of one operation with a split; "
                        "measure_progress.py makes them")
    found = curves(history)
    silent = found["last row with test accuracy below 15 %"]
    phases = phases_of_run(history, progress)
    return found | {
        "circuit formation begins": phases.circuit_formation,
        "cleanup begins": phases.cleanup,
        **moments("excluded loss", progress, progress["excluded_loss"], silent),
        **moments("restricted loss", progress, progress["restricted_loss"], silent),
        **moments("weight norm", history, history["weight_norm"], silent),
        **moments("circularity", history, history["embedding_circularity"], silent),
        "circularity's null, at the end": history["embedding_circularity_null"][-1],
    }


def curves(history: Mapping[str, Any]) -> Values:
    """What the logged losses and accuracies say; epochs are those of rows."""
    epochs, accuracy, loss = history["epochs"], history["test_acc"], history["test_loss"]
    silent = max((e for e, a in zip(epochs, accuracy, strict=True) if a < SILENT), default=None)
    awake = None if silent is None else next(
        (e for e, a in zip(epochs, accuracy, strict=True) if e > silent and a >= AWAKE), None)
    memorised = memorised_at(epochs, history["train_acc"])
    plateau = [value for e, value in zip(epochs, loss, strict=True)
               if memorised is not None and silent is not None and memorised <= e <= silent]
    return {
        "memorised (train accuracy 99 %)": memorised,
        "train loss below 1e-5": next((e for e, value in zip(epochs, history["train_loss"], strict=True)
                                       if value < CLAIMED_LOSS), None),
        "test loss at first": loss[0],
        "test loss on the plateau, least": min(plateau, default=None),
        "test loss on the plateau, most": max(plateau, default=None),
        "last row with test accuracy below 15 %": silent,
        "first row from 99.8 % on": awake,
        "epochs between them": None if awake is None or silent is None else awake - silent,
        "grokking epoch": history.get("grokking_epoch"),
    }


def moments(name: str, record: Mapping[str, Any], values: Sequence[float | None],
            silent: float | None) -> Values:
    """A curve at first, at its extremes, when test accuracy was last below 15 %, and at the end."""
    points = [(e, v) for e, v in zip(record["epochs"], values, strict=True) if v is not None]
    still = [v for e, v in points if silent is not None and e <= silent]
    known = [v for _, v in points]
    return {
        f"{name}, at first": known[0] if known else None,
        f"{name}, least": min(known, default=None),
        f"{name}, most": max(known, default=None),
        f"{name}, last below 15 %": still[-1] if still else None,
        f"{name}, at the end": known[-1] if known else None,
    }


def table(runs: Sequence[Run]) -> str:
    """Markdown: quantities by runs, with the median and range of those that have it."""
    found = [measured(run) for run in runs]
    header = ["", *(run.name for run in runs), "median (range), n"]
    rows = [[name, *(_shown(values[name]) for values in found), _summary([v[name] for v in found])]
            for name in found[0]]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows))


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _summary(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    return f"{statistics.median(known):.4g} ({min(known):.4g} – {max(known):.4g}), {len(known)}"


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    print(table([Run(path) for path in parser.parse_args().runs]))


if __name__ == "__main__":
    run_script(main)
