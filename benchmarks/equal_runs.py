"""Hold runs of one version against the same runs of another: history, progress measures, every checkpoint.

    python -m benchmarks.equal_runs OLD_FOLDER NEW_FOLDER

Both folders hold run directories of the same names. Configs are left out of the comparison, since versions
name fields differently; columns that only one side has are listed. Prints a table in markdown.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.errors import UserError


def record_of(path: Path) -> dict[str, Any]:
    """A JSON record without its config."""
    record: dict[str, Any] = json.loads(path.read_text())
    record.pop("config", None)
    return record


def compared(old: Path, new: Path) -> str:
    """What two records agree in: "same", or the columns that differ, and the columns that only one has."""
    if not (old.exists() and new.exists()):
        return "absent" if not (old.exists() or new.exists()) else "only one"
    a, b = record_of(old), record_of(new)
    differing = [name for name in a if name in b and json.dumps(a[name]) != json.dumps(b[name])]
    words = ["same"] if not differing else [f"differ: {', '.join(differing)}"]
    words += [f"only new: {', '.join(name for name in b if name not in a)}"] if b.keys() - a.keys() else []
    words += [f"only old: {', '.join(name for name in a if name not in b)}"] if a.keys() - b.keys() else []
    return "; ".join(words)


def equal_checkpoints(old: Path, new: Path) -> tuple[int, int]:
    """How many checkpoints have equal tensors on both sides, to the bit, of how many on either side."""
    names = {path.name for folder in (old, new) for path in folder.glob("checkpoint_e*.safetensors")}
    equal = 0
    for name in names:
        if (old / name).exists() and (new / name).exists():
            a, b = (safetensors.torch.load_file(folder / name) for folder in (old, new))
            equal += a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
    return equal, len(names)


def table(old: Path, new: Path) -> str:
    """One line per run; raises UserError where no run is in both folders."""
    names = sorted(path.name for path in old.iterdir() if (new / path.name / "config.json").exists())
    if not names:
        raise UserError(f"no run directory of {old} has one of the same name in {new}")
    lines = ["| run | history.json | progress.json | equal checkpoints |", "| --- | --- | --- | --- |"]
    for name in names:
        records = [
            compared(old / name / file, new / name / file) for file in ("history.json", "progress.json")
        ]
        equal, all_of_them = equal_checkpoints(old / name, new / name)
        lines.append(f"| {name} | {records[0]} | {records[1]} | {equal} of {all_of_them} |")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, metavar="OLD_FOLDER")
    parser.add_argument("new", type=Path, metavar="NEW_FOLDER")
    args = parser.read()
    print(table(args.old, args.new))


if __name__ == "__main__":
    run_script(main)
