"""From a run to the frames of a film: what all kinds of film share."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from grokking.drawing.animated_figure import AnimatedFigure
from grokking.drawing.panels import Curve, Timeline
from grokking.drawing.style import DESIGN, THEMES, VIEWS, Style
from grokking.engines.threads import available_threads
from grokking.errors import UserError
from grokking.films.encoder import MAX_FPS, MIN_FPS
from grokking.films.frames import FrameWriter, draw, film_file, frames_folder
from grokking.films.video import DEFAULT_FPS
from grokking.metrics.block_names import with_blocks
from grokking.progress_bar import tracked
from grokking.runs.run import Run, Series
from grokking.runs.view import RunView
from grokking.tasks.pairs import PairTask


def curve(series: Series, meaning: str, dashed: bool = False) -> Curve:
    """A logged series as a curve; meaning: names its colour."""
    return Curve(series.epochs, series.values, meaning, dashed)


def curves_by_part(view: RunView, metric: str) -> list[Curve]:
    """``"acc"`` or ``"loss"`` on both parts of the split, or on all pairs where the split is unknown."""
    if f"all_{metric}{view.suffix}" in view.run.history:
        return [curve(view.logged(f"all_{metric}"), "all_pairs")]
    return [curve(view.logged(f"{part}_{metric}"), part) for part in ("train", "test")]


CYCLIC_FLAGS = ("view", "operation")
"""Flags of every film of one operation with a cyclic group."""


@dataclass(frozen=True)
class FilmOptions:
    """What a person may choose. Raises UserError for a value no film can have.

    operation, neuron, frequency, block (a label): None for the film's own choice. n_frames: None for one
    frame per checkpoint. jobs: processes that draw, None for one per processor. direct: a film to write
    instead of a folder of frames.
    """

    view: str = "unfolded"
    operation: str | None = None
    neuron: int | None = None
    frequency: int | None = None
    block: str | None = None
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
    def style(self) -> Style:
        """Size and theme."""
        return Style(self.size, self.theme)


def _one_of(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise UserError(f"unknown {name} {value!r}; known: {', '.join(accepted)}")


Choose = Callable[[Any, FilmOptions], Any]
Collect = Callable[[Any, Any, Iterable[int]], Any]
Animation = Callable[[Any, Style], AnimatedFigure]


@dataclass(frozen=True)
class Film:
    """A kind of film.

    name: of its command and its folder, ``frames_<name>``.
    applies: whether the film has a meaning for a run's task.
    open: (run, options) to the subject of the film; raises UserError, saying why, for a run to which the
    film does not apply.
    choose: (subject, options) to what is shown for the whole film; raises UserError.
    collect: (subject, choice, epochs) to the data of all frames; it iterates over the epochs once. Their
    ``timeline``, if they have one, brings the captions.
    animation: (data, style) to an AnimatedFigure; picklable, since every drawing process builds its own.
    flags: names of the options that this film reads in addition to those of all films.
    """

    name: str
    applies: Callable[[Run], bool]
    open: Callable[[Run, FilmOptions], Any]
    choose: Choose
    collect: Collect
    animation: Animation
    flags: tuple[str, ...] = ()


def has_cyclic_group(run: Run) -> bool:
    """Whether some operation of a run's task has a cyclic group."""
    task = run.task
    return isinstance(task, PairTask) and any(task.group(name) is not None for name in task.names)


def open_cyclic(run: Run, options: FilmOptions) -> RunView:
    """The chosen operation, or the first that has a group; raises UserError if there is none."""
    names = [name for name in run.pair_task.names if run.pair_task.grid(name) is not None]
    if options.operation is None and not names:
        raise UserError(
            f"the task {run.config.task} has no cyclic group, so no Fourier film; "
            "films are for runs of add, sub, mul or div"
        )
    view = RunView(run, options.operation)
    if view.group is None:
        raise UserError(
            f"{view.name} has no cyclic group, so no Fourier film; "
            f"of this run's operations, {', '.join(names) or 'none'} can be shown"
        )
    view.need_circles()
    _ = view.keys  # a damaged final model is refused now, before a folder is made
    return view


def has_blocks(run: Run) -> bool:
    """Whether some operation of a run's task has a group that is not cyclic."""
    return with_blocks(run.task)


def open_blocks(run: Run, options: FilmOptions) -> RunView:
    """The chosen operation of a run whose group is not cyclic; raises UserError if it has no group."""
    view = RunView(run, options.operation)
    _ = view.grid, view.keys  # refused now, before a folder is made
    return view


def cyclic_film(name: str, choose: Choose, collect: Collect, animation: Animation, *flags: str) -> Film:
    """A film of one operation with a cyclic group; flags: those that it reads besides ``CYCLIC_FLAGS``."""
    return Film(
        name, has_cyclic_group, open_cyclic, choose, collect, animation, flags=(*CYCLIC_FLAGS, *flags)
    )


def block_film(name: str, choose: Choose, collect: Collect, animation: Animation, *flags: str) -> Film:
    """As ``cyclic_film``, of an operation whose group is not cyclic."""
    return Film(name, has_blocks, open_blocks, choose, collect, animation, flags=(*CYCLIC_FLAGS, *flags))


def for_any_group(cyclic: Film, blocks: Film) -> Film:
    """A film that shows cyclic groups in one way and all others, block by block, in another."""
    return Film(
        cyclic.name,
        partial(_applies, cyclic, blocks),
        partial(_open, cyclic, blocks),
        partial(_choose, cyclic, blocks),
        _collect,
        _animate,
        tuple(dict.fromkeys((*cyclic.flags, *blocks.flags))),
    )


def _applies(cyclic: Film, blocks: Film, run: Run) -> bool:
    return cyclic.applies(run) or blocks.applies(run)


def _open(cyclic: Film, blocks: Film, run: Run, options: FilmOptions) -> RunView:
    view: RunView = (blocks if has_blocks(run) else cyclic).open(run, options)
    return view


def _choose(cyclic: Film, blocks: Film, view: RunView, options: FilmOptions) -> tuple[Film, Any]:
    film = blocks if has_blocks(view.run) else cyclic
    if options.block is not None and film is cyclic:
        raise UserError(
            f"block is {options.block!r}, but {view.name} has a cyclic group; its blocks are frequencies: "
            "give --frequency"
        )
    return film, film.choose(view, options)


@dataclass(frozen=True)
class Shown:
    """The data of a film together with the one of two films that they are of."""

    film: Film
    data: Any

    @property
    def timeline(self) -> Timeline:
        """What the film marks and says."""
        timeline: Timeline = self.data.timeline
        return timeline


def _collect(view: RunView, chosen: tuple[Film, Any], epochs: Iterable[int]) -> Shown:
    film, choice = chosen
    return Shown(film, film.collect(view, choice, epochs))


def _animate(shown: Shown, style: Style) -> AnimatedFigure:
    return shown.film.animation(shown.data, style)


def make_frames(film: Film, run: Run, output_dir: Path, options: FilmOptions) -> Path:
    """Draw a film of a run into a folder of frames, or into ``options.direct``; return that path."""
    _ = run.epochs, run.history  # refused now if they are missing or damaged
    subject = film.open(run, options)
    choice = film.choose(subject, options)
    epochs = pick_epochs(run.epochs, options.n_frames)
    with _writer(output_dir, options) as writer:
        data = film.collect(subject, choice, tracked(epochs, "measuring", len(epochs)))
        writer.notes["captions"] = [list(said) for said in getattr(data, "timeline", Timeline()).captions]
        jobs = available_threads() if options.jobs is None else options.jobs
        draw(partial(film.animation, data, options.style), len(epochs), writer, jobs)
    return options.direct or output_dir


def _writer(output_dir: Path, options: FilmOptions) -> AbstractContextManager[FrameWriter]:
    if options.direct is not None:
        return film_file(options.direct, options.size, options.fps)
    return frames_folder(output_dir, options.fps)


def pick_epochs(epochs: list[int], n_frames: int | None) -> list[int]:
    """All epochs, or about evenly chosen ones among them with the last and, from 2, the first.

    >>> pick_epochs([0, 10, 20, 40, 80], 3)
    [0, 20, 80]
    """
    if n_frames is None or n_frames >= len(epochs):
        return list(epochs)
    if n_frames == 1:
        return epochs[-1:]
    return [epochs[round(i * (len(epochs) - 1) / (n_frames - 1))] for i in range(n_frames)]
