"""Comprehension, grokking, memorisation or confusion: how a run learns, from its accuracies alone.

The four phases of Liu et al. 2022 (arXiv 2205.10343, section 4 and table 1), with their thresholds: an
accuracy counts as reached at 0.9, and test accuracy is late if it comes 1,000 updates or more after train
accuracy.
"""

from collections.abc import Mapping, Sequence
from typing import Any

REACHED = 0.9
LATE = 1000
"""Updates."""
COMPREHENSION, GROKKING, MEMORISATION, CONFUSION = PHASES = (
    "comprehension",
    "grokking",
    "memorisation",
    "confusion",
)


def reached_at(epochs: Sequence[int], accuracy: Sequence[float | None]) -> int | None:
    """The first epoch with an accuracy of 0.9 or more; None if there is none.

    >>> reached_at([0, 10, 20], [0.1, 0.95, 0.5])
    10
    """
    known = zip(epochs, accuracy, strict=True)
    return next((epoch for epoch, value in known if value is not None and value >= REACHED), None)


def learning_phase(
    epochs: Sequence[int], train_acc: Sequence[float | None], test_acc: Sequence[float | None]
) -> str:
    """One of ``PHASES``, from accuracies at increasing epochs.

    >>> learning_phase([0, 100, 2000], [0.1, 1.0, 1.0], [0.0, 0.1, 1.0])
    'grokking'
    """
    trained, tested = reached_at(epochs, train_acc), reached_at(epochs, test_acc)
    if trained is None:
        return CONFUSION
    if tested is None:
        return MEMORISATION
    return GROKKING if tested - trained >= LATE else COMPREHENSION


def phase_of_run(history: Mapping[str, Any]) -> str | None:
    """``learning_phase`` of the contents of ``history.json``; None where the split is unknown."""
    if "train_acc" not in history or "test_acc" not in history:
        return None
    return learning_phase(history["epochs"], history["train_acc"], history["test_acc"])
