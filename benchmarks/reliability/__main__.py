"""What kills, damage, hostile input, rivals and full disks do to a run, counted.

    python -m benchmarks.reliability                               everything, into results/reliability.md
    python -m benchmarks.reliability --part kills --part flips     only these
    python -m benchmarks.reliability --small                       everything in some minutes

What was found is kept in STATE_DIR and not done again (but with --anew), so an interrupted bench goes on.
--scratch may be on a memory disk: only the cost depends on what is below, and
is measured in STATE_DIR.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks.reliability import report
from benchmarks.reliability.accidents import accidents
from benchmarks.reliability.cost import saving, whole_runs
from benchmarks.reliability.damage import damage, flips, truncations
from benchmarks.reliability.disk import fill
from benchmarks.reliability.faults import mishaps_of
from benchmarks.reliability.inputs import feed_all
from benchmarks.reliability.kills import kill_kinds
from benchmarks.reliability.notes import Notes, Once
from benchmarks.reliability.soak import soak
from benchmarks.reliability.writers import rivals
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.storage.atomic_io import read_json, write_bytes
from grokking.storage.provenance import machine, versions

PARTS: dict[str, Callable[[Path, int, bool, Once], object]] = {
    "kills": lambda s, seed, small, once: kill_kinds(s, 2 if small else 26, seed, once=once),
    "truncations": lambda s, seed, small, once: damage(s, 8 if small else 64, seed, truncations, once),
    "flips": lambda s, seed, small, once: damage(s, 16 if small else 128, seed, flips, once),
    "inputs": lambda s, seed, small, once: feed_all(s, 40 if small else 1600, seed, once),
    "writers": lambda s, _, small, once: [
        once(f"{n} at once", partial(rivals, s, n, 2 if small else 24)) for n in (2, 8)
    ],
    "disk": lambda s, _, small, once: fill(s, 1 if small else 5, once),
    "mishaps": lambda s, _, __, once: (mishaps_of(s, once=once), accidents(s, once)),
    "soak": lambda s, _, small, once: once("soak", partial(soak, s, 8 if small else 520)),
    "cost": lambda s, _, small, once: (
        once("saves", partial(saving, s, 3 if small else 15)),
        once("runs", partial(whole_runs, s, 1 if small else 5)),
    ),
}


def main() -> None:
    """Do the parts that are missing, then write the report of all that are there."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, help="may be given several times")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--anew", action="store_true", help="forget what these parts found before")
    parser.add_argument("--report", action="store_true", help="try nothing more, only write the report")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--state_dir", type=Path, default=Path("phase_transition/reliability"))
    parser.add_argument("--scratch", type=Path, help="default: a temporary folder, deleted at the end")
    parser.add_argument("--output", type=Path, default=Path("results/reliability.md"))
    args = parser.read()
    torch.set_num_threads(1)
    args.state_dir.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="reliability-", dir=args.scratch))
    try:
        about = {"seed": args.seed, "small": args.small, "versions": versions(), "machine": _machine()}
        for name in () if args.report else args.part or PARTS:
            notes = Notes(args.state_dir / f"{name}.json", about, args.anew)
            PARTS[name](args.state_dir if name == "cost" else scratch, args.seed, args.small, notes.once)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    parts = {
        name: read_json(args.state_dir / f"{name}.json")
        for name in PARTS
        if (args.state_dir / f"{name}.json").exists()
    }
    write_bytes(args.output, report.text(parts).encode())
    print(args.output)


def _machine() -> dict[str, object]:
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {**machine(), "memory": f"{gib:.0f} GiB"}


if __name__ == "__main__":
    run_script(main)
