"""Films are whole or absent: what is written is decoded, every refusal leaves nothing behind."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grokking.errors import UserError
from grokking.films import encoder
from grokking.films.encoder import count_frames, find_ffmpeg
from grokking.films.video import find_frames, make_video
from tests.films.handmade import ORANGE, described, everything, fake_ffmpeg, make_frames, pictures

MODES = ("RGB", "RGBA", "L", "P")


# --- films --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, codec, expected",
    [
        ("a.mp4", None, ("h264", "yuv420p(tv, bt709")),
        ("a.MP4", "mpeg4", ("mpeg4", "yuv420p")),
        ("a.webm", None, ("vp9", "yuv420p(tv, bt709")),
        ("a.gif", None, ("gif", "bgra")),
    ],
)
def test_codec_pixels_rate_and_count(
    frames: Path, tmp_path: Path, name: str, codec: str | None, expected: tuple[str, str]
) -> None:
    film = make_video(frames, tmp_path / name, fps=10, codec=codec)
    line = described(film)
    assert all(word in line for word in (*expected, "64x48", "10 fps")), line
    assert count_frames(film) == len(pictures(film, (64, 48))) == 5


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.gif"])
def test_frames_keep_their_order_and_colours(frames: Path, tmp_path: Path, name: str) -> None:
    shown = pictures(make_video(frames, tmp_path / name), (64, 48))
    for number, picture in enumerate(shown):
        assert np.allclose(picture[40, 56], ORANGE, atol=8)
        assert np.allclose(picture[8, 8], (20, 40 * number, 200), atol=12), number


def test_mp4_can_start_before_it_is_loaded(frames: Path) -> None:
    film = make_video(frames).read_bytes()
    assert film.index(b"moov") < film.index(b"mdat")


@pytest.mark.parametrize(
    "name, size",
    [
        ("a.mp4", (62, 46)),
        ("a.webm", (62, 46)),
        ("a.gif", (63, 47)),  # a gif may be odd
    ],
)
def test_odd_sides(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    film = make_video(make_frames(tmp_path / "odd", size=(63, 47)), tmp_path / name)
    assert "{}x{}".format(*size) in described(film)
    assert count_frames(film) == 5


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_frames_that_are_equal_are_all_kept(tmp_path: Path, name: str) -> None:
    folder = make_frames(tmp_path / "still", count=1)
    for number in range(1, 6):
        shutil.copy(folder / "frame_00000.png", folder / f"frame_{number:05d}.png")
    assert count_frames(make_video(folder, tmp_path / name)) == 6


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_png(tmp_path: Path, mode: str) -> None:
    folder = make_frames(tmp_path / mode)
    for frame in find_frames(folder):
        Image.open(frame).convert(mode).save(frame)
    assert count_frames(make_video(folder)) == count_frames(make_video(folder, film_format="gif"))


def test_a_mixture_of_kinds(tmp_path: Path) -> None:
    folder = make_frames(tmp_path / "mixed", count=len(MODES))
    for mode, frame in zip(MODES, find_frames(folder), strict=True):
        Image.open(frame).convert(mode).save(frame)
    assert count_frames(make_video(folder)) == len(MODES)
    with pytest.raises(UserError, match="wrote 1 of 4 frames"):  # a gif's palette takes one kind
        make_video(folder, film_format="gif")


@pytest.mark.parametrize("fps", [0.01, 0.3, 23.976, 240])
@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_unusual_rates(frames: Path, fps: float, codec: str) -> None:
    assert count_frames(make_video(frames, fps=fps, codec=codec)) == 5


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fps", [0, -1, 240.1, 1e-9, float("nan"), float("inf"), -float("inf")])
def test_fps_out_of_range(frames: Path, untouched: None, fps: float) -> None:
    with pytest.raises(UserError, match=r"fps .* is not a number from 0\.01 to 240"):
        make_video(frames, fps=fps)


def test_fps_that_browsers_slow_down_in_a_gif(frames: Path, untouched: None) -> None:
    with pytest.raises(UserError, match=r"from 0\.01 to 50 \(gif\)"):
        make_video(frames, fps=60, film_format="gif")


@pytest.mark.parametrize(
    "name, codec, film_format, message",
    [
        ("a.mp4", None, "webm", r"must end in \.webm"),
        ("a", None, "mp4", r"must end in \.mp4"),
        ("a.avi", None, None, r"must end in \.mp4 or \.webm or \.gif"),
        ("a.avi", None, "avi", r"a\.avi must end"),
        ("a.gif", "h264", None, "gif takes codec gif, not h264"),
        ("a.webm", "mpeg4", "webm", "takes codec vp9"),
    ],
)
def test_name_format_and_codec_clash(
    frames: Path,
    untouched: None,
    name: str,
    codec: str | None,
    film_format: str | None,
    message: str,
) -> None:
    with pytest.raises(UserError, match=message):
        make_video(frames, frames.parent / name, codec=codec, film_format=film_format)


def test_output_folder(frames: Path, untouched: None) -> None:
    with pytest.raises(UserError, match=r"cannot write .*a\.mp4 \(.*exists.*\): No such file"):
        make_video(frames, frames / "nowhere" / "a.mp4")
    with pytest.raises(UserError, match="Not a directory"):
        make_video(frames, frames / "frame_00000.png" / "a.mp4")
    with pytest.raises(UserError, match="File name too long"):
        make_video(frames, frames / f"{'x' * 252}.mp4")


def test_output_is_a_folder(frames: Path) -> None:
    film = frames.with_name("film.mp4")
    film.mkdir()
    with pytest.raises(UserError, match=r"film\.mp4 is a folder; name a file"):
        make_video(frames, film)


def test_unwritable_folder(frames: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    if os.access(locked, os.W_OK):  # root writes anywhere; the kernel's own folders refuse it too
        locked = Path("/proc/self")
        if not locked.is_dir():
            pytest.skip("no folder here that refuses its user")
    with pytest.raises(UserError, match=r"cannot write .*a\.mp4"):
        make_video(frames, locked / "a.mp4")


def test_no_ffmpeg(frames: Path, untouched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise RuntimeError("No ffmpeg exe could be found")

    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", none)
    with pytest.raises(UserError, match="no ffmpeg to be found: install ffmpeg"):
        make_video(frames)


def test_the_systems_ffmpeg_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake_ffmpeg(tmp_path / "bin", ""))
    assert find_ffmpeg() == str(tmp_path / "bin" / "ffmpeg")


SAID = "\n".join(
    [
        "[libx264 @ 0x5564a81bec00] width not divisible by 2 (1x1)",
        "[vf#0:0 @ 0x5564a81c4900] Task finished with error code: -22 (Invalid argument)",
        "",
        "Conversion failed!",
    ]
)


@pytest.mark.parametrize(
    "ending, message",
    [
        (f"cat > /dev/null; echo '{SAID}' >&2; exit 1", r"^ffmpeg failed: width not .* 2 \(1x1\)$"),
        ("echo no such luck >&2; exit 1", "^ffmpeg failed: no such luck$"),  # does not read its stdin
        ("exec kill -9 $$", "^ffmpeg failed: exit status -9$"),
        ("yes complaint | head -n 200000 >&2; cat > /dev/null; exit 1", "(complaint; ){2}complaint$"),
        ("cat > /dev/null", "^ffmpeg wrote 0 of 5 frames; .* is not written$"),  # ends well, wrote junk
    ],
)
def test_ffmpeg_fails(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, message: str
) -> None:
    film = frames.with_name("film.mp4")
    film.write_text("an older film")
    monkeypatch.setenv("PATH", fake_ffmpeg(tmp_path / "bin", ending))
    before = everything(tmp_path)
    with pytest.raises(UserError, match=message):
        make_video(frames, film)
    assert everything(tmp_path) == before
    assert film.read_text() == "an older film"


def test_frames_lost_on_the_way(frames: Path, untouched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "count_frames", lambda film: 4)
    with pytest.raises(UserError, match="ffmpeg wrote 4 of 5 frames"):
        make_video(frames)
