"""What a person sees of a long training: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Context manager; ``show`` every row, then ``update`` by the epochs up to it.

    Rows are rarer than lines, so the values that a line shows name their own epoch.
    """

    def __init__(
        self, name: str, done: int, total: int, stream: TextIO | None = None, several: bool = False
    ) -> None:
        """done, total: epochs, with ``several`` runs those of all of them together."""
        self.name, self.done, self.total, self.several = name, done, total, several
        self.stream = sys.stderr if stream is None else stream
        self.began, self.at_start, self.last_line = time.monotonic(), done, 0.0
        self.text = ""
        self.bar: Any = None
        if self.stream.isatty():
            self.bar = tqdm(
                total=total,
                initial=done,
                desc=name,
                unit="ep",
                file=self.stream,
                dynamic_ncols=True,
                mininterval=0.2,
            )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()
        elif self.done > self.at_start:
            self._line()

    def update(self, n: int) -> None:
        """``n`` more epochs are done."""
        self.done += n
        if self.bar is not None:
            self.bar.update(n)
        elif time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self._line()

    def show(self, epoch: int, row: Mapping[str, Any], run: str = "") -> None:
        """Losses and accuracies of the newest row, measured at ``epoch``.

        run: its name, where there are several.
        """
        self.text = (
            f"{run + ' ' if run else ''}at epoch {epoch}: "
            f"loss {row['train_loss']:.2e}/{row['test_loss']:.2e} "
            f"acc {row['train_acc']:.3f}/{row['test_acc']:.3f} (train/test)"
        )
        if self.bar is not None:
            self.bar.set_postfix_str(self.text, refresh=False)

    def _line(self) -> None:
        self.last_line = time.monotonic()
        seconds = max(self.last_line - self.began, 1e-9)
        rate = (self.done - self.at_start) / seconds
        unit = "epochs of all runs" if self.several else "epoch"
        left = (self.total - self.done) / rate if rate else 0.0
        print(
            f"{self.name}: {unit} {self.done}/{self.total}  {self.text}  {rate:.1f} epochs/s  "
            f"{left:.0f} s left",
            file=self.stream,
            flush=True,
        )
