"""At which train fraction a grokked network forgets: its critical fraction, by seed and over seeds.

    grokking train --train_frac 0.6 --seed S --run_name fullS …
    grokking train --train_frac F --seed S --init_from FULL_RUN:EPOCH …       for every fraction and seed
    python -m benchmarks.ungrokking RUN_DIR …                                 the continued runs

Test accuracy is that of the last logged row, over the pairs that the continued run does not train on.
"""

import argparse
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.errors import UserError
from grokking.metrics.critical_fraction import critical_fraction
from grokking.runs.run import Run
from grokking.sweep.tables import markdown_table


def table(runs: Sequence[Run]) -> str:
    """Markdown: test accuracy by fraction and seed, then where it crosses one half.

    Raises UserError for a run that did not start from saved weights.
    """
    accuracy: dict[int, dict[float, float]] = defaultdict(dict)
    for run in runs:
        if not run.config.init_digest:
            raise UserError(f"{run.name} did not start from saved weights; give runs made with --init_from")
        accuracy[run.config.seed][run.config.train_frac] = run.history["test_acc"][-1]
    seeds = sorted(accuracy)
    fractions = sorted({fraction for by_fraction in accuracy.values() for fraction in by_fraction})
    rows = [
        (f"test accuracy at {f:g}", *(_shown(accuracy[seed].get(f)) for seed in seeds)) for f in fractions
    ]
    found = [critical_fraction(accuracy[seed]) for seed in seeds]
    rows.append(
        ("critical fraction", *(f"{c.value:.3f} ({c.low:g} – {c.high:g})" if c else "–" for c in found))
    )
    text = markdown_table(("", *(f"seed {seed}" for seed in seeds)), rows)
    known = [c.value for c in found if c]
    if len(known) < len(found):
        return f"{text}\n\nNo crossing in {len(found) - len(known)} of {len(found)} seeds."
    low, high = min(c.low for c in found if c), max(c.high for c in found if c)
    return (
        f"{text}\n\nCritical fraction: median {statistics.median(known):.3f}, range {min(known):.3f} – "
        f"{max(known):.3f}, n = {len(known)}; between the tried fractions {low:g} and {high:g}."
    )


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    print(table([Run(path) for path in parser.read().runs]))


if __name__ == "__main__":
    run_script(main)
