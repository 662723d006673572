"""What became of a planned run, read from its directory."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.optimisers.plan import Planned
from grokking.errors import UserError
from grokking.storage.run_directory import RunDirectory, run_path

GROKKED, CENSORED, DIVERGED = "grokked", "censored", "diverged"
COLLAPSED_BELOW = 0.9
"""Test accuracy below which a run that had grokked counts as having lost it."""


@dataclass(frozen=True)
class Outcome:
    """A run that is over, as far as its budget of epochs goes.

    history: content of history.json.  budget: epochs that were asked for.
    """

    planned: Planned
    history: dict[str, Any]

    @property
    def budget(self) -> int:
        """Epochs that the plan gives the run."""
        return int(self.planned.config.n_epochs)

    @property
    def diverged(self) -> bool:
        """Whether it left the finite numbers within its budget."""
        epoch = self.history.get("diverged_epoch")
        return epoch is not None and self.grokking_epoch is None

    @property
    def grokking_epoch(self) -> int | None:
        """None if it had not grokked within its budget."""
        epoch = self.history.get("grokking_epoch")
        return epoch if epoch is not None and epoch <= self.budget else None

    @property
    def time(self) -> int:
        """Grokking epoch, or the budget where it has none: a run that diverged never groks."""
        return self.budget if self.grokking_epoch is None else self.grokking_epoch

    @property
    def state(self) -> str:
        """One of ``GROKKED``, ``CENSORED``, ``DIVERGED``."""
        if self.grokking_epoch is not None:
            return GROKKED
        return DIVERGED if self.diverged else CENSORED

    def last(self, column: str) -> Any:
        """A metric in the last row within the budget, which the run may have outgrown; None without one."""
        rows = zip(self.history["epochs"], self.history.get(column) or [], strict=False)
        return next((value for epoch, value in reversed([*rows]) if epoch <= self.budget), None)

    @property
    def lowest_after(self) -> float | None:
        """Lowest test accuracy in a row after grokking; None without such a row."""
        rows = zip(self.history["epochs"], self.history.get("test_acc", []), strict=False)
        after = [
            acc for epoch, acc in rows if self.grokking_epoch is not None and epoch > self.grokking_epoch
        ]
        return min(after, default=None)


def read_outcome(planned: Planned, folder: Path) -> Outcome | None:
    """The outcome of a run; None while it is not over."""
    directory = RunDirectory(run_path(folder, planned.name))
    try:
        history = directory.history()
    except UserError:  # not begun, or no row yet
        return None
    outcome = Outcome(planned, history)
    trained = history["epochs"][-1] if history["epochs"] else 0
    over = trained >= outcome.budget or "diverged_epoch" in history
    return outcome if over or outcome.grokking_epoch is not None else None


def read_outcomes(planned: Iterable[Planned], folder: Path) -> list[Outcome]:
    """Those of the runs that are over."""
    found = (read_outcome(one, folder) for one in planned)
    return [outcome for outcome in found if outcome is not None]
