"""What a person sees of a sweep: a bar over runs on a terminal, a line per run elsewhere."""

import sys
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

from grokking.sweep.worker import COMPLETE, RunResult


class SweepProgress:
    """Context manager; ``tell`` after every run."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.total, self.done, self.grokked, self.failed = total, 0, 0, 0
        self.bar: Any = None
        if self.stream.isatty():
            self.bar = tqdm(
                total=total, desc="sweep", unit="run", file=self.stream, dynamic_ncols=True, smoothing=0
            )

    def __enter__(self) -> "SweepProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()

    def tell(self, result: RunResult) -> None:
        """Count a run that is over."""
        self.done += 1
        self.grokked += result.grokking_epoch is not None
        self.failed += result.state != COMPLETE
        if self.bar is None:
            self.say(f"{self.done}/{self.total} {result.name}: {_what(result)}")
            return
        self.bar.update()
        failed = f"{self.failed} failed, " if self.failed else ""
        self.bar.set_postfix_str(f"{failed}{self.grokked} grokked, last {result.name}")

    def say(self, text: str) -> None:
        """A line for all to read."""
        if self.bar is None:
            self.stream.write(f"{text}\n")
            self.stream.flush()
        else:
            self.bar.write(text, file=self.stream)


def _what(result: RunResult) -> str:
    if result.state != COMPLETE:
        return result.message.strip().splitlines()[-1]
    when = "not grokked" if result.grokking_epoch is None else f"grokked at {result.grokking_epoch}"
    spent = f" ({result.seconds:.0f} s)" if result.seconds else ""
    return f"{when}, trained to {result.epoch}{spent}"
