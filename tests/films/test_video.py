"""Which frames become a film, at which rate, under which name; and films written with no frames between."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from grokking.errors import UserError
from grokking.films.encoder import count_frames
from grokking.films.video import VideoWriter, find_frames, make_video
from tests.films.handmade import ORANGE, described, everything, fake_ffmpeg, make_frames, pictures

# --- films --------------------------------------------------------------------------------------


def test_numbering_may_start_late_and_pass_five_digits(frames: Path) -> None:
    for number, frame in enumerate(find_frames(frames), start=99_998):
        frame.rename(frames / f"frame_{number:05d}.png")
    assert find_frames(frames)[-1].name == "frame_100002.png"
    assert count_frames(make_video(frames)) == 5


def test_other_files_are_no_frames(frames: Path) -> None:
    for name in ("frame_7.png", "frame_000001.png", "frame_00009.png.tmp", "frame_00009.jpg"):
        (frames / name).write_bytes(b"")
    assert len(find_frames(frames)) == 5


def test_default_name_keeps_dots_and_replaces(frames: Path) -> None:
    old = frames.with_name("run_wd1.0.mp4")
    old.write_text("an older film")
    assert make_video(frames) == old
    assert count_frames(old) == 5
    plain = frames / "plain"
    plain.touch()
    assert old.stat().st_mode == plain.stat().st_mode  # as the umask says, not a private file


def test_dot_is_named_after_the_folder(frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(frames)
    assert make_video(Path(".")) == frames.with_name("run_wd1.0.mp4")


@pytest.mark.parametrize(
    "stored, given, expected",
    [
        ({"fps": 7}, None, 7),
        ({"fps": 7}, 5, 5),
        ({"epochs": []}, None, 12),
        (None, None, 12),
    ],
)
def test_frame_rate(frames: Path, stored: dict[str, int] | None, given: float | None, expected: int) -> None:
    if stored is not None:
        (frames / "frames.json").write_text(json.dumps(stored))
    assert f" {expected} fps" in described(make_video(frames, fps=given))


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        "100%",
        "%05d",
        "it's",
        'a "b" $(c) `d`;&|',
        "-dash",
        "--output",
        "a:b",
        "pipe:1",
        "[x],y;z=1",
        "back\\slash",
        "é漢",
        "*?",
    ],
)
def test_hostile_folder_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make_frames(tmp_path / name, count=2)
    monkeypatch.chdir(tmp_path)
    film = make_video(Path(name))
    assert film == Path(f"{name}.mp4")
    assert count_frames(film) == 2
    assert {path.name for path in tmp_path.iterdir()} == {name, film.name}


# --- refusals -----------------------------------------------------------------------------------


def test_missing_or_empty_folder(tmp_path: Path, frames: Path, untouched: None) -> None:
    with pytest.raises(UserError, match="nowhere: No such file"):
        make_video(tmp_path / "nowhere")
    with pytest.raises(UserError, match="Not a directory"):
        make_video(frames / "frame_00000.png")
    with pytest.raises(UserError, match=r"no frames in .*frame_00000\.png"):
        make_video(frames.parent)


def test_gap(frames: Path) -> None:
    for number in (1, 3):
        (frames / f"frame_{number:05d}.png").unlink()
    with pytest.raises(UserError, match=r"lacks frame_00001\.png.*has frame_00002\.png"):
        make_video(frames)


def test_sizes_differ(frames: Path, tmp_path: Path) -> None:
    Image.new("RGB", (66, 48)).save(frames / "frame_00003.png")
    with pytest.raises(UserError, match=r"frame_00000\.png is 64x48, frame_00003\.png is 66x48"):
        make_video(frames)
    assert list(frames.parent.iterdir()) == [frames]


@pytest.mark.parametrize(
    "damage",
    [
        lambda png: b"",
        lambda png: png[:20],
        lambda png: png[:-1],
        lambda png: png[: len(png) // 2],
        lambda png: b"GIF89a" + png[6:],
        lambda png: png[:16] + bytes(4) + png[20:],
    ],
    ids=["empty", "header cut", "last byte", "half", "gif", "width 0"],
)
def test_not_a_whole_png(frames: Path, damage) -> None:  # type: ignore[no-untyped-def]
    frame = frames / "frame_00002.png"
    frame.write_bytes(damage(frame.read_bytes()))
    with pytest.raises(UserError, match=r"frame_00002\.png is not a PNG, or is cut short"):
        make_video(frames)
    assert list(frames.parent.iterdir()) == [frames]


def test_frame_that_is_a_folder(frames: Path) -> None:
    (frames / "frame_00005.png").mkdir()
    with pytest.raises(UserError, match=r"cannot read .*frame_00005\.png: Is a directory"):
        make_video(frames)


def test_pixels_that_do_not_decode(frames: Path) -> None:
    frame = frames / "frame_00002.png"
    png = bytearray(frame.read_bytes())
    start = png.index(b"IDAT") + 4
    png[start : start + 20] = bytes(20)
    frame.write_bytes(png)
    with pytest.raises(UserError, match="ffmpeg failed: .*inflate"):
        make_video(frames)
    assert list(frames.parent.iterdir()) == [frames]


@pytest.mark.parametrize(
    "text",
    [
        '{"fps": "12"}',
        '{"fps": true}',
        '{"fps": null}',
        "[]",
        "{",
        "\x00",
        '{"fps": NaN}',
        '{"fps": 1e999}',
        '{"fps": 1' + "0" * 400 + "}",
    ],
)
def test_stored_fps_is_no_rate(frames: Path, text: str) -> None:
    (frames / "frames.json").write_text(text)
    with pytest.raises(UserError, match="fps"):
        make_video(frames)
    assert list(frames.parent.iterdir()) == [frames]


# --- the writer ---------------------------------------------------------------------------------


def ramp(number: int, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    picture = np.full((size[1], size[0], 3), ORANGE, np.uint8)
    picture[:, : size[0] // 2] = 40 * number
    return picture


@pytest.mark.parametrize("name", ["a b%d.mp4", "a.webm", "a.gif"])
def test_writer_round_trip(tmp_path: Path, name: str) -> None:
    with VideoWriter(tmp_path / name, (64, 48), fps=8) as film:
        for number in range(6):
            film.write(ramp(number))
        assert not (tmp_path / name).exists()  # only when it is whole
    shown = pictures(tmp_path / name, (64, 48))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(shown) == 6
    for number, picture in enumerate(shown):
        assert np.allclose(picture, ramp(number), atol=16)


def test_writer_takes_views(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", (48, 64), codec="mpeg4") as film:
        film.write(ramp(0).transpose(1, 0, 2))
    assert count_frames(tmp_path / "a.mp4") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((64, 48, 3), np.uint8),
        np.zeros((48, 64, 4), np.uint8),
        np.zeros((48, 64, 3)),
    ],
)
def test_writer_wants_its_own_shape(tmp_path: Path, wrong: NDArray[np.uint8]) -> None:
    with (
        pytest.raises(ValueError, match=r"a frame is uint8 \(48, 64, 3\), this one"),
        VideoWriter(tmp_path / "a.mp4", (64, 48)) as film,
    ):
        film.write(wrong)
    assert not everything(tmp_path)


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError, FileNotFoundError])
def test_writer_passes_the_blocks_error_on(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), VideoWriter(tmp_path / "a.mp4", (64, 48)) as film:
        film.write(ramp(0))
        raise error
    assert not everything(tmp_path)


@pytest.mark.parametrize("size", [(64, 48), (0, 48)])
def test_writer_without_frames(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="ffmpeg"), VideoWriter(tmp_path / "a.mp4", size):
        pass
    assert not everything(tmp_path)


def test_writer_whose_ffmpeg_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fake_ffmpeg(tmp_path / "bin", "head -c 20000 > /dev/null; echo disk full >&2; exit 1")
    monkeypatch.setenv("PATH", path)
    before = everything(tmp_path)
    with (
        pytest.raises(UserError, match="^ffmpeg failed: disk full$"),
        VideoWriter(tmp_path / "a.mp4", (64, 48)) as film,
    ):
        for number in range(10_000):
            film.write(ramp(number % 6))
    assert everything(tmp_path) == before


# --- frames that others numbered ------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ("epoch_0.png", "epoch_5.png", "epoch_10.png", "epoch_100.png"),
        ("img9.png", "img12.png", "img101.png"),
        ("frame_0.png", "frame_1.png", "frame_2.png", "frame_10.png"),
        ("run7 e2.PNG", "run7 e30.PNG"),
        ("a1_b2.png", "a1_b10.png", "a2_b1.png"),
    ],
)
def test_frames_of_others_come_in_the_order_of_their_numbers(names: tuple[str, ...], tmp_path: Path) -> None:
    for i, name in enumerate(reversed(names)):
        Image.new("RGB", (32, 32), (0, 0, 10 * i)).save(tmp_path / name, "png")
    for other in ("legend.png", "notes1.txt", ".epoch_7.png", "epoch_7.png.tmp"):
        (tmp_path / other).write_text("no frame")
    assert [frame.name for frame in find_frames(tmp_path)] == list(names)
    assert count_frames(make_video(tmp_path, tmp_path / "a.mp4")) == len(names)


def test_frames_of_two_series_are_refused_and_ours_come_first(tmp_path: Path) -> None:
    for name in ("epoch_0.png", "epoch_1.png", "img3.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=r"2 series: epoch_#\.png \(2\), img#\.png \(1\); leave one there"):
        find_frames(tmp_path)
    (tmp_path / "frame_00000.png").write_bytes(b"")
    assert [frame.name for frame in find_frames(tmp_path)] == ["frame_00000.png"]
