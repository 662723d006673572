"""Encoding with ffmpeg: pictures go in through its stdin, and a film comes out that is whole, or none.

ffmpeg writes a hidden file next to the target. Its frames are counted by decoding them; only then does the
file take the target's name. Pictures go through stdin because ffmpeg's file patterns give `%` in a folder's
name a meaning.

Commands are built with ffmpeg-python, here and nowhere else: "Phase Transition Visualizations" names it among
its requirements, and it spells the filter graph of a gif (one input, split and joined again) for us. The
process itself is started here, since ffmpeg-python can neither kill it nor keep Ctrl-C from it.
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, cast

import ffmpeg  # type: ignore[import-untyped]
import imageio_ffmpeg  # type: ignore[import-untyped]

from grokking.errors import UserError, os_errors_as
from grokking.interrupts import deferred
from grokking.storage.atomic_io import sync_folder
from grokking.storage.locking import acquire, release

MIN_FPS = 0.01
# A gif counts time in 1/100 s, and browsers slow a frame shorter than 2/100 s down to 10/100 s.
MAX_FPS = {"mp4": 240, "webm": 240, "gif": 50}
CODECS = {"mp4": ("h264", "mpeg4"), "webm": ("vp9",), "gif": ("gif",)}  # a format's first: default
# Without the tag a player guesses the colour matrix from the height, and colours shift.
_BT709 = {"colorspace": "bt709"}
_MP4 = {"movflags": "+faststart", "pix_fmt": "yuv420p"}
_ENCODERS: dict[str, dict[str, Any]] = {
    "h264": {"vcodec": "libx264", "crf": 18, **_MP4, **_BT709},
    "mpeg4": {"vcodec": "mpeg4", "q:v": 3, **_MP4},
    "vp9": {"vcodec": "libvpx-vp9", "crf": 24, "b:v": 0, "pix_fmt": "yuv420p", **_BT709},
    "gif": {"vcodec": "gif", "loop": 0},
}
_PARTIAL = ".film-"
# Lines that ffmpeg adds after it has named the error.
_ECHO = re.compile(
    "Task finished|Terminating|Nothing was written|Conversion failed|Last message repeated"
    "|Error (selecting|muxing|submitting|sending|processing|opening output file)|before EOF"
)


def choose_codec(output: Path, fps: float, codec: str | None, film_format: str | None) -> tuple[str, str]:
    """(codec, frame rate as ffmpeg reads it) for a film of this name; UserError if they clash."""
    suffix = output.suffix[1:].lower()
    if suffix not in CODECS or suffix != (film_format or suffix):
        accepted = f".{film_format}" if film_format else " or ".join(f".{name}" for name in CODECS)
        raise UserError(f"the film's name {output} must end in {accepted}")
    codec = codec or CODECS[suffix][0]
    if codec not in CODECS[suffix]:
        raise UserError(f"a {suffix} takes codec {' or '.join(CODECS[suffix])}, not {codec}")
    if not MIN_FPS <= fps <= MAX_FPS[suffix]:  # also refuses NaN
        raise UserError(f"fps {fps} is not a number from {MIN_FPS} to {MAX_FPS[suffix]} ({suffix})")
    return codec, str(Fraction(fps).limit_denominator(250))  # mpeg4 holds 16 bits of each part


@contextmanager
def encoding(output: Path, codec: str, **source: str) -> Iterator[Callable[[bytes], None]]:
    """Give the block a function that appends one picture; finish the film after the block.

    codec: one of `CODECS`.  source: ffmpeg's options for what it reads. Raises UserError, and then, or
    if the block fails, leaves what there was.
    """
    written = 0

    def feed(picture: bytes) -> None:
        nonlocal written
        written += 1
        try:
            pipe.write(picture)
        except BrokenPipeError:
            raise failure() from None

    def failure() -> UserError:
        status = process.wait()
        log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
        return _failure(status, log.read())

    with _partial(output) as partial, tempfile.TemporaryFile() as log:
        film = _fitted(ffmpeg.input("pipe:", **source), codec)
        command = _command(film.output(partial.name, **_ENCODERS[codec]))
        with _running(command, log, partial.parent) as process:
            pipe = cast(IO[bytes], process.stdin)  # there, because PIPE was asked for
            yield feed
            with suppress(BrokenPipeError):
                pipe.close()
            if process.wait() != 0:
                raise failure()
        if (decoded := count_frames(partial)) != written:
            raise UserError(f"ffmpeg wrote {decoded} of {written} frames; {output} is not written")


@contextmanager
def _partial(output: Path) -> Iterator[Path]:
    """Give the block a hidden file; it takes the name `output` after the block, or vanishes."""
    # Of plain letters, and ffmpeg runs in its folder: no name of the user's reaches a command.
    target = Path(os.path.abspath(output))  # the block may change the working folder
    partial = target.with_name(f"{_PARTIAL}{secrets.token_hex(4)}.partial{output.suffix.lower()}")
    if os.path.isdir(output):
        raise UserError(f"{output} is a folder; name a file")
    writing = f"write {output} (a file in a folder that exists and is writable)"
    _sweep(target.parent)
    ours = None
    try:
        with os_errors_as(writing):
            partial.touch(exist_ok=False)  # refused now, not after minutes of encoding
        with deferred():
            ours = acquire(partial)  # tells it from what a killed process left behind
        yield partial
        with os_errors_as(writing):
            with open(partial, "rb+") as film:
                os.fsync(film.fileno())
            os.replace(partial, target)
            sync_folder(target.parent)
    finally:
        if ours is not None:
            os.close(ours)
        with suppress(OSError):
            partial.unlink()


def _sweep(folder: Path) -> None:
    """Delete the unfinished films of processes that were killed."""
    for left in folder.glob(f"{_PARTIAL}*.partial.*"):
        with suppress(UserError):
            if (handle := acquire(left)) is not None:
                release(left, handle)


@contextmanager
def _running(command: list[str], log: IO[bytes], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that reads its stdin; killed if it outlives the block."""
    # stderr goes to a file, which unlike a pipe never fills up and blocks. In a session of its own
    # it does not hear the terminal's Ctrl-C, which would make it finish a film we throw away.
    process = None
    try:
        with os_errors_as(f"start {command[0]}"), deferred():
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=folder,
                start_new_session=True,
            )
        yield process
    finally:
        if process is not None:
            process.kill()  # does nothing to a process that has ended
            process.communicate()  # closes its stdin, a broken one too, and waits


def _fitted(pictures: Any, codec: str) -> Any:
    """The pictures as the codec wants them: even sides and known colours, or a gif's palette."""
    if codec == "gif":
        copies = pictures.split()
        both = [copies[0], copies[1].filter("palettegen")]
        return ffmpeg.filter(both, "paletteuse", diff_mode="rectangle")
    tagged = {"out_color_matrix": "bt709"} if "colorspace" in _ENCODERS[codec] else {}
    return pictures.filter("scale", "trunc(iw/2)*2", "trunc(ih/2)*2", **tagged)


def _command(output: Any) -> list[str]:
    # -xerror: without it a frame that cannot be decoded is dropped and ffmpeg ends well.
    quiet = output.global_args("-hide_banner", "-nostats", "-loglevel", "error", "-xerror")
    return list(ffmpeg.compile(quiet, cmd=find_ffmpeg(), overwrite_output=True))


def find_ffmpeg() -> str:
    """The system's ffmpeg, else the one imageio-ffmpeg carries; UserError if there is neither."""
    with suppress(RuntimeError):  # imageio-ffmpeg found none
        found = shutil.which("ffmpeg") or shutil.which(imageio_ffmpeg.get_ffmpeg_exe())
        if found:
            return os.path.abspath(found)  # we start it from other folders
    raise UserError("no ffmpeg to be found: install ffmpeg, or `pip install imageio-ffmpeg`")


def count_frames(film: Path) -> int:
    """How many frames of a film decode; UserError if ffmpeg cannot read it."""
    # framecrc, not null: one line per decoded frame, none added or dropped for an even rate.
    command = _command(ffmpeg.input(f"./{film.name}").output("pipe:", format="framecrc"))
    with os_errors_as(f"start {command[0]}"):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd=film.parent)
    if done.returncode != 0:
        raise _failure(done.returncode, done.stderr)
    return sum(not line.startswith(b"#") for line in done.stdout.splitlines())


def _failure(status: int, log: bytes) -> UserError:
    """ffmpeg's own last words, without addresses and echoes."""
    lines = re.sub(r"\[[^][\n]* @ 0x[0-9a-f]+\] *", "", log.decode(errors="replace")).splitlines()
    telling = [line.strip() for line in lines if line.strip() and not _ECHO.search(line)]
    return UserError(f"ffmpeg failed: {'; '.join(telling[-3:]) or f'exit status {status}'}")
