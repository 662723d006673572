"""Time the frames of the three films: artists that are updated against a fresh figure per frame.

    python -m benchmarks.frames RUN_DIR
    python -m benchmarks.frames RUN_DIR --n_frames 24

One process, one core. Prints Markdown: milliseconds per frame with PNG compression included, ratios
taken round by round, and peak memory.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import in_turn, peak_mib
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.drawing.style import Style
from grokking.films.film import Film, FilmOptions, pick_epochs
from grokking.films.frames import PngFolder
from grokking.films.kinds.circle import FILM as CIRCLE
from grokking.films.kinds.clean import FILM as CLEAN
from grokking.films.kinds.sine import FILM as SINE
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.provenance import git_commit, machine, versions

FILMS = (CIRCLE, CLEAN, SINE)


Draw = Callable[[], None]


def drawers(film: Film, run: Run, n_frames: int, folder: Path) -> tuple[Draw, Draw]:
    """Two calls that draw the next frame: with one picture for all, and with a new one for each."""
    view, options, style = RunView(run), FilmOptions(), Style()
    epochs = pick_epochs(run.epochs, n_frames)
    numbers = film.collect(view, film.choose(view, options), epochs)
    sink, picture = PngFolder(folder), film.animation(numbers, style)
    at = {"kept": 0, "fresh": 0}

    def kept() -> None:
        at["kept"] = (at["kept"] + 1) % len(epochs)
        sink.put(at["kept"], picture.rgb(at["kept"]))

    def fresh() -> None:
        at["fresh"] = (at["fresh"] + 1) % len(epochs)
        sink.put(at["fresh"], film.animation(numbers, style).rgb(at["fresh"]))

    return kept, fresh


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--n_frames", type=int, default=12, help="different frames drawn in turn")
    args = parser.read()
    run = Run(args.run_dir)
    print("| film | ms per frame, median (range) | fresh figure, ms | times faster (range over rounds) |")
    print("| --- | --- | --- | --- |")
    for film in FILMS:
        with tempfile.TemporaryDirectory() as folder:
            kept, fresh = drawers(film, run, args.n_frames, Path(folder))
            timing = in_turn({"kept": (kept, 5), "fresh": (fresh, 2)}, args.rounds)
        t, slow = timing["kept"], timing["fresh"]
        ms = f"{t.median * 1e3:.0f} ({t.spread}) | {slow.median * 1e3:.0f}"
        print(f"| {film.name} | {ms} | {t.ratio(slow)} |")
    print(f"\n{args.rounds} rounds; peak memory {peak_mib():.0f} MiB.")
    print(f"{machine()}, {versions()}, commit {git_commit()}")


if __name__ == "__main__":
    run_script(main)
