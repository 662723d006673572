"""From a run directory to the frames of a film: what the film scripts share.

A film is two things: ``collect``, which computes all its numbers by the functions of
``grokking.metrics``, and a ``Picture``, which draws them.
"""

import argparse
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from grokking.cli.parser import Parser
from grokking.drawing.style import DESIGN, THEMES, VIEWS, Style, parse_size
from grokking.engines.threads import available_threads
from grokking.errors import UserError
from grokking.films.animated_figure import AnimatedFigure
from grokking.films.drawing import draw
from grokking.films.encoder import MAX_FPS, MIN_FPS
from grokking.films.frame_writers import Sink, film_file, frames_folder
from grokking.films.subject import Subject
from grokking.films.video import DEFAULT_FPS
from grokking.progress_bar import tracked
from grokking.runs.run import Run


@dataclass(frozen=True)
class FilmOptions:
    """What a person may choose. Raises UserError for a value no film can have.

    operation, neuron, frequency: None for the film's own choice. n_frames: None for every kept
    epoch. jobs: processes that draw, None for one per processor. direct: a film to write instead
    of a folder of frames.
    """

    view: str = "unfolded"
    operation: str | None = None
    neuron: int | None = None
    frequency: int | None = None
    fps: float = DEFAULT_FPS
    size: tuple[int, int] = DESIGN
    theme: str = "light"
    n_frames: int | None = None
    jobs: int | None = None
    direct: Path | None = None

    def __post_init__(self) -> None:
        _one_of("view", self.view, VIEWS)
        _one_of("theme", self.theme, THEMES)
        for name, value in (("n_frames", self.n_frames), ("jobs", self.jobs)):
            if value is not None and value < 1:
                raise UserError(f"{name} is {value}; accepted: 1 or more")
        if not MIN_FPS <= self.fps <= MAX_FPS["mp4"]:
            raise UserError(f"fps is {self.fps}; accepted: {MIN_FPS} to {MAX_FPS['mp4']}")

    @property
    def look(self) -> Style:
        """Size and theme."""
        return Style(self.size, self.theme)


def _one_of(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise UserError(f"unknown {name} {value!r}; known: {', '.join(accepted)}")


@dataclass(frozen=True)
class Film:
    """A kind of film.

    name: of the script and its folder, ``frames_<name>``.  choose: (subject, options) to what is
    shown for the whole film; raises UserError.  collect: (subject, choice, epochs) to the numbers
    of all frames; epochs are to be iterated once.  picture: (numbers, look) to a Picture.
    fourier: whether its subject is one operation with a group, a ``Subject``; else it is the ``Run``.
    """

    name: str
    choose: Callable[[Any, FilmOptions], Any]
    collect: Callable[[Any, Any, Iterable[int]], Any]
    picture: Callable[[Any, Style], AnimatedFigure]
    fourier: bool = True


def make_frames(film: Film, run: Run, output_dir: Path, options: FilmOptions) -> Path:
    """Draw a film of a run into a folder of frames, or into ``options.direct``; return that path."""
    _ = run.epochs, run.history  # refused now if they are missing or damaged
    subject = Subject.of(run, options.operation) if film.fourier else run
    choice = film.choose(subject, options)
    epochs = pick_epochs(run.epochs, options.n_frames)
    with _sink(output_dir, options) as sink:
        numbers = film.collect(subject, choice, tracked(epochs, "measuring", len(epochs)))
        jobs = available_threads() if options.jobs is None else options.jobs
        draw(partial(film.picture, numbers, options.look), len(epochs), sink, jobs)
    return options.direct or output_dir


def _sink(output_dir: Path, options: FilmOptions) -> AbstractContextManager[Sink]:
    if options.direct is not None:
        return film_file(options.direct, options.size, options.fps)
    return frames_folder(output_dir, options.fps)


def pick_epochs(kept: list[int], n_frames: int | None) -> list[int]:
    """All kept epochs, or about evenly chosen ones among them with the last and, from 2, the first.

    >>> pick_epochs([0, 10, 20, 40, 80], 3)
    [0, 20, 80]
    """
    if n_frames is None or n_frames >= len(kept):
        return list(kept)
    if n_frames == 1:
        return kept[-1:]
    return [kept[round(i * (len(kept) - 1) / (n_frames - 1))] for i in range(n_frames)]


def parse_film_arguments(
    film: str, description: str | None, *own: str, fourier: bool = True
) -> argparse.Namespace:
    """The command line of a film script; ``own`` names the flags that only this film has."""
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("run_dir", type=Path, metavar="RUN_DIR", help="a run directory")
    add("history", type=Path, nargs="?", metavar="HISTORY_JSON", help="default: the one in RUN_DIR")
    add("--output_dir", type=Path, help=f"folder of frames; default: frames_{film}/<run name>")
    if fourier:
        add(
            "--view",
            default="unfolded",
            metavar="|".join(VIEWS),
            help="unfolded: in phase order, k·x mod n; source: in plain order (default: unfolded)",
        )
        add("--operation", help="of a run of several; default: the first with a group")
    if "neuron" in own:
        add("--neuron", type=int, help="default: the one with the best final R²")
    if "frequency" in own:
        add("--frequency", type=int, help="default: the final model's dominant one")
    add("--n_frames", type=int, help="fewer frames, evenly chosen; default: every kept epoch")
    add("--fps", type=float, default=DEFAULT_FPS, help="frames per second (default: %(default)g)")
    add("--size", default=f"{DESIGN[0]}x{DESIGN[1]}", help="even pixels (default: %(default)s)")
    add("--theme", default="light", metavar="|".join(THEMES), help="default: light")
    add("--jobs", type=int, help="processes that draw; default: all processors")
    add("--direct", type=Path, metavar="FILE.mp4", help="write a film at once, with no frames between")
    return parser.parse_args()


def run_film(film: Film, description: str | None, *own: str) -> Path:
    """What a film script does: command line to frames; returns where they are."""
    given = vars(parse_film_arguments(film.name, description, *own, fourier=film.fourier))
    run = Run(given.pop("run_dir"), given.pop("history"))
    output_dir = given.pop("output_dir") or Path(f"frames_{film.name}") / run.name
    options = FilmOptions(**{**given, "size": parse_size(given["size"])})
    return make_frames(film, run, output_dir, options)
