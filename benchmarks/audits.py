"""A table of audits that lie in run directories, for results/audit.md.

grokking audit RUN_DIR                   for each run, first
python -m benchmarks.audits RUN_DIR ...
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grokking.audit.checkpoint import read_audit
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.runs.run import Run

CHECKS = (
    "sufficient",
    "needed",
    "neurons",
    "heads",
    "cross-talk",
    "slopes of W_E",
    "slopes of W_U",
    "robustness",
)
COLUMNS = (
    "run",
    "task, p",
    "fraction",
    "decay",
    "seed",
    "grokking epoch",
    "test accuracy",
    "verdict",
    *CHECKS,
    "logits at (k, k)",
)


def rows(run: Run) -> Iterator[list[str]]:
    """One line per operation."""
    record, c, several = read_audit(run), run.config, len(run.pair_task.names) > 1
    for name, audited in record["operations"].items():
        suffix = f"_{name}" if several else ""
        values = {check["name"]: check["value"] for check in audited["checks"]}
        grokked = run.history.get(f"grokking_epoch{suffix}")
        yield [
            run.name,
            f"{name}, {c.p}",
            f"{c.train_frac:g}",
            f"{c.weight_decay:g}",
            str(c.seed),
            "–" if grokked is None else str(grokked),
            _short(record["behaviour"].get(f"test_acc{suffix}")),
            audited["verdict"],
            *(_short(values.get(check)) for check in CHECKS),
            _short(audited.get("logit_diagonal_share")),
        ]


def _short(value: Any) -> str:
    return "–" if value is None else f"{value:.3g}"


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    table = [list(COLUMNS), ["---"] * len(COLUMNS)]
    for path in parser.read().runs:
        table += rows(Run(path))
    print("\n".join(f"| {' | '.join(row)} |" for row in table))


if __name__ == "__main__":
    run_script(main)
