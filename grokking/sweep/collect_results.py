"""What came of the runs in a folder: read from their histories, at any time, also while they run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grokking.config import ONLY_RECORDED, RunConfig
from grokking.errors import UserError
from grokking.metrics.early_warning import memorisation_epoch
from grokking.storage.run_directory import RunDirectory

NOT_OF_A_CELL = ("seed", *ONLY_RECORDED)
"""Fields in which the runs of one cell may differ."""


@dataclass(frozen=True)
class Result:
    """What is known of one run.

    grokking_epoch, memorisation_epoch: None if not so far.  trained: epochs it is known for.
    memorisation is looked at every ten epochs, or only once a row in runs of before that was noted.
    """

    path: Path
    config: RunConfig
    grokking_epoch: int | None
    memorisation_epoch: int | None
    trained: int

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def over(self) -> bool:
        """Whether the run needs no more training: it grokked, its epochs are over, or it was imported."""
        decided = self.grokking_epoch is not None or self.config.imported
        return decided or self.trained >= self.config.n_epochs

    @property
    def delay(self) -> int | None:
        """Epochs from train to test accuracy >= 0.99; negative if test came first."""
        if self.grokking_epoch is None or self.memorisation_epoch is None:
            return None
        return self.grokking_epoch - self.memorisation_epoch


@dataclass(frozen=True)
class Gathered:
    """The runs of a folder.

    elsewhere: imported runs. Their seeds, numbers of epochs and settings are unknown, so they are in no
    cell and in no statistic.  unreadable: name and reason of directories whose files are damaged.
    """

    folder: Path
    results: list[Result]
    elsewhere: list[Result]
    unreadable: dict[str, str]
    not_begun: list[str]

    @property
    def all(self) -> list[Result]:
        """Every run that can be read."""
        return [*self.results, *self.elsewhere]


@dataclass(frozen=True)
class Cell:
    """The runs that differ in their seed at most. key: the values of the varying fields."""

    key: tuple[Any, ...]
    results: tuple[Result, ...]

    @property
    def seeds(self) -> list[int]:
        """In increasing order."""
        return sorted(result.config.seed for result in self.results)

    @property
    def budgets(self) -> list[int]:
        """Epochs that were to be trained, each number once."""
        return sorted({result.config.n_epochs for result in self.results})

    @property
    def running(self) -> int:
        """Runs that are not over: still being made, or interrupted."""
        return sum(not result.over for result in self.results)


def gather(folder: Path) -> Gathered:
    """Read every run directory that lies directly in ``folder``.

    Raises UserError if the folder is not there or holds no run that has begun.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; grokking sweep makes folders of runs")
    found = Gathered(folder, [], [], {}, [])
    for path in sorted(filter(Path.is_dir, folder.iterdir())):
        _sort_in(RunDirectory(path), found)
    if not found.all:
        raise UserError(f"{folder} {_why_nothing(found)}")
    return found


def _sort_in(directory: RunDirectory, found: Gathered) -> None:
    begun = bool(directory.epochs()) or directory.has_history()
    name = directory.path.name
    if not directory.exists():
        if begun:
            found.unreadable[name] = f"{directory.path} contains files of a run but no config.json"
        return
    if not begun:
        found.not_begun.append(name)
        return
    try:
        result = read_result(directory)
    except UserError as error:
        found.unreadable[name] = str(error)
        return
    (found.elsewhere if result.config.imported else found.results).append(result)


def _why_nothing(found: Gathered) -> str:
    if found.unreadable:
        return f"contains no run directory that can be read: {next(iter(found.unreadable.values()))}"
    if found.not_begun:
        return (
            f"contains only runs that have not logged a row yet ({len(found.not_begun)}); "
            "try again when they have one"
        )
    if RunDirectory(found.folder).exists():
        return "is a run directory itself; give the folder that contains it, or use grokking compare"
    return "contains no run directories; grokking sweep and grokking train make them"


def read_result(directory: RunDirectory) -> Result:
    """What the history of a run says.

    Raises UserError for a history that is missing, DamagedFile for damage.
    """
    history, config = directory.history(), directory.config()
    trained = history["epochs"][-1] if history["epochs"] else 0
    return Result(directory.path, config, history.get("grokking_epoch"), memorisation_epoch(history), trained)


def varying_fields(results: Sequence[Result]) -> list[str]:
    """Config fields, seeds and the like aside, in which the runs differ."""
    return differing_fields(results, NOT_OF_A_CELL)


def differing_fields(results: Sequence[Result], aside: Sequence[str]) -> list[str]:
    """Config fields in which the runs differ, those ``aside`` left out; one that a config lacks is None."""
    names = dict.fromkeys(name for r in results for name, _ in r.config.items() if name not in aside)
    return [name for name in names if len({r.config.get(name) for r in results}) > 1]


def cells(results: Sequence[Result], by: Sequence[str]) -> list[Cell]:
    """The runs by their values of the fields ``by``, in increasing order of these."""
    found: dict[tuple[Any, ...], list[Result]] = {}
    for result in results:
        found.setdefault(tuple(result.config.get(name) for name in by), []).append(result)
    return [Cell(key, tuple(found[key])) for key in sorted(found, key=_sortable)]


def _sortable(key: tuple[Any, ...]) -> list[tuple[bool, Any]]:
    """Values in increasing order, absent ones last."""
    return [(value is None, "" if value is None else value) for value in key]
