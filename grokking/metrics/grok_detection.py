"""When a network groks or memorises: the first epoch from which an accuracy stays high.

The rule is that of the definitions, ``grokking_epoch``.
"""

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
