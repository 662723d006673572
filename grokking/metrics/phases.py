"""Memorisation, circuit formation, cleanup: where one phase of a run gives way to the next.

The rule, the same for every run, reads one curve: the excluded loss, the train loss of the network
without its final key frequencies (definitions, "Logits", "Phases").

1. *Memorisation* lasts while the excluded loss falls: what is learnt needs no key frequency. It
   ends at the foot of the largest climb that the loss makes by the grokking epoch.
2. *Circuit formation* lasts while the loss climbs: train answers come to rest on the key
   frequencies. It ends where nine tenths of that climb are done. The climb need not end above
   where the loss began, at the guess of an untrained network.
3. *Cleanup* is the rest: the circuit is built, and what was memorised is taken apart.

No number of epochs or nats enters the rule, only the order of the curve's turns and a share of its
own climb, so stretching time or scaling the loss moves nothing. Nor does what comes after grokking,
when the excluded loss may fall or creep up again. A run that never groks has the first phase only;
so has one whose final model has no key frequency, or whose curve never climbs. Where the curve was
never measured, because the train pairs are unknown or the task has no cyclic group, no phase is
known.
The phases are those of Nanda et al. 2023 (arXiv 2301.05217, section 5.2); the rule is ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

CLIMB = 0.9
"""Share of the excluded loss's climb at which the circuit counts as formed."""
MEMORISATION, CIRCUIT_FORMATION, CLEANUP = "memorisation", "circuit formation", "cleanup"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Phases:
    """The epochs at which the second and the third phase begin; None for a phase never reached.

    known: whether there is a curve that the rule can read.
    """

    circuit_formation: int | None = None
    cleanup: int | None = None
    known: bool = True

    def at(self, epoch: int) -> str:
        """The phase an epoch lies in; a boundary belongs to the phase it begins."""
        if not self.known:
            return UNKNOWN
        if self.cleanup is not None and epoch >= self.cleanup:
            return CLEANUP
        if self.circuit_formation is not None and epoch >= self.circuit_formation:
            return CIRCUIT_FORMATION
        return MEMORISATION

    def spans(self, first: int, last: int) -> list[tuple[str, int, int]]:
        """(phase, from, to) for the phases reached, from the run's first epoch to its last."""
        if not self.known:
            return []
        starts = [(MEMORISATION, first), (CIRCUIT_FORMATION, self.circuit_formation), (CLEANUP, self.cleanup)]
        reached = [(name, start) for name, start in starts if start is not None]
        ends = [start for _, start in reached[1:]] + [last]
        return [(name, start, end) for (name, start), end in zip(reached, ends, strict=True)]


def find_phases(
    epochs: Sequence[int],
    excluded_loss: Sequence[float | None] | Float64[np.ndarray, "checkpoints"],
    grokking_epoch: int | None,
) -> Phases:
    """Phases from the excluded loss (nats) at increasing epochs, by the rule above.

    grokking_epoch: as in ``history.json``, None for a run that never groks.

    A single checkpoint caught in a loss spike does not count: the curve is first replaced by its
    running median over three.
    """
    if grokking_epoch is None or any(value is None for value in excluded_loss):
        return Phases()
    by_then = max(1, int((np.array(epochs) <= grokking_epoch).sum()))
    curve = running_median(np.array(excluded_loss, dtype=float))[:by_then]
    climb = curve - np.minimum.accumulate(curve)
    top = int(climb.argmax())
    if climb[top] == 0:
        return Phases()
    bottom = int(curve[: top + 1].argmin())
    formed = curve[bottom] + CLIMB * (curve[top] - curve[bottom])
    return Phases(epochs[bottom], epochs[bottom + int((curve[bottom:] >= formed).argmax())])


def phases_of_run(
    history: Mapping[str, Any], progress: Mapping[str, Any], operation: str | None = None
) -> Phases:
    """Phases from the contents of ``history.json`` and ``progress.json``.

    operation: needed where a task has several, since each has its own.
    """
    suffix = f"_{operation}" if operation else ""
    curve = progress.get("excluded_loss" + suffix)
    if curve is None:
        return Phases(known=False)
    return find_phases(progress["epochs"], curve, history.get("grokking_epoch" + suffix))


def running_median(values: Float64[np.ndarray, "N"]) -> Float64[np.ndarray, "N"]:
    """Median of each value and its neighbours, float64 [N]; the ends stay as they are."""
    if len(values) < 3:
        return values
    middle = np.median([values[:-2], values[1:-1], values[2:]], axis=0)
    return np.concatenate([values[:1], middle, values[-1:]])
