"""Captions: when each stands, how they are written and read, and that they are burned in."""

import json
from pathlib import Path

import numpy as np
import pytest

from grokking.errors import UserError
from grokking.films.captions import (
    BAND,
    Caption,
    burned,
    caption_at,
    captions_of_frames,
    read_captions,
    write_captions,
)
from grokking.films.film import make_frames
from grokking.films.kinds.circle import FILM as CIRCLE
from grokking.films.milestones import Milestones, Words
from grokking.metrics.phases import Phases
from grokking.runs.run import Run
from tests.films.films import BRIEF
from tests.films.handmade import pictures

SAID = (Caption(0, 1.5, "First."), Caption(1.5, 3723.004, "Then, a <b>wave</b> & more."))


def test_a_caption_stands_from_its_frame_to_the_next_one() -> None:
    found = captions_of_frames([(0, "a"), (2, "b"), (9, "beyond")], [2, 2, 4], 4.0)
    assert found == (Caption(0, 1, "a"), Caption(1, 2, "b"))
    assert [caption_at(found, at) for at in (0, 0.99, 1, 1.99, 2)] == ["a", "a", "b", "b", ""]


def test_both_files_say_the_same_and_are_read_again(tmp_path: Path) -> None:
    srt, vtt = write_captions(SAID, tmp_path / "film.mp4")
    assert read_captions(srt) == read_captions(vtt) == SAID
    assert srt.read_text().startswith("1\n00:00:00,000 --> 00:00:01,500\nFirst.\n\n2\n")
    assert vtt.read_text().startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nFirst.\n")
    assert "01:02:03.004" in vtt.read_text()


def test_files_that_hold_none(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("no times here")
    with pytest.raises(UserError, match=r"a\.srt has no captions: wanted lines as 00:00:01\.000 -->"):
        read_captions(tmp_path / "a.srt")
    with pytest.raises(UserError, match=r"captions are .*a\.txt; accepted: .*\.srt or \.vtt"):
        read_captions(tmp_path / "a.txt")
    with pytest.raises(UserError, match="cannot read .*none.vtt"):
        read_captions(tmp_path / "none.vtt")


@pytest.mark.parametrize("size", [(320, 480), (720, 1280)])
def test_a_caption_is_burned_into_the_band_at_the_bottom_only(size: tuple[int, int]) -> None:
    frame = np.full((*size, 3), 200, np.uint8)
    assert burned(frame, "") is frame
    one, other = burned(frame, "Words in a room."), burned(frame, "Other words.")
    top = size[0] - round(BAND * size[0])
    assert (one[: top - 1] == 200).all()
    assert (one[top:] != other[top:]).any()
    long = burned(frame, "many words " * 13)
    assert (long[top:, :6].reshape(-1, 3).max(axis=0) < 60).all()  # no letter reaches the edge
    assert max(long[-1:].max(), long[top : top + 1].max()) < 60


def test_a_run_says_its_turns_in_their_order() -> None:
    turns = Milestones(20, 60, Phases(30, 70))
    words = Words("begins", "forms", "ends")
    assert [frame for frame, _ in turns.timeline([0, 25, 50, 75, 90], words).captions] == [0, 1, 2, 3, 4]
    said = dict(turns.timeline([0, 25, 50, 75, 90], words).captions)
    assert (said[0], said[2], said[4]) == ("begins", "forms", "ends")
    assert "Epoch 20: memorised" in said[1]
    assert "Epoch 60: grokked" in said[3]
    assert turns.timeline([0, 25, 50, 75, 90], words).phases == (
        "memorisation",
        "memorisation",
        "circuit formation",
        "cleanup",
        "cleanup",
    )
    assert Milestones(20, None).timeline([0, 30], words).phases == ("memorising", "memorised, not grokked")
    assert Milestones().timeline([0, 30], words).phases == ("", "")


def test_the_command_burns_in_what_the_frames_say(added: Run, tmp_path: Path, script) -> None:
    frames = make_frames(CIRCLE, added, tmp_path / "frames", BRIEF)
    plain, film = tmp_path / "plain.mp4", tmp_path / "film.mp4"
    length = ("--seconds", 2, "--hold", 0.5)
    assert script("video", frames, "--output", plain, *length).code == 0
    assert sorted(path.suffix for path in tmp_path.glob("*.*")) == [".mp4"]
    assert script("video", frames, "--output", film, *length, "--captions").code == 0
    said = read_captions(film.with_suffix(".srt"))
    assert said == read_captions(film.with_suffix(".vtt"))
    assert (said[0].start, said[-1].end) == (0, 2)
    before, after = pictures(plain, (480, 320))[0], pictures(film, (480, 320))[0]
    top = 320 - round(BAND * 320)
    assert after[top + 2 :].mean() < 80 < before[top + 2 :].mean()
    assert np.abs(after[: top - 8].astype(int) - before[: top - 8]).mean() < 3


def test_the_command_takes_a_file_and_refuses_frames_without_captions(frames: Path, script) -> None:
    script("video", frames, "--captions").assert_refused("came without captions", "--captions FILE.srt")
    (frames / "frames.json").write_text(json.dumps({"captions": [[3, "late"], [1, "early"]]}))
    script("video", frames, "--captions").assert_refused("frames.json", "not in the order")
    own = frames.parent / "own.srt"
    own.write_text("1\n00:00:00,000 --> 00:00:02,000\nMine.\n")
    ended = script("video", frames, "--captions", own, "--seconds", 3)
    assert ended.code == 0
    assert "Mine." in frames.with_name("run_wd1.0.vtt").read_text()
