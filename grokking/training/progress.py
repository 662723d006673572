"""What a person sees of a long training: epochs done, the newest row, the rate, the time left."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

from grokking.progress_bar import SECONDS_BETWEEN_LINES, ProgressBar


class Progress(ProgressBar):
    """Context manager; ``show`` every row, then ``update`` by the epochs up to it.

    Rows are rarer than lines, so the values that a line shows name their own epoch.
    """

    def __init__(
        self,
        name: str,
        done: int,
        total: int,
        stream: TextIO | None = None,
        several: bool = False,
        every: float = SECONDS_BETWEEN_LINES,
    ) -> None:
        """done, total: epochs, with ``several`` runs those of all of them together."""
        super().__init__(name, total, "ep", _line, stream, every, done, mininterval=0.2)
        self.several = several
        self.last_line = -every  # the first update writes a line, so that a person sees that it began

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.before < self.done < self.total:
            self.say_line()
        super().__exit__(kind, error, trace)

    def show(self, epoch: int, row: Mapping[str, Any], run: str = "") -> None:
        """Losses and accuracies of the newest row, measured at ``epoch``.

        run: its name, where there are several.
        """
        self.describe(
            f"{run + ' ' if run else ''}at epoch {epoch}: "
            f"loss {row['train_loss']:.2e}/{row['test_loss']:.2e} "
            f"acc {row['train_acc']:.3f}/{row['test_acc']:.3f} (train/test)"
        )


def _line(bar: ProgressBar) -> str:
    rate = (bar.done - bar.before) / max(bar.seconds, 1e-9)
    unit = "epochs of all runs" if getattr(bar, "several", False) else "epoch"
    left = (bar.total - bar.done) / rate if rate else 0.0
    return f"{bar.title}: {unit} {bar.done}/{bar.total}  {bar.text}  {rate:.1f} epochs/s  {left:.0f} s left"
