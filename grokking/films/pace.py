"""How long each frame of a film stands: the film's length, and how long its last frame is held."""

from dataclasses import dataclass
from math import isfinite

from grokking.errors import UserError

SHORTEST = 15.0
"""Seconds that a film for people lasts at least: a run's checkpoints are often too few for that."""
HOLD = 2.0
"""Seconds for which a film for people shows its last frame."""
LONGEST = 3600.0
SMOOTH_FPS = 25.0
"""Pictures per second of a film whose length was chosen: fine enough that frames last about equally long."""


@dataclass(frozen=True)
class Pace:
    """Length and hold of a film, in seconds. Raises UserError for values that no film can have.

    seconds: of the whole film, the hold included; None for as long as one picture per frame lasts.
    hold: how long the last frame stays beyond its turn.
    at_least: the film is stretched to this length where it would be shorter.
    """

    seconds: float | None = None
    hold: float = 0.0
    at_least: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.hold <= LONGEST:
            raise UserError(f"hold is {self.hold:g}; accepted: 0 to {LONGEST:g} seconds")
        if self.seconds is not None and not (isfinite(self.seconds) and self.hold < self.seconds <= LONGEST):
            raise UserError(
                f"seconds is {self.seconds:g}; accepted: more than the {self.hold:g} seconds for which the "
                f"last frame is held, up to {LONGEST:g}"
            )

    def plan(self, n_frames: int, fps: float) -> tuple[float, list[int]]:
        """Pictures per second, and how many pictures show each of ``n_frames`` frames.

        fps: frames per second where no length is asked for.
        """
        seconds = self.seconds
        if seconds is None and n_frames / fps + self.hold < self.at_least:
            seconds = self.at_least
        if seconds is None:
            return fps, [1] * (n_frames - 1) + [1 + round(self.hold * fps)]
        moving = seconds - self.hold
        rate = max(SMOOTH_FPS, n_frames / moving)
        ends = [round((i + 1) * moving * rate / n_frames) for i in range(n_frames)]
        shown = [end - start for start, end in zip([0, *ends], ends, strict=False)]
        shown[-1] += round(self.hold * rate)
        return rate, shown


def for_people(fps: float | None, seconds: float | None, hold: float | None) -> Pace:
    """The pace of ``grokking video``: at least 15 seconds and a hold of 2, unless something else was asked.

    fps: given by hand, it sets the pace alone, with no stretching and no hold of its own.
    """
    by_hand = fps is not None
    if hold is None:
        hold = 0.0 if by_hand and seconds is None else HOLD
    return Pace(seconds, hold, 0.0 if by_hand else SHORTEST)
