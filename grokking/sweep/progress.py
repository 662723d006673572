"""What a person sees of a sweep: a bar over runs on a terminal, a line per run elsewhere."""

from typing import TextIO

from grokking.progress_bar import ProgressBar
from grokking.sweep.worker import COMPLETE, RunResult


class SweepProgress(ProgressBar):
    """Context manager; ``count`` after every run."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        super().__init__("sweep", total, "run", _line, stream, every=0.0, smoothing=0)
        self.grokked, self.failed = 0, 0

    def __enter__(self) -> "SweepProgress":
        return self

    def count(self, result: RunResult) -> None:
        """Count a run that is over."""
        self.grokked += result.grokking_epoch is not None
        self.failed += result.state != COMPLETE
        failed = f"{self.failed} failed, " if self.failed else ""
        if self.bar is None:
            self.describe(f"{result.name}: {_what(result)}")
        else:
            self.describe(f"{failed}{self.grokked} grokked, last {result.name}")
        self.update()


def _line(bar: ProgressBar) -> str:
    return f"{bar.done}/{bar.total} {bar.text}"


def _what(result: RunResult) -> str:
    if result.state != COMPLETE:
        return result.message.strip().splitlines()[-1]
    when = "not grokked" if result.grokking_epoch is None else f"grokked at {result.grokking_epoch}"
    spent = f" ({result.seconds:.0f} s)" if result.seconds else ""
    return f"{when}, trained to {result.epoch}{spent}"
