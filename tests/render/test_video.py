"""Films are whole or absent: what is written is decoded, every refusal leaves nothing behind."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from grokking.errors import UserError
from grokking.render import video
from grokking.render.video import VideoWriter, count_frames, find_ffmpeg, find_frames, make_video

SCRIPT = Path(__file__).parents[2] / "make_video.py"
ORANGE = (230, 120, 20)
MODES = ("RGB", "RGBA", "L", "P")
# Writes to the film it was asked for, then does what the test wants.
FAKE = '#!/bin/sh\nfor a; do case "$a" in *.partial.*) echo junk > "$a";; esac; done\n'


def make_frames(folder: Path, count: int = 5, size: tuple[int, int] = (64, 48)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture = Image.new("RGB", size, ORANGE)
        picture.paste((20, 40 * number % 256, 200), (0, 0, size[0] // 2, size[1] // 2))
        picture.save(folder / f"frame_{number:05d}.png")
    return folder


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def described(film: Path) -> str:
    """ffmpeg's line about the film's picture stream."""
    command = [find_ffmpeg(), "-hide_banner", "-i", str(film.resolve())]
    said = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).stderr.decode()
    return next(line for line in said.splitlines() if "Video:" in line)


def pictures(film: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The film decoded: uint8 [frames, height, width, 3]."""
    command = [find_ffmpeg(), "-loglevel", "error", "-i", str(film.resolve()), "-f", "rawvideo"]
    done = subprocess.run([*command, "-pix_fmt", "rgb24", "-"], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, size[1], size[0], 3)


def script(*arguments: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=os.environ | env, capture_output=True, text=True)


def fake_ffmpeg(folder: Path, ending: str) -> str:
    """A PATH on which `ffmpeg` is a shell script that ends as told."""
    folder.mkdir()
    (folder / "ffmpeg").write_text(FAKE + ending)
    (folder / "ffmpeg").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return make_frames(tmp_path / "frames_circle" / "run_wd1.0")


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[None]:
    """Fails the test if it left a file behind, or took one away."""
    before = everything(tmp_path)
    yield
    assert everything(tmp_path) == before


# --- films -------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, codec, expected", [
    ("a.mp4", None, ("h264", "yuv420p(tv, bt709")),
    ("a.MP4", "mpeg4", ("mpeg4", "yuv420p")),
    ("a.webm", None, ("vp9", "yuv420p(tv, bt709")),
    ("a.gif", None, ("gif", "bgra")),
])
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


@pytest.mark.parametrize("name, size", [
    ("a.mp4", (62, 46)), ("a.webm", (62, 46)), ("a.gif", (63, 47)),  # a gif may be odd
])
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
    with pytest.raises(UserError, match="kept 1 of 4 frames"):  # a gif's palette takes one kind
        make_video(folder, film_format="gif")


@pytest.mark.parametrize("fps", [0.01, 0.3, 23.976, 240])
@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_unusual_rates(frames: Path, fps: float, codec: str) -> None:
    assert count_frames(make_video(frames, fps=fps, codec=codec)) == 5


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


@pytest.mark.parametrize("stored, given, expected", [
    ({"fps": 7}, None, 7), ({"fps": 7}, 5, 5), ({"epochs": []}, None, 12), (None, None, 12),
])
def test_frame_rate(
    frames: Path, stored: dict[str, int] | None, given: float | None, expected: int
) -> None:
    if stored is not None:
        (frames / "frames.json").write_text(json.dumps(stored))
    assert f" {expected} fps" in described(make_video(frames, fps=given))


@pytest.mark.parametrize("name", [
    "with space", "100%", "%05d", "it's", 'a "b" $(c) `d`;&|', "-dash", "--output", "a:b", "pipe:1",
    "[x],y;z=1", "back\\slash", "é漢", "*?",
])
def test_hostile_folder_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make_frames(tmp_path / name, count=2)
    monkeypatch.chdir(tmp_path)
    film = make_video(Path(name))
    assert film == Path(f"{name}.mp4")
    assert count_frames(film) == 2
    assert {path.name for path in tmp_path.iterdir()} == {name, film.name}


# --- the script --------------------------------------------------------------------------------

def test_script_prints_the_film(tmp_path: Path) -> None:
    make_frames(tmp_path / "-a b%d")
    done = script("--format", "gif", "--fps", "5", "--", "-a b%d", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "-a b%d.gif\n", "")
    assert count_frames(tmp_path / "-a b%d.gif") == 5


def test_script_with_a_name_that_is_not_text(tmp_path: Path) -> None:
    make_frames(tmp_path / os.fsdecode(b"\xff"), count=1)
    command = [sys.executable, str(SCRIPT), os.fsdecode(b"\xff")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"\xff.mp4\n", b"")


def test_script_refuses_in_one_line(tmp_path: Path, frames: Path, untouched: None) -> None:
    for arguments in (["nowhere"], [frames, "--fps", "nan"], [frames, "--output", "no/a.mp4"]):
        done = script(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(r"error: .+\n", done.stderr)


def test_script_without_any_ffmpeg(tmp_path: Path, frames: Path, untouched: None) -> None:
    done = script(frames, cwd=tmp_path, PATH="/nowhere", IMAGEIO_FFMPEG_EXE="/nowhere/ffmpeg")
    assert done.returncode == 2
    assert re.fullmatch("error: no ffmpeg to be found: .*install.*\n", done.stderr)


def test_script_interrupted(tmp_path: Path, frames: Path) -> None:
    pids = tmp_path / "pid"
    path = fake_ffmpeg(tmp_path / "bin", f"echo $$ > '{pids}.new'; mv '{pids}.new' '{pids}'\n"
                                         "exec sleep 60\n")
    before = everything(tmp_path)
    # A shell that puts the tests into the background has them ignore Ctrl-C, and so their children.
    running = subprocess.Popen([sys.executable, SCRIPT, frames], env=os.environ | {"PATH": path},
                               stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    deadline = time.monotonic() + 60
    while not pids.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 130
    assert "Traceback" not in said
    with pytest.raises(ProcessLookupError):  # and ffmpeg is gone too
        os.kill(int(pids.read_text()), 0)
    pids.unlink()
    assert everything(tmp_path) == before


# --- refusals ----------------------------------------------------------------------------------

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
    with pytest.raises(UserError, match=r"lacks frame_00001\.png.*goes on with frame_00002\.png"):
        make_video(frames)


def test_sizes_differ(frames: Path, tmp_path: Path) -> None:
    Image.new("RGB", (66, 48)).save(frames / "frame_00003.png")
    with pytest.raises(UserError, match=r"frame_00000\.png is 64x48, frame_00003\.png is 66x48"):
        make_video(frames)
    assert list(frames.parent.iterdir()) == [frames]


@pytest.mark.parametrize("damage", [
    lambda png: b"", lambda png: png[:20], lambda png: png[:-1], lambda png: png[: len(png) // 2],
    lambda png: b"GIF89a" + png[6:], lambda png: png[:16] + bytes(4) + png[20:],
], ids=["empty", "header cut", "last byte", "half", "gif", "width 0"])
def test_not_a_whole_png(frames: Path, damage) -> None:  # type: ignore[no-untyped-def]
    frame = frames / "frame_00002.png"
    frame.write_bytes(damage(frame.read_bytes()))
    with pytest.raises(UserError, match=r"frame_00002\.png is no PNG, or one cut short"):
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


@pytest.mark.parametrize("fps", [0, -1, 240.1, 1e-9, float("nan"), float("inf"), -float("inf")])
def test_fps_out_of_range(frames: Path, untouched: None, fps: float) -> None:
    with pytest.raises(UserError, match=r"fps .* is not a number from 0\.01 to 240"):
        make_video(frames, fps=fps)


def test_fps_that_browsers_slow_down_in_a_gif(frames: Path, untouched: None) -> None:
    with pytest.raises(UserError, match=r"from 0\.01 to 50 \(gif\)"):
        make_video(frames, fps=60, film_format="gif")


@pytest.mark.parametrize("text", [
    '{"fps": "12"}', '{"fps": true}', '{"fps": null}', "[]", "{", "\x00", '{"fps": NaN}',
    '{"fps": 1e999}', '{"fps": 1' + "0" * 400 + "}",
])
def test_stored_fps_is_no_rate(frames: Path, text: str) -> None:
    (frames / "frames.json").write_text(text)
    with pytest.raises(UserError, match="fps"):
        make_video(frames)
    assert list(frames.parent.iterdir()) == [frames]


@pytest.mark.parametrize("name, codec, film_format, message", [
    ("a.mp4", None, "webm", r"must end in \.webm"),
    ("a", None, "mp4", r"must end in \.mp4"),
    ("a.avi", None, None, r"must end in \.mp4 or \.webm or \.gif"),
    ("a.avi", None, "avi", r"a\.avi must end"),
    ("a.gif", "h264", None, "gif takes codec gif, not h264"),
    ("a.webm", "mpeg4", "webm", "takes codec vp9"),
])
def test_name_format_and_codec_clash(
    frames: Path, untouched: None, name: str, codec: str | None, film_format: str | None,
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


SAID = "\n".join([
    "[libx264 @ 0x5564a81bec00] width not divisible by 2 (1x1)",
    "[vf#0:0 @ 0x5564a81c4900] Task finished with error code: -22 (Invalid argument)",
    "", "Conversion failed!",
])


@pytest.mark.parametrize("ending, message", [
    (f"cat > /dev/null; echo '{SAID}' >&2; exit 1", r"^ffmpeg failed: width not .* 2 \(1x1\)$"),
    ("echo no such luck >&2; exit 1", "^ffmpeg failed: no such luck$"),  # does not read its stdin
    ("exec kill -9 $$", "^ffmpeg failed: exit status -9$"),
    ("yes complaint | head -n 200000 >&2; cat > /dev/null; exit 1", "(complaint; ){2}complaint$"),
    ("cat > /dev/null", "^ffmpeg kept 0 of 5 frames; .* is not written$"),  # ends well, wrote junk
])
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


def test_frames_lost_on_the_way(
    frames: Path, untouched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "count_frames", lambda film: 4)
    with pytest.raises(UserError, match="ffmpeg kept 4 of 5 frames"):
        make_video(frames)


# --- the writer --------------------------------------------------------------------------------

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


@pytest.mark.parametrize("wrong", [
    np.zeros((64, 48, 3), np.uint8), np.zeros((48, 64, 4), np.uint8), np.zeros((48, 64, 3)),
])
def test_writer_wants_its_own_shape(tmp_path: Path, wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"a frame is uint8 \(48, 64, 3\), this one"), VideoWriter(
        tmp_path / "a.mp4", (64, 48)
    ) as film:
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
    with pytest.raises(UserError, match="^ffmpeg failed: disk full$"), VideoWriter(
        tmp_path / "a.mp4", (64, 48)
    ) as film:
        for number in range(10_000):
            film.write(ramp(number % 6))
    assert everything(tmp_path) == before
