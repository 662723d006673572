"""All figures of a run: measure over training, draw, list; shared by processes."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from grokking.drawing.parallel import Submit, processes
from grokking.engines.threads import available_threads, limit_threads
from grokking.errors import UserError, os_errors_as
from grokking.figures.draw import DrawnFigure, fits, why_left_out, write_figure
from grokking.figures.index import write_contact_sheet, write_index
from grokking.figures.over_training import (
    Measured,
    OverTraining,
    chosen_epochs,
    gather,
    measure,
    parts_to_measure,
)
from grokking.figures.registry import FigureSpec, choose
from grokking.progress_bar import tracked
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.atomic_io import folder_for, scratch_folder

CHUNK = 4
"""Epochs measured at a stretch."""
DRAWING = ".drawing-"
"""Folder in which figures are drawn before they take their places."""
FORMATS = ("png", "svg", "pdf")

_view: RunView | None = None


@dataclass(frozen=True)
class FigureOptions:
    """What a person may choose.

    only: names of figures or sections, None for all.  epoch: None for the last.  operation: None for
    the first with a group.  contact_sheet: all figures, small, on one picture as well.  jobs: processes,
    None for one per processor.
    """

    only: Sequence[str] | None = None
    epoch: int | None = None
    operation: str | None = None
    formats: tuple[str, ...] = ("png", "svg")
    contact_sheet: bool = False
    jobs: int | None = None

    def __post_init__(self) -> None:
        for kind in self.formats:
            if kind not in FORMATS:
                raise UserError(f"unknown format {kind!r}; known: {', '.join(FORMATS)}")
        if self.contact_sheet and "png" not in self.formats:
            raise UserError("a contact sheet is made from PNG files; add the format png")
        if self.jobs is not None and self.jobs < 1:
            raise UserError(f"jobs is {self.jobs}; accepted: 1 or more")


def draw_figures(path: Path, output_dir: Path, options: FigureOptions) -> Path:
    """Draw the figures of the run in ``path`` into a folder; returns its ``index.html``.

    Figures about waves are left out where the operation has no group. Raises UserError for an
    unknown figure, operation or epoch, and for a run directory that lacks something.
    """
    wanted, run = choose(options.only), Run(path)
    _ = run.epochs, run.history  # refused now if they are missing or damaged
    view = RunView(run, options.operation, options.epoch)
    specs = [spec for spec in wanted if fits(spec, view)]
    if not specs:
        names = ", ".join(spec.name for spec in wanted)
        why = (
            f"{view.name} has no cyclic group, so"
            if view.group is None
            else f"{why_left_out(wanted[0], view)}, so"
        )
        raise UserError(f"{why} none of these figures can be drawn: {names}")
    parts = parts_to_measure({need for spec in specs for need in spec.needs}, view)
    jobs = _jobs(options.jobs, specs, parts)
    with folder_for(output_dir):
        with scratch_folder(output_dir, DRAWING) as drawing, _workers(jobs, view) as submit:
            over = _measured(submit, view, parts)
            drawn = _drawn(submit, specs, over, drawing, options.formats)
            _take_over(drawn, drawing, output_dir)
        if options.contact_sheet:
            write_contact_sheet(output_dir, drawn)
        left_out: dict[str, list[str]] = {}
        for spec in wanted:
            if spec not in specs:
                left_out.setdefault(why_left_out(spec, view), []).append(spec.name)
        return write_index(output_dir, view, drawn, left_out)


def _take_over(drawn: Sequence[DrawnFigure], drawing: Path, folder: Path) -> None:
    """All figures take their places once all are drawn."""
    with os_errors_as(f"write in {folder}"):
        for one in drawn:
            for name in one.files.values():
                os.replace(drawing / name, folder / name)


def _jobs(asked: int | None, specs: Sequence[FigureSpec], parts: Sequence[str]) -> int:
    """Processes worth starting: each takes seconds to begin."""
    few = len(specs) < 3 and not parts
    return 1 if few else asked or available_threads()


def _measured(submit: Submit, view: RunView, parts: list[str]) -> OverTraining:
    epochs = chosen_epochs(view.run.epochs)
    if not parts:
        return gather(view, epochs, [])
    chunks = [epochs[at : at + CHUNK] for at in range(0, len(epochs), CHUNK)]
    waiting = [submit(_measure, chunk, parts) for chunk in chunks]
    rows = (row for future in waiting for row in future.result())
    return gather(view, epochs, list(tracked(rows, "measuring", len(epochs), unit="epoch")))


def _drawn(
    submit: Submit, specs: Sequence[FigureSpec], over: OverTraining, folder: Path, formats: tuple[str, ...]
) -> list[DrawnFigure]:
    nothing = OverTraining()
    waiting = [submit(_draw, spec.name, over if spec.needs else nothing, folder, formats) for spec in specs]
    return list(tracked((future.result() for future in waiting), "drawing", len(specs), unit="figure"))


# In the processes


def _begin(path: Path, operation: str, epoch: int) -> None:
    global _view
    torch.set_num_threads(1)
    limit_threads(1)
    _view = RunView(Run(path), operation, epoch)


def _measure(epochs: Sequence[int], parts: Sequence[str]) -> list[Measured]:
    return [measure(_here(), epoch, parts) for epoch in epochs]


def _draw(name: str, over: OverTraining, folder: Path, formats: tuple[str, ...]) -> DrawnFigure:
    (spec,) = choose([name])
    return write_figure(spec, _here(), over, folder, formats)


def _here() -> RunView:
    if _view is None:
        raise RuntimeError("this process was not begun: it has no run to draw")
    return _view


def _workers(jobs: int, view: RunView) -> AbstractContextManager[Submit]:
    if jobs == 1:
        return _this_process(view)
    return processes(jobs, _begin, view.run.directory.path, view.name, view.epoch)


@contextmanager
def _this_process(view: RunView) -> Iterator[Submit]:
    """This process alone: a task is done when its result is asked for."""
    global _view
    _view = view
    yield _Later
    _view = None


class _Later(Future):  # type: ignore[type-arg]
    """A task that waits until its result is asked for."""

    def __init__(self, function: Callable[..., Any], *values: Any) -> None:
        super().__init__()
        self._task = lambda: function(*values)

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002
        """Do the task now."""
        return self._task()
