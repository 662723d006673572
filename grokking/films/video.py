"""From frames to film: numbered PNGs, or arrays while they are made, to mp4, webm or gif.

A film appears whole or not at all (see ``grokking.films.encoder``).

``grokking demo`` asks it before it trains.
"""

import json
import os
import re
import struct
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grokking.errors import UserError, os_errors_as
from grokking.films.captions import (
    Caption,
    burned_png,
    caption_at,
    captions_of_frames,
    read_captions,
    said_by_frames,
    write_captions,
)
from grokking.films.encoder import choose_codec, encoding
from grokking.films.pace import Pace
from grokking.storage.atomic_io import folder_for, scratch_folder
from grokking.storage.checksummed_dir import ChecksummedDir

FRAME_NAME = "frame_%05d.png"
FRAME = re.compile(r"frame_\d{5,}\.png")
NUMBERED = re.compile(r"(?!\.).*[0-9].*\.png", re.IGNORECASE)
DIGITS = re.compile(r"[0-9]+")
FRAMES_RECORD = "frames.json"
DEFAULT_FPS = 12.0
_PNG_HEAD = struct.Struct(">16s2I")  # signature and start of IHDR, width, height in pixels
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\0\0\0\0IEND\xaeB`\x82"


@dataclass(frozen=True)
class Captioned:
    """That a film is to have captions.

    path: an .srt or .vtt file with them; None for the sentences that came with the frames.
    """

    path: Path | None = None


def make_video(
    frames_dir: Path,
    output: Path | None = None,
    fps: float | None = None,
    codec: str | None = None,
    film_format: str | None = None,
    pace: Pace = Pace(),
    captioned: Captioned | None = None,
) -> Path:
    """Stitch a folder's frames (see `find_frames`) into a film; return its path. Raises UserError.

    output: default `<frames_dir>.<format>`; an existing file is replaced. fps: frames per second,
    default `"fps"` of the folder's `frames.json`, else 12. codec, film_format: see
    `grokking.films.encoder.CODECS`. pace: how long the film lasts. captioned: burn captions in, and write
    them next to the film as .srt and .vtt.
    """
    files = checked_frames(frames_dir)
    frames = find_frames(frames_dir)
    if files.unsettled:
        raise UserError(
            f"the frames in {frames_dir} are of two films, since replacing them was "
            "interrupted; generate them again"
        )
    if output is None:  # "." and ".." say nothing of the folder's own name
        named = frames_dir if frames_dir.name not in ("", "..") else frames_dir.resolve()
        output = named.with_name(f"{named.name}.{film_format or 'mp4'}")
    fps = _stored_fps(files) if fps is None else fps
    choose_codec(output, fps, codec, film_format)
    rate, shown = pace.plan(len(frames), fps)
    codec, rate_text = choose_codec(output, rate, codec, film_format)
    _check_sizes(frames)
    captions = _captions(files, captioned, shown, rate)
    with encoding(output, codec, format="image2pipe", vcodec="png", framerate=rate_text) as feed:
        _feed_all(feed, files, frames, shown, rate, captions)
    if captions:
        write_captions(captions, output)
    return output


def _feed_all(
    feed: Callable[[bytes], None],
    files: ChecksummedDir,
    frames: Sequence[Path],
    shown: Sequence[int],
    rate: float,
    captions: Sequence[Caption],
) -> None:
    """Append every frame as often as it is shown, with the caption of each moment."""
    at = 0
    for frame, pictures in zip(frames, shown, strict=True):
        png = files.read(frame.name)
        text, drawn = "", png
        for _ in range(pictures):
            now = caption_at(captions, at / rate)
            if now != text:
                text, drawn = now, burned_png(png, now)
            feed(drawn)
            at += 1


def _captions(
    files: ChecksummedDir, captioned: Captioned | None, shown: Sequence[int], rate: float
) -> tuple[Caption, ...]:
    if captioned is None:
        return ()
    if captioned.path is not None:
        return read_captions(captioned.path)
    try:
        said = said_by_frames(_record(files))
    except (ValueError, TypeError) as error:
        path = files.path / FRAMES_RECORD
        raise UserError(f"no captions in {path} ({error}); generate the frames again") from None
    if not said:
        raise UserError(
            f"the frames in {files.path} came without captions; give a file: --captions FILE.srt, "
            "or generate the frames again"
        )
    return captions_of_frames(said, shown, rate)


class VideoWriter:
    """A film written picture by picture, with no files between. Raises UserError.

    size: (width, height) in pixels; the rest as for `make_video`. The film takes its name when the
    `with` block ends well; if it ends with an exception, nothing stays.
    """

    def __init__(
        self,
        output: Path,
        size: tuple[int, int],
        fps: float = DEFAULT_FPS,
        codec: str | None = None,
        film_format: str | None = None,
    ) -> None:
        codec, rate = choose_codec(output, fps, codec, film_format)
        self._shape = (size[1], size[0], 3)
        self._film = encoding(
            output, codec, format="rawvideo", pix_fmt="rgb24", framerate=rate, s=f"{size[0]}x{size[1]}"
        )

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


def checked_frames(frames_dir: Path) -> ChecksummedDir:
    """The folder, with the manifest that drawing gave it; frames without one are taken as they are."""
    return ChecksummedDir(frames_dir, lambda name: name == FRAMES_RECORD or bool(FRAME.fullmatch(name)))


def find_frames(frames_dir: Path) -> list[Path]:
    """The folder's frames in order: those named by this project, else PNGs that another program numbered.

    Raises UserError if there are none, a number of ours is missing, or they are of several series.
    """
    with os_errors_as(f"read the frames folder {frames_dir}"):
        every = os.listdir(frames_dir)
    names = {n for n in every if re.fullmatch(r"frame_[0-9]+\.png", n)}
    numbers = sorted(n for n in {int(name[6:-4]) for name in names} if FRAME_NAME % n in names)
    if not numbers:
        return [frames_dir / name for name in _numbered_by_others(frames_dir, every)]
    for wanted, number in enumerate(numbers, numbers[0]):
        if number != wanted:
            raise UserError(
                f"{frames_dir} lacks {FRAME_NAME % wanted}, though it has "
                f"{FRAME_NAME % number}; generate the frames again"
            )
    return [frames_dir / (FRAME_NAME % number) for number in numbers]


def _numbered_by_others(frames_dir: Path, names: Sequence[str]) -> list[str]:
    """`epoch_0.png`, `epoch_50.png`, `epoch_100.png`: by their numbers, which may have gaps.

    PNGs without a number are no frames. Raises UserError for none, and for names that differ in more.
    """
    series: dict[str, list[str]] = {}
    for name in names:
        if NUMBERED.fullmatch(name):
            series.setdefault(DIGITS.sub("#", name), []).append(name)
    if not series:
        raise UserError(
            f"no frames in {frames_dir}: wanted {FRAME_NAME % 0}, {FRAME_NAME % 1}, …, or PNGs "
            "with numbers in their names, as epoch_0.png, epoch_50.png, …"
        )
    if len(series) > 1:
        found = ", ".join(f"{name} ({len(of)})" for name, of in sorted(series.items())[:4])
        raise UserError(f"{frames_dir} holds frames of {len(series)} series: {found}; leave one there")
    (found_names,) = series.values()
    return sorted(found_names, key=lambda name: ([int(n) for n in DIGITS.findall(name)], name))


def _check_sizes(frames: list[Path]) -> None:
    first, *others = ((frame.name, _png_size(frame)) for frame in frames)
    for name, size in others:
        if size != first[1]:
            unlike = f"{first[0]} is {first[1]}, {name} is {size}"
            raise UserError(f"frames of different sizes: {unlike}; generate all with one --size")


def _png_size(frame: Path) -> str:
    """`<width>x<height>` in pixels, from the header; UserError if the file is not a whole PNG."""
    with os_errors_as(f"read {frame}"), open(frame, "rb") as file:
        head = file.read(_PNG_HEAD.size).ljust(_PNG_HEAD.size, b"\0")
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(_PNG_END)))
        start, width, height = _PNG_HEAD.unpack(head)
        if start != _PNG_START or file.read() != _PNG_END or not width * height:
            raise UserError(f"{frame} is not a PNG, or is cut short; generate it again")
    return f"{width}x{height}"


def _record(files: ChecksummedDir) -> dict[str, Any]:
    """``frames.json`` of the folder, {} without one; raises ValueError if it is no object."""
    if not (files.path / FRAMES_RECORD).exists():
        return {}
    stored = json.loads(files.read(FRAMES_RECORD))
    if not isinstance(stored, dict):
        raise ValueError("it holds no object")
    return stored


def _stored_fps(files: ChecksummedDir) -> float:
    try:
        fps = _record(files).get("fps", DEFAULT_FPS)
        if isinstance(fps, bool | str):  # float() would take both
            raise ValueError(f"fps is {fps!r}")
        return float(fps)
    except (ValueError, TypeError, OverflowError) as error:
        path = files.path / FRAMES_RECORD
        raise UserError(f"no frame rate in {path} ({error}); mend it, or give --fps") from None


SIZE = (64, 48)


def require_films(folders: Sequence[Path]) -> None:
    """Raises UserError unless the folders can be written and ffmpeg makes a film in the first.

    The folders and a tiny film in the first of them are made, and vanish again.
    """
    with ExitStack() as made:
        for folder in folders:
            made.enter_context(folder_for(folder))
        scratch = made.enter_context(scratch_folder(folders[0], ".ready-"))
        with VideoWriter(scratch / "film.mp4", SIZE) as film:
            film.write(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
