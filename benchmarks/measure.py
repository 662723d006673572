"""Timing that survives a noisy machine: things are timed in turn, and compared round by round."""

import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Timing:
    """Seconds per call in every round, in the order of the rounds."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        """Seconds per call."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> str:
        """Smallest to largest, in milliseconds."""
        return f"{min(self.seconds) * 1e3:.1f} – {max(self.seconds) * 1e3:.1f}"

    def __add__(self, other: "Timing") -> "Timing":
        """One after the other, round by round."""
        return Timing([a + b for a, b in zip(self.seconds, other.seconds, strict=True)])

    def of_each(self, n: int) -> "Timing":
        """Of one of the ``n`` equal things that a call does."""
        return Timing([seconds / n for seconds in self.seconds])

    def ratio(self, other: "Timing") -> str:
        """How many times faster this is than ``other``: median of the rounds' ratios, and their range."""
        ratios = [b / a for a, b in zip(self.seconds, other.seconds, strict=True)]
        return f"{statistics.median(ratios):.1f} ({min(ratios):.1f} – {max(ratios):.1f})"


def in_turn(
    calls: Mapping[str, tuple[Callable[[], object], int]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Time every call ``repeats`` times in a row, all calls in each of ``rounds``; one round unseen.

    clock: ``time.process_time`` counts this process's own work, however busy the machine is.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for i in range(rounds + 1):
        for name, (call, repeats) in calls.items():
            began = clock()
            for _ in range(repeats):
                call()
            if i:
                seconds[name].append((clock() - began) / repeats)
    return {name: Timing(times) for name, times in seconds.items()}


def peak_mib() -> float:
    """Largest resident memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # What resource reports there outlives exec, so a child would report its parent's peak.
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 1024  # type: ignore[index]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
