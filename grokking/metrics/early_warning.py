"""Early warning: how long before test accuracy moves does a measure of the weights move?

The rule is the same for every measure and for test accuracy itself.

* *Baseline*: median and spread (1.4826 · median absolute deviation) over the checkpoints between
  the epoch at which the train set is memorised (train accuracy >= 0.99 for 100 epochs) and twice that
  epoch, five checkpoints at least.
* *Leaving*: the first checkpoint after the baseline from which three in a row lie beyond it, in the
  direction of a network that has grokked, by more than five spreads and by more than a tenth of
  the way from the baseline to the measure's goal (``goals``). The tenth keeps a flat baseline from
  calling every tremor a warning. Half of the way is always enough: a baseline that drifts has a
  spread that could otherwise not be left at all.

A measure whose goal is infinite must leave by a fifth of its baseline; the whole of it is always enough. A
share whose goal is ``EITHER_WAY`` may leave upwards or downwards, by more than five spreads and a tenth.

The goals are bounds that no run chooses, so that the rule asks nothing of a run's end; they are not
values that networks reach (weight norms halve, they do not vanish). ``own_goals`` takes each
measure's value at the run's last checkpoint instead: what holds with one choice only rests on it.

A measure that leaves in a run that never groks is a *false alarm*. Restricted and excluded loss
rest on the final model's key frequencies, so they are hindsight: they say when the circuit began to
form, and could not have been watched while the run was under way; nor can they raise a false alarm
where a run ends without key frequencies. Gini, fourier strength and weight norm need no such
knowledge.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokking.metrics.events import GrokDetector
from grokking.metrics.registry import METRICS
from grokking.tasks import task_of_record

N_SPREADS = 5.0
NORMAL_SPREAD = 1.4826
"""Times the median absolute deviation: the standard deviation, if the noise were normal."""
GOAL_SHARE = 0.1
ENOUGH_SHARE = 0.5
N_IN_A_ROW = 3
N_BASELINE = 5
REFERENCE = "test_acc"


@dataclass(frozen=True)
class Departure:
    """When one measure left its memorisation baseline.

    epoch: None if it never did.  baseline: its median, in the measure's own unit.  threshold: the
    value to pass, None where it may leave on either side.  lead:
    epochs from here to where test accuracy leaves, negative if the measure
    came later.  before_grokking: epochs from here to the grokking epoch.  false_alarm: it left,
    and the run never grokked.
    """

    epoch: int | None = None
    baseline: float | None = None
    threshold: float | None = None
    lead: int | None = None
    before_grokking: int | None = None
    false_alarm: bool = False


def goals(n_answers: int) -> dict[str, float]:
    """The bound on the side that grokking moves each measure to: 1, 0, or for the loss without key
    frequencies that of a guess among the answers, ln p nats. A goal above the baseline is looked for upwards.
    Further measures bring theirs with their registration.
    """
    registered = {column: goal for metric in METRICS for column, goal in metric.goals.items()}
    return {
        "restricted_loss": 0.0,
        "excluded_loss": math.log(n_answers),
        "gini": 1.0,
        "fourier_strength": 1.0,
        "weight_norm": 0.0,
        REFERENCE: 1.0,
        **registered,
    }


def memorised_at(epochs: Sequence[int], train_acc: Sequence[float | None]) -> int | None:
    """First epoch from which train accuracy is >= 0.99 and stays there for 100 epochs; None if it never does.

    A loss spike long after does not undo it. Also None if the accuracy just before is not known (None),
    since it may then have been there earlier.
    """
    clock, before = GrokDetector(), None
    for i, (epoch, accuracy) in enumerate(zip(epochs, train_acc, strict=True)):
        if accuracy is None:
            continue
        clock.look(epoch, accuracy)
        if clock.since == epoch:
            before = train_acc[i - 1] if i else accuracy
    return None if before is None else clock.epoch


def memorisation_epoch(history: Mapping[str, Any], operation: str | None = None) -> int | None:
    """When a run, or an operation of it, memorised its train pairs; from the contents of ``history.json``.

    For the whole run, the epoch that training recorded, which evaluates every ten epochs; for an operation,
    and for runs older than that record, an epoch found from the rows. None if train accuracy is not known.
    """
    if operation is None and "memorisation_epoch" in history:
        noted: int | None = history["memorisation_epoch"]
        return noted
    accuracy = history.get("train_acc" + (f"_{operation}" if operation else ""))
    return memorised_at(history["epochs"], accuracy) if accuracy else None


def departure(
    epochs: Sequence[int], values: Sequence[float | None], goal: float, memorised: int | None
) -> Departure:
    """When ``values`` leave their baseline towards ``goal``; ``lead`` and the like are left open.

    epochs: of the checkpoints, increasing.  memorised: from ``memorised_at``.
    """
    if memorised is None or any(value is None for value in values):
        return Departure()
    when, curve = np.array(epochs), np.array(values, dtype=float)
    start = int((when >= memorised).argmax())
    end = max(int((when <= 2 * memorised).sum()), start + N_BASELINE)
    baseline = float(np.median(curve[start:end]))
    spread = NORMAL_SPREAD * float(np.median(np.abs(curve[start:end] - baseline)))
    if math.isnan(goal):
        margin = max(N_SPREADS * spread, GOAL_SHARE)
        return Departure(_first_run(np.abs(curve[end:] - baseline) > margin, when[end:]), baseline, None)
    reach = abs(baseline) / ENOUGH_SHARE if math.isinf(goal) else abs(goal - baseline)
    margin = min(max(N_SPREADS * spread, GOAL_SHARE * reach), ENOUGH_SHARE * reach)
    sign = 1.0 if goal > baseline else -1.0
    beyond = sign * (curve[end:] - baseline) > margin
    return Departure(_first_run(beyond, when[end:]), baseline, baseline + sign * margin)


def early_warnings(
    history: Mapping[str, Any],
    progress: Mapping[str, Any],
    operation: str | None = None,
    own_goals: bool = False,
) -> dict[str, Departure]:
    """Departures by measure from the contents of ``history.json`` and ``progress.json``.

    ``"test_acc"`` is among them, with a lead of 0 if it left.  operation: needed where a task
    has several.  own_goals: aim at each measure's last value, not at ``goals``.  Empty without a
    split, since nothing then says when the train set is memorised.
    """
    suffix = f"_{operation}" if operation else ""
    epochs, grokked = progress["epochs"], history.get("grokking_epoch" + suffix)
    if "train_acc" + suffix not in progress:
        return {}
    memorised = memorised_at(epochs, progress["train_acc" + suffix])
    found = {}
    for name, goal in goals(task_of_record(progress["config"]).n_answers).items():
        # The weight norm belongs to the network, not to one of its operations.
        values = progress.get(name + suffix, progress.get(name))
        if values is not None:
            aim = values[-1] if own_goals and values[-1] is not None else goal
            found[name] = departure(epochs, values, aim, memorised)
    reference = found[REFERENCE].epoch
    return {name: _compared(left, reference, grokked) for name, left in found.items()}


def _compared(left: Departure, reference: int | None, grokked: int | None) -> Departure:
    """With lead, time to grokking and false alarm filled in."""
    if left.epoch is None:
        return left
    return Departure(
        left.epoch,
        left.baseline,
        left.threshold,
        lead=None if reference is None else reference - left.epoch,
        before_grokking=None if grokked is None else grokked - left.epoch,
        false_alarm=grokked is None,
    )


def _first_run(beyond: np.ndarray, epochs: np.ndarray) -> int | None:
    """Epoch of the first of ``N_IN_A_ROW`` true values in a row."""
    for i in range(len(beyond) - N_IN_A_ROW + 1):
        if beyond[i : i + N_IN_A_ROW].all():
            return int(epochs[i])
    return None
