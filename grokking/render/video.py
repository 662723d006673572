"""From frames to film: numbered PNGs, or arrays while they are made, to mp4, webm or gif.

A film appears whole or not at all: ffmpeg writes a hidden file beside the target, its frames are
counted by decoding them, and only then does it take the target's name. Pictures go to ffmpeg
through its stdin, because its file patterns give `%` in a folder's name a meaning.
"""

import json
import os
import re
import secrets
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, cast

import ffmpeg  # type: ignore[import-untyped]
import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from grokking.errors import UserError, refusing
from grokking.files import sync_folder
from grokking.folder import CheckedFolder
from grokking.locking import release, take

FRAME_NAME = "frame_%05d.png"
FRAME = re.compile(r"frame_\d{5,}\.png")
FRAMES_RECORD = "frames.json"
DEFAULT_FPS = 12.0
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
_PNG_HEAD = struct.Struct(">16s2I")  # signature and start of IHDR, width, height in pixels
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\0\0\0\0IEND\xaeB`\x82"
# What ffmpeg adds after it has said what went wrong.
_ECHO = re.compile(
    "Task finished|Terminating|Nothing was written|Conversion failed|Last message repeated"
    "|Error (selecting|muxing|submitting|sending|processing|opening output file)|before EOF"
)


def make_video(frames_dir: Path, output: Path | None = None, fps: float | None = None,
               codec: str | None = None, film_format: str | None = None) -> Path:
    """Stitch a folder's `frame_%05d.png` into a film; return its path. Raises UserError.

    output: default `<frames_dir>.<format>`; an existing file is replaced. fps: frames per second,
    default `"fps"` of the folder's `frames.json`, else 12. codec, film_format: see `CODECS`.
    """
    files = checked_frames(frames_dir)
    frames = find_frames(frames_dir)
    if files.unsettled:
        raise UserError(f"the frames in {frames_dir} are of two films, since replacing them was "
                        "interrupted; generate them again")
    if output is None:  # "." and ".." say nothing of the folder's own name
        named = frames_dir if frames_dir.name not in ("", "..") else frames_dir.resolve()
        output = named.with_name(f"{named.name}.{film_format or 'mp4'}")
    fps = _stored_fps(files) if fps is None else fps
    codec, rate = _choose(output, fps, codec, film_format)
    _check_sizes(frames)
    with _encoder(output, codec, format="image2pipe", vcodec="png", framerate=rate) as feed:
        for frame in frames:
            feed(files.read(frame.name))
    return output


class VideoWriter:
    """A film written picture by picture, with no files between. Raises UserError.

    size: (width, height) in pixels; the rest as for `make_video`. The film takes its name when the
    `with` block ends well; if it ends with an exception, nothing stays.
    """

    def __init__(self, output: Path, size: tuple[int, int], fps: float = DEFAULT_FPS,
                 codec: str | None = None, film_format: str | None = None) -> None:
        codec, rate = _choose(output, fps, codec, film_format)
        self._shape = (size[1], size[0], 3)
        self._film = _encoder(output, codec, format="rawvideo", pix_fmt="rgb24", framerate=rate,
                              s=f"{size[0]}x{size[1]}")

    def __enter__(self) -> "VideoWriter":
        self._feed = self._film.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._film.__exit__(*error)

    def write(self, rgb: NDArray[np.uint8]) -> None:
        """Append one picture, uint8 [height, width, 3]; ValueError for any other array."""
        if rgb.dtype != np.uint8 or rgb.shape != self._shape:
            raise ValueError(f"a frame is uint8 {self._shape}, this one {rgb.dtype} {rgb.shape}")
        self._feed(rgb.tobytes())


def checked_frames(frames_dir: Path) -> CheckedFolder:
    """The folder, with the manifest that drawing gave it; frames without one are taken as they are."""
    return CheckedFolder(frames_dir, lambda name: name == FRAMES_RECORD or bool(FRAME.fullmatch(name)))


def find_frames(frames_dir: Path) -> list[Path]:
    """The folder's frames in order; UserError if there are none, or a number is missing."""
    with refusing(f"read the frames folder {frames_dir}"):
        names = {n for n in os.listdir(frames_dir) if re.fullmatch(r"frame_[0-9]+\.png", n)}
    numbers = sorted(n for n in {int(name[6:-4]) for name in names} if FRAME_NAME % n in names)
    if not numbers:
        raise UserError(f"no frames in {frames_dir}: wanted {FRAME_NAME % 0}, {FRAME_NAME % 1}, …")
    for wanted, number in enumerate(numbers, numbers[0]):
        if number != wanted:
            raise UserError(f"{frames_dir} lacks {FRAME_NAME % wanted}, though it goes on with "
                            f"{FRAME_NAME % number}; generate the frames again")
    return [frames_dir / (FRAME_NAME % number) for number in numbers]


def _check_sizes(frames: list[Path]) -> None:
    first, *others = ((frame.name, _png_size(frame)) for frame in frames)
    for name, size in others:
        if size != first[1]:
            unlike = f"{first[0]} is {first[1]}, {name} is {size}"
            raise UserError(f"frames of different sizes: {unlike}; generate all with one --size")


def _png_size(frame: Path) -> str:
    """`<width>x<height>` in pixels, from the header; UserError if the file is not a whole PNG."""
    with refusing(f"read {frame}"), open(frame, "rb") as file:
        head = file.read(_PNG_HEAD.size).ljust(_PNG_HEAD.size, b"\0")
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(_PNG_END)))
        start, width, height = _PNG_HEAD.unpack(head)
        if start != _PNG_START or file.read() != _PNG_END or not width * height:
            raise UserError(f"{frame} is no PNG, or one cut short; generate it again")
    return f"{width}x{height}"


def _stored_fps(files: CheckedFolder) -> float:
    path = files.path / FRAMES_RECORD
    if not path.exists():
        return DEFAULT_FPS
    try:
        stored = json.loads(files.read(FRAMES_RECORD))
        fps = stored.get("fps", DEFAULT_FPS)
        if isinstance(fps, bool | str):  # float() would take both
            raise ValueError(f"fps is {fps!r}")
        return float(fps)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise UserError(f"no frame rate in {path} ({error}); mend it, or give --fps") from None


def _choose(
    output: Path, fps: float, codec: str | None, film_format: str | None
) -> tuple[str, str]:
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
def _encoder(output: Path, codec: str, **source: str) -> Iterator[Callable[[bytes], None]]:
    """Give the block a function that appends one picture; finish the film after the block."""
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
            raise UserError(f"ffmpeg kept {decoded} of {written} frames; {output} is not written")


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
    with refusing(writing):
        partial.touch(exist_ok=False)  # refused now, not after minutes of encoding
    ours = take(partial)  # tells it from what a killed process left behind
    try:
        yield partial
        with refusing(writing):
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
            if (handle := take(left)) is not None:
                release(left, handle)


@contextmanager
def _running(
    command: list[str], log: IO[bytes], folder: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that reads its stdin; killed if it outlives the block."""
    # stderr goes to a file, which unlike a pipe never fills up and blocks. In a session of its own
    # it does not hear the terminal's Ctrl-C, which would make it finish a film we throw away.
    with refusing(f"start {command[0]}"):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=log, cwd=folder, start_new_session=True)
    try:
        yield process
    finally:
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
    with refusing(f"start {command[0]}"):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              cwd=film.parent)
    if done.returncode != 0:
        raise _failure(done.returncode, done.stderr)
    return sum(not line.startswith(b"#") for line in done.stdout.splitlines())


def _failure(status: int, log: bytes) -> UserError:
    """ffmpeg's own last words, without addresses and echoes."""
    lines = re.sub(r"\[[^][\n]* @ 0x[0-9a-f]+\] *", "", log.decode(errors="replace")).splitlines()
    telling = [line.strip() for line in lines if line.strip() and not _ECHO.search(line)]
    return UserError(f"ffmpeg failed: {'; '.join(telling[-3:]) or f'exit status {status}'}")
