"""The command line of the film scripts."""

import argparse
import signal
import sys
from pathlib import Path
from typing import Any

from grokking.cli.flags import Parser
from grokking.drawing.style import DESIGN, THEMES, VIEWS, parse_size
from grokking.films.film import Film, FilmOptions, make_frames
from grokking.films.registry import film_named
from grokking.films.video import DEFAULT_FPS
from grokking.runs.run import Run

OWN_FLAGS: dict[str, dict[str, Any]] = {
    "view": {
        "default": "unfolded",
        "metavar": "|".join(VIEWS),
        "help": "unfolded: in phase order, k·x mod n; source: in plain order (default: unfolded)",
    },
    "operation": {"help": "of a run of several; default: the first with a group"},
    "neuron": {"type": int, "help": "default: the one with the best final R²"},
    "frequency": {"type": int, "help": "default: the final model's dominant one"},
}
"""Flags that only some films have, by the name that ``Film.flags`` lists."""


def run_film(name: str, description: str | None) -> Path:
    """From the command line of a film script to frames; returns where they are."""
    # A polite end, which leaves nothing behind, like that of Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    film = film_named(name)
    given = vars(_arguments(film, description))
    run = Run(given.pop("run_dir"), given.pop("history"))
    output_dir = given.pop("output_dir") or Path(f"frames_{film.name}") / run.name
    options = FilmOptions(**{**given, "size": parse_size(given["size"])})
    return make_frames(film, run, output_dir, options)


def _arguments(film: Film, description: str | None) -> argparse.Namespace:
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("run_dir", type=Path, metavar="RUN_DIR", help="a run directory")
    add("history", type=Path, nargs="?", metavar="HISTORY_JSON", help="default: the one in RUN_DIR")
    add("--output_dir", type=Path, help=f"folder of frames; default: frames_{film.name}/<run name>")
    for flag in film.flags:
        add(f"--{flag}", **OWN_FLAGS[flag])
    add("--n_frames", type=int, help="fewer frames, evenly chosen; default: one per checkpoint")
    add("--fps", type=float, default=DEFAULT_FPS, help="frames per second (default: %(default)g)")
    add("--size", default=f"{DESIGN[0]}x{DESIGN[1]}", help="even pixels (default: %(default)s)")
    add("--theme", default="light", metavar="|".join(THEMES), help="default: light")
    add("--jobs", type=int, help="processes that draw; default: all processors")
    add("--direct", type=Path, metavar="FILE.mp4", help="write a film at once, with no frames between")
    return parser.parse_args()
