"""Which story a run tells, and its moments: what the page's prose may say of this run.

A sentence that states a fact about a run stands in the page once for every kind of run; the page shows the
one that holds. The kinds, from the history alone:

    plateau     train pairs memorised, test accuracy still for long, then grokked
    gradual     memorised, then grokked, but test accuracy climbed most of the time between
    together    grokked soon after it memorised: there is next to no delay
    memorised   memorised, and not grokked within its epochs
    unlearnt    the train pairs were never memorised
    unknown     which pairs were trained on is not known
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from grokking.metrics.early_warning import memorisation_epoch

PLATEAU, GRADUAL, TOGETHER = "plateau", "gradual", "together"
MEMORISED, UNLEARNT, UNKNOWN = "memorised", "unlearnt", "unknown"
KINDS = (PLATEAU, GRADUAL, TOGETHER, MEMORISED, UNLEARNT, UNKNOWN)

STILL = 0.1
"""Test accuracy counts as still while it is at most this much above where memorising left it."""
STILL_SHARE = 0.5
"""A plateau fills at least this share of the time from memorising to grokking."""
DELAYED = 2.0
"""Grokking is delayed where its epoch is at least this many times that of memorising."""
HALF = 0.5


@dataclass(frozen=True)
class Story:
    """A run's kind and the moments that the prose names; epochs, None for one that was never reached.

    memorised: train accuracy 0.99 for good.  still_from, still_to: the first and the last row of the history
    between memorising and grokking at which test accuracy is still (``STILL``); also given for runs without
    a plateau.  half: the first row with half of the test pairs right (of all pairs where the split is
    unknown).  level, level_to: test accuracy at ``still_from`` and at ``still_to``; level_most: the
    highest between.  best: the highest test
    accuracy of any row.
    """

    kind: str
    memorised: int | None = None
    grokking: int | None = None
    half: int | None = None
    still_from: int | None = None
    still_to: int | None = None
    level: float | None = None
    level_to: float | None = None
    level_most: float | None = None
    best: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def story_of(history: Mapping[str, Any], suffix: str = "") -> Story:
    """The story of a run, or of the operation whose metrics end in ``suffix``, from ``history.json``."""
    epochs, test = history["epochs"], _known(history.get("test_acc" + suffix))
    if not test or not _known(history.get("train_acc" + suffix)):
        everything = _known(history.get("all_acc" + suffix)) or test
        return Story(UNKNOWN, half=_first(epochs, everything, HALF))
    memorised = memorisation_epoch(history, suffix[1:] or None)
    grokking = history.get("grokking_epoch" + suffix)
    half, best = _first(epochs, test, HALF), max(value for value in test if value is not None)
    if memorised is None:
        return Story(UNLEARNT, None, grokking, half, best=best)
    rows = _still_rows(epochs, test, memorised, grokking)
    first, last = rows if rows else (None, None)
    return Story(
        _kind(memorised, grokking, None if last is None else epochs[last]),
        memorised,
        grokking,
        half,
        None if first is None else epochs[first],
        None if last is None else epochs[last],
        None if first is None else test[first],
        None if last is None else test[last],
        None if rows is None else max(test[row] or 0.0 for row in range(rows[0], rows[1] + 1)),
        best,
    )


def _kind(memorised: int, grokking: int | None, still_to: int | None) -> str:
    if grokking is None:
        return MEMORISED
    if grokking < DELAYED * memorised or grokking <= memorised:
        return TOGETHER
    still = 0 if still_to is None else still_to - memorised
    return PLATEAU if still >= STILL_SHARE * (grokking - memorised) else GRADUAL


def _still_rows(
    epochs: Sequence[int], test: Sequence[float | None], memorised: int, grokking: int | None
) -> tuple[int, int] | None:
    """The first row from memorising on, and the last before test accuracy leaves; None if there is none."""
    end = epochs[-1] if grokking is None else grokking
    rows = [i for i, e in enumerate(epochs) if memorised <= e <= end and test[i] is not None]
    if not rows:
        return None
    level = test[rows[0]]
    last = rows[0]
    for row in rows:
        if (test[row] or 0.0) > (level or 0.0) + STILL:
            break
        last = row
    return rows[0], last


def _known(values: Any) -> list[float | None] | None:
    """The list of a metric; None if it was not measured in any row."""
    return list(values) if isinstance(values, list) and any(v is not None for v in values) else None


def _first(epochs: Sequence[int], values: Sequence[float | None] | None, level: float) -> int | None:
    return next((e for e, v in zip(epochs, values or [], strict=False) if v is not None and v >= level), None)
