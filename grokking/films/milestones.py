"""The turns of a run that every film marks: memorised, grokked, and the phase between them."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from grokking.drawing.panels import Mark, Timeline
from grokking.errors import UserError
from grokking.metrics.early_warning import memorisation_epoch
from grokking.metrics.phases import Phases, phases_of_run
from grokking.runs.progress_measures import read_progress
from grokking.runs.run import Run
from grokking.runs.view import RunView

MEMORISED, GROKKED = "memorised", "grokked"
LAST = "This is the last epoch of the run."
"""What a film says at its end if the run has not grokked, or if that is not known."""


@dataclass(frozen=True)
class Milestones:
    """When a run memorised and grokked, None for never or not known, and its phases.

    memorised, grokked: epochs, by the rules of the definitions ("grokking_epoch", "memorisation_epoch").
    """

    memorised: int | None = None
    grokked: int | None = None
    phases: Phases = field(default_factory=lambda: Phases(known=False))

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What the curves of a film mark, in the order of time."""
        named = ((self.memorised, MEMORISED), (self.grokked, GROKKED))
        return tuple(Mark(epoch, word) for epoch, word in named if epoch is not None)

    def phase_at(self, epoch: int) -> str:
        """The phase of an epoch in words; empty where nothing of the run's turns is known.

        By the excluded loss where the run was measured, else by the two marks alone.
        """
        if self.phases.known and self.phases.circuit_formation is not None:
            return self.phases.at(epoch)
        if self.grokked is not None and epoch >= self.grokked:
            return GROKKED
        if self.memorised is not None and epoch >= self.memorised:
            return "memorised, not grokked"
        return "memorising" if self.marks else ""

    def timeline(self, epochs: Sequence[int], words: "Words") -> Timeline:
        """What a film with frames at these epochs marks, and says as it comes to each mark."""
        phases = tuple(self.phase_at(int(epoch)) for epoch in epochs)
        return Timeline(self.marks, phases, tuple(sorted(self._captions(epochs, words).items())))

    def _captions(self, epochs: Sequence[int], words: "Words") -> dict[int, str]:
        """Sentences by the number of the frame that they begin with; later turns overwrite earlier ones."""
        said: list[tuple[int | None, str]] = [
            (
                self.memorised,
                "Epoch {epoch:,}: memorised. All training questions are answered, the others not.",
            ),
            (self.phases.circuit_formation, words.forming),
            (self.grokked, "Epoch {epoch:,}: grokked. Now it answers questions that it never saw."),
        ]
        numbers = [int(epoch) for epoch in epochs]
        found = {0: words.start}
        for epoch, text in said:
            if epoch is not None and epoch <= numbers[-1] and text:
                found[bisect_left(numbers, epoch)] = text.format(epoch=epoch)
        return found | {len(numbers) - 1: LAST if self.grokked is None else words.end}


@dataclass(frozen=True)
class Words:
    """What one kind of film says at its start, from where the circuit forms (may be empty), and at its end.

    Only the last states what the picture then shows; the others say what to watch.
    """

    start: str
    forming: str
    end: str


def milestones_of(view: RunView) -> Milestones:
    """The milestones of one operation of a run."""
    return _found(view.run, view.name if view.suffix else None)


def milestones_of_run(run: Run) -> Milestones:
    """The milestones of a run whose task has no operations."""
    return _found(run, None)


def _found(run: Run, operation: str | None) -> Milestones:
    grokked = run.history.get("grokking_epoch" + (f"_{operation}" if operation else ""))
    return Milestones(memorisation_epoch(run.history, operation), grokked, _phases(run, operation))


def _phases(run: Run, operation: str | None) -> Phases:
    try:
        record = read_progress(run)
    except UserError:  # never measured, or before the run went on: a film needs no measures
        return Phases(known=False)
    return phases_of_run(run.history, record, operation)
