"""How long films last: their length, the hold at their end, and what a person may ask for."""

import json
import re
from pathlib import Path

import pytest

from grokking.errors import UserError
from grokking.films.encoder import count_frames
from grokking.films.pace import HOLD, SHORTEST, Pace, for_people
from grokking.films.video import make_video
from tests.conftest import Ended
from tests.films.handmade import described


@pytest.mark.parametrize("n_frames", [1, 5, 40, 1000])
def test_a_film_for_people_is_long_enough_and_holds_its_end(n_frames: int) -> None:
    rate, shown = for_people(None, None, None).plan(n_frames, 12.0)
    seconds = sum(shown) / rate
    assert seconds == pytest.approx(max(SHORTEST, n_frames / 12 + HOLD), abs=0.05)
    assert min(shown) >= 1
    others = max(shown[:-1], default=0)
    assert shown[-1] / rate >= HOLD
    assert max(shown[:-1], default=others) - min(shown[:-1], default=others) <= 1  # all as long as each other


def test_a_length_is_kept_to_a_picture() -> None:
    for n_frames in (3, 40, 601):
        rate, shown = Pace(seconds=20, hold=5).plan(n_frames, 12.0)
        assert sum(shown) / rate == pytest.approx(20, abs=1 / rate)
        assert (shown[-1] - max(shown[0], 1)) / rate == pytest.approx(5, abs=2 / rate)


def test_a_rate_by_hand_gives_each_frame_one_picture() -> None:
    assert for_people(5, None, None).plan(3, 5) == (5, [1, 1, 1])
    assert for_people(5, None, 2).plan(3, 5) == (5, [1, 1, 11])
    assert Pace().plan(2, 12) == (12, [1, 1])


@pytest.mark.parametrize(
    "seconds, hold, message",
    [(0, 0, "seconds is 0"), (2, 2, "more than the 2 seconds"), (None, -1, "hold is -1"), (1e9, 0, "3600")],
)
def test_silly_lengths(seconds: float | None, hold: float, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        Pace(seconds, hold)
    with pytest.raises(UserError, match="seconds is nan"):
        Pace(float("nan"))


def test_too_many_frames_for_a_length(frames: Path) -> None:
    with pytest.raises(UserError, match="fps"):
        make_video(frames, pace=Pace(seconds=0.001))


def test_the_command_stretches_and_holds(frames: Path, script, tmp_path: Path) -> None:
    (frames / "frames.json").write_text(json.dumps({"fps": 12}))
    film = tmp_path / "film.mp4"
    ended: Ended = script("video", frames, "--output", film)
    assert (ended.code, ended.out) == (0, f"{film}\n")
    assert count_frames(film) == 15 * 25
    assert " 25 fps" in described(film)
    assert script("video", frames, "--output", film, "--seconds", 3, "--hold", 1).code == 0
    assert count_frames(film) == 3 * 25
    script("video", frames, "--seconds", 1).assert_refused("seconds is 1", "more than the 2 seconds")
