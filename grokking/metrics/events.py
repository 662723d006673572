"""Events of a run: when an accuracy stays high, and slingshots, which are spikes of the train loss.

The rule is that of the definitions, ``grokking_epoch``.

The paper describes such spikes under adaptive optimisers and gives no rule; this one is ours. It has no unit:
only ratios of losses count. The *level* of the loss is a geometric mean of the losses so far, with weights
that fall by 1 % for every epoch back. A slingshot begins when the loss is ten times the level, and is over
when it is less than √10 times the level again, so that a jitter at its top counts once.

Training evaluates it at every epoch: the column ``loss_spikes`` of the history. If only the logged rows are
available, ``slingshots`` evaluates the same rule on those: it misses a spike that begins and ends between two
rows, and counts a rise from one row to the next as sudden.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GROKKED_ACCURACY = 0.99
GROKKED_FOR = 100
"""Epochs for which the accuracy must stay there."""


@dataclass
class GrokDetector:
    """The first evaluated epoch from which accuracy is >= 0.99 and stays there for 100 epochs.

    For test accuracy that is the grokking epoch, for train accuracy the memorisation epoch.

    since: first epoch of the present series of such accuracies.  epoch: the answer once it is certain.
    """

    since: int | None = None
    epoch: int | None = None

    def look(self, epoch: int, accuracy: float) -> None:
        """Take note of an accuracy; training evaluates one every 10 epochs."""
        if self.epoch is not None:
            return
        if accuracy < GROKKED_ACCURACY:
            self.since = None
            return
        if self.since is None:
            self.since = epoch
        if epoch - self.since >= GROKKED_FOR:
            self.epoch = self.since


RISE = 10.0
"""A slingshot begins when the train loss is this many times its level …"""
CALM = math.sqrt(RISE)
"""… and is over, so that the next can begin, when it is less than this many times the level again."""
HORIZON = 100
"""Epochs over which the level follows the loss."""
LEAST = 1e-12
"""Losses (nats) below count as this: a rise from nothing to next to nothing is not a slingshot."""


@dataclass
class SlingshotCounter:
    """Counts slingshots as losses come; an interruption does not change the count.

    level: natural logarithm of the level, None before the first loss.  inside: whether a slingshot is not
    over yet.  count: slingshots that have begun.
    """

    level: float | None = None
    inside: bool = False
    count: int = 0

    def look(self, losses: Iterable[float]) -> None:
        """Take note of the train losses of the next epochs; they must be finite."""
        for loss in losses:
            self.note(loss)

    def note(self, loss: float, epochs: int = 1) -> None:
        """Take note of a finite train loss (nats), ``epochs`` after the one before."""
        now = math.log(max(loss, LEAST))
        level = now if self.level is None else self.level
        above = now - level
        if not self.inside and above >= math.log(RISE):
            self.inside, self.count = True, self.count + 1
        elif self.inside and above < math.log(CALM):
            self.inside = False
        # Not one formula: the column of the history must not change in its last bit.
        step = above / HORIZON if epochs == 1 else above * (1 - (1 - 1 / HORIZON) ** epochs)
        self.level = level + step


def slingshots(epochs: Sequence[int], train_loss: Sequence[float | None]) -> list[int]:
    """Epochs at which the slingshots of a logged train loss are highest, in order.

    train_loss: nats, aligned with ``epochs``; rows without a loss are passed over.
    """
    counter = SlingshotCounter()
    highest: list[tuple[float, int]] = []
    before = None
    for epoch, loss in zip(epochs, train_loss, strict=True):
        if loss is None or not math.isfinite(loss):
            continue
        count = counter.count
        counter.note(loss, 1 if before is None else epoch - before)
        before = epoch
        if counter.count > count:
            highest.append((loss, epoch))
        elif counter.inside and loss > highest[-1][0]:
            highest[-1] = (loss, epoch)
    return [int(epoch) for _, epoch in highest]
