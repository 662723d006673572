"""The whole atlas of a run: measure over training, draw, list; shared by processes."""

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
from grokking.figures.contact_sheet import write_contact_sheet
from grokking.figures.drawing import Drawn, fits, write_plate
from grokking.figures.index import write_index
from grokking.figures.over_training import (
    Measured,
    OverTraining,
    chosen_epochs,
    gather,
    known_progress,
    measure,
)
from grokking.figures.registry import choose
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.progress_bar import tracked
from grokking.runs.run import Run
from grokking.storage.atomic_io import folder_for, scratch_folder

DRAWING = ".drawing-"
CHUNK = 4
"""Epochs measured at a stretch."""
FORMATS = ("png", "svg", "pdf")
WITHOUT_GROUP = ("pairs", "progress")
"""Parts that can be measured where there is no group."""

_scene: Scene | None = None


@dataclass(frozen=True)
class AtlasOptions:
    """What a person may choose.

    only: names of plates or sections, None for all.  epoch: None for the last.  operation: None for
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
            raise UserError("a contact sheet is made of PNGs; add the format png")
        if self.jobs is not None and self.jobs < 1:
            raise UserError(f"jobs is {self.jobs}; accepted: 1 or more")


def draw_atlas(path: Path, output_dir: Path, options: AtlasOptions) -> Path:
    """Draw the atlas of the run in ``path`` into a folder; returns its ``index.html``.

    Plates about waves are left out where the operation has no group. Raises UserError for an
    unknown plate, operation or epoch, and for a run directory that lacks something.
    """
    wanted, run = choose(options.only), Run(path)
    _ = run.epochs, run.history  # refused now if they are missing or damaged
    scene = Scene(run, options.operation, options.epoch)
    plates = [spec for spec in wanted if fits(spec, scene)]
    if not plates:
        raise UserError(
            f"{scene.operation.name} has no cyclic group, so none of these figures can be drawn: "
            f"{', '.join(spec.name for spec in wanted)}"
        )
    parts = _parts(plates, scene)
    jobs = _jobs(options.jobs, plates, parts)
    with folder_for(output_dir):
        with (
            scratch_folder(output_dir, DRAWING) as drawing,
            _hands(jobs, path, scene.operation.name, scene.epoch) as submit,
        ):
            over = _measured(submit, scene, parts)
            drawn = _drawn(submit, plates, over, drawing, options.formats)
            _take_over(drawn, drawing, output_dir)
        if options.contact_sheet:
            write_contact_sheet(output_dir, drawn)
        left_out = [spec.name for spec in wanted if spec not in plates]
        return write_index(output_dir, scene, drawn, left_out)


def _take_over(drawn: Sequence[Drawn], drawing: Path, folder: Path) -> None:
    """All figures take their places once all are drawn."""
    with os_errors_as(f"write in {folder}"):
        for one in drawn:
            for name in one.files.values():
                os.replace(drawing / name, folder / name)


def _parts(plates: Sequence[FigureSpec], scene: Scene) -> list[str]:
    """Parts to measure over training."""
    parts = set().union(*(spec.needs for spec in plates))
    if scene.group is None:
        parts &= set(WITHOUT_GROUP)
    if "progress" in parts and known_progress(scene) is not None:
        parts.remove("progress")
    return sorted(parts)


def _jobs(asked: int | None, plates: Sequence[FigureSpec], parts: Sequence[str]) -> int:
    """Processes worth starting: each takes seconds to begin."""
    few = len(plates) < 3 and not parts
    return 1 if few else asked or available_threads()


def _measured(submit: Submit, scene: Scene, parts: list[str]) -> OverTraining:
    epochs = chosen_epochs(scene.run.epochs)
    if not parts:
        return gather(scene, epochs, [])
    chunks = [epochs[at : at + CHUNK] for at in range(0, len(epochs), CHUNK)]
    waiting = [submit(_measure, chunk, parts) for chunk in chunks]
    rows = (row for future in waiting for row in future.result())
    return gather(scene, epochs, list(tracked(rows, "measuring", len(epochs), unit="epoch")))


def _drawn(
    submit: Submit, plates: Sequence[FigureSpec], over: OverTraining, folder: Path, formats: tuple[str, ...]
) -> list[Drawn]:
    nothing = OverTraining([], {}, {})
    waiting = [submit(_draw, spec.name, over if spec.needs else nothing, folder, formats) for spec in plates]
    return list(tracked((future.result() for future in waiting), "drawing", len(plates), unit="figure"))


# In the processes


def _begin(path: Path, operation: str, epoch: int) -> None:
    global _scene
    _scene = Scene(Run(path), operation, epoch)


def _begin_apart(path: Path, operation: str, epoch: int) -> None:
    torch.set_num_threads(1)
    limit_threads(1)
    _begin(path, operation, epoch)


def _measure(epochs: Sequence[int], parts: Sequence[str]) -> list[Measured]:
    return [measure(_here(), epoch, parts) for epoch in epochs]


def _draw(name: str, over: OverTraining, folder: Path, formats: tuple[str, ...]) -> Drawn:
    scene = _here()
    scene.over = over
    (spec,) = choose([name])
    return write_plate(spec, scene, folder, formats)


def _here() -> Scene:
    if _scene is None:
        raise RuntimeError("this process has no scene")
    return _scene


def _hands(jobs: int, *arguments: Any) -> AbstractContextManager[Submit]:
    return _own_hands(*arguments) if jobs == 1 else processes(jobs, _begin_apart, *arguments)


@contextmanager
def _own_hands(*arguments: Any) -> Iterator[Submit]:
    """This process alone: work is done when its result is asked for."""
    _begin(*arguments)
    yield _Later


class _Later(Future):  # type: ignore[type-arg]
    """A piece of work that waits until somebody wants its result."""

    def __init__(self, function: Callable[..., Any], *values: Any) -> None:
        super().__init__()
        self._work = lambda: function(*values)

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002
        """Do the work now."""
        return self._work()
