"""Measure the figures of a run: all of them, its memory over all processes, and the slowest single figure.

    python -m benchmarks.figures RUN_DIR
    python -m benchmarks.figures RUN_DIR --jobs 1

Prints Markdown. Single figures are drawn as PNG and SVG by this process, after the run was opened, its
network observed and a few epochs measured: what remains is the drawing, and the weights it reads.
"""

import argparse
import re
import tempfile
import threading
import time
from pathlib import Path

from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.figures.build import FigureOptions, draw_figures
from grokking.figures.draw import fits, write_figure
from grokking.figures.over_training import PARTS, chosen_epochs, gather, measure, parts_to_measure
from grokking.figures.registry import figures as all_figures
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.provenance import git_commit, machine, versions

WHOLE, MEMORY, SINGLE = 90, 2.0, 5
"""Bars: seconds, GiB, seconds."""
EVERY = 0.25
"""Seconds between two looks at the memory."""
FEW = 12
"""Epochs measured for the single figures."""


class Memory(threading.Thread):
    """Looks at what this process and its children hold, shared pages counted once; ``peak`` in GiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self.over = 0.0, threading.Event()

    def run(self) -> None:
        """Until ``over`` is set."""
        while not self.over.wait(EVERY):
            self.peak = max(self.peak, sum(map(_held, _family())) / 2**30)


def _family() -> list[int]:
    """This process and all below it."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(path.parent.name)] = int(fields[1])
    family = [int(Path("/proc/self").readlink().name)]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family


def _held(pid: int) -> int:
    """Bytes by proportional share, 0 for a process that has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def single_figures(path: Path, folder: Path) -> list[tuple[float, str]]:
    """CPU seconds, which a busy machine hardly changes, and name of every figure; slowest first."""
    view = RunView(Run(path))
    epochs = chosen_epochs(view.run.epochs, FEW)
    parts = parts_to_measure(set(PARTS), view)
    over = gather(view, epochs, [measure(view, epoch, parts) for epoch in epochs])
    found = []
    for spec in all_figures():
        if fits(spec, view):
            began = time.process_time()
            write_figure(spec, view, over, folder, ("png", "svg"))
            found.append((time.process_time() - began, spec.name))
    return sorted(found, reverse=True)


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    parser.add_argument("--jobs", type=int, help="processes; default: all processors")
    args = parser.read()
    kept, memory = len(Run(args.run_dir).epochs), Memory()
    with tempfile.TemporaryDirectory() as folder:
        memory.start()
        began = time.perf_counter()
        draw_figures(args.run_dir, Path(folder), FigureOptions(jobs=args.jobs))
        whole = time.perf_counter() - began
        memory.over.set()
        figures = single_figures(args.run_dir, Path(folder))
    rows = [
        (f"all figures, {kept} checkpoints", WHOLE, "s", whole),
        ("memory of all processes", MEMORY, "GiB", memory.peak),
        (f"slowest figure ({figures[0][1]})", SINGLE, "s", figures[0][0]),
        (f"median figure of {len(figures)}", SINGLE, "s", figures[len(figures) // 2][0]),
    ]
    print("| what | bar | measured | holds |\n| --- | --- | --- | --- |")
    for what, bar, unit, value in rows:
        print(f"| {what} | ≤ {bar:g} {unit} | {value:.3g} {unit} | {'yes' if value <= bar else '**no**'} |")
    print(f"\n{machine()}, {versions()}, commit {git_commit()}")


if __name__ == "__main__":
    run_script(main)
