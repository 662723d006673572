"""Captions of a film: sentences with their times, burned into its frames and as .srt and .vtt files."""

import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from grokking.errors import UserError, os_errors_as
from grokking.films.png import png_bytes
from grokking.storage.atomic_io import write_bytes

FORMATS = (".srt", ".vtt")
BAND = 0.08
"""Height of the band that captions are burned into, of the frame's height; films keep only hints there."""
LETTERS = 92
"""Letters of a line of a burned caption; it has two lines at most."""
PAPER, INK = (16, 20, 27), (255, 255, 255)
_TIMES = re.compile(r"(?:(\d+):)?(\d\d):(\d\d)[.,](\d{3})")


@dataclass(frozen=True)
class Caption:
    """A sentence and the seconds at which it appears and goes."""

    start: float
    end: float
    text: str


def captions_of_frames(
    said: Sequence[tuple[int, str]], shown: Sequence[int], rate: float
) -> tuple[Caption, ...]:
    """Sentences that begin with a frame, as captions of a film.

    said: (number of a frame, sentence), in order.  shown: how many pictures show each frame.
    rate: pictures per second.
    """
    ends = [pictures / rate for pictures in accumulate(shown)]
    starts = [ends[frame - 1] if frame else 0.0 for frame, _ in said if frame < len(shown)]
    untils = [*starts[1:], ends[-1]]
    return tuple(
        Caption(start, end, text) for start, end, (_, text) in zip(starts, untils, said, strict=False)
    )


def caption_at(captions: Sequence[Caption], seconds: float) -> str:
    """The sentence that stands at a time; empty where none does."""
    return next((c.text for c in captions if c.start <= seconds < c.end), "")


def read_captions(path: Path) -> tuple[Caption, ...]:
    """The captions of an .srt or .vtt file; raises UserError for another file and for one without any."""
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"captions are {path}; accepted: a file that ends in {' or '.join(FORMATS)}")
    with os_errors_as(f"read {path}"):
        raw = path.read_bytes()
    text = raw.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    found = [caption for block in re.split(r"\n\s*\n", text) if (caption := _parsed(block))]
    if not found:
        raise UserError(
            f"{path} has no captions: wanted lines as 00:00:01.000 --> 00:00:04.000, and text below"
        )
    return tuple(found)


def _parsed(block: str) -> Caption | None:
    lines = block.strip().splitlines()
    at = next((i for i, line in enumerate(lines) if "-->" in line), None)
    times = _TIMES.findall(lines[at]) if at is not None else []
    if at is None or len(times) < 2:
        return None
    return Caption(_seconds(*times[0]), _seconds(*times[1]), " ".join(lines[at + 1 :]))


def _seconds(hours: str, minutes: str, seconds: str, thousandths: str) -> float:
    return 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds) + int(thousandths) / 1000


def write_captions(captions: Sequence[Caption], film: Path) -> list[Path]:
    """Write the captions next to a film, under its name, as .srt (SubRip) and as .vtt (WebVTT)."""
    srt = "\n".join(
        f"{i}\n{_clock(c.start, ',')} --> {_clock(c.end, ',')}\n{c.text}\n" for i, c in enumerate(captions, 1)
    )
    vtt = "\n".join(["WEBVTT\n", *(f"{_clock(c.start)} --> {_clock(c.end)}\n{c.text}\n" for c in captions)])
    paths = [film.with_suffix(suffix) for suffix in FORMATS]
    for path, text in zip(paths, (srt, vtt), strict=True):
        write_bytes(path, text.encode())
    return paths


def _clock(seconds: float, comma: str = ".") -> str:
    thousandths = round(1000 * seconds)
    minutes, rest = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{comma}{rest % 1000:03d}"


def burned(rgb: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """A frame, uint8 [height, width, 3], with a sentence on a dark band at its bottom."""
    if not text:
        return rgb
    picture = Image.fromarray(rgb)
    width, height = picture.size
    top = height - round(BAND * height)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, top, width, height), fill=PAPER)
    n_lines = -(-len(text) // LETTERS)
    lines = "\n".join(textwrap.wrap(text, len(text) // n_lines + 8))
    font = _font(max(8, round(0.028 * min(height, width * 9 / 16))))
    middle = (width / 2, (top + height) / 2)
    draw.multiline_text(middle, lines, fill=INK, font=font, anchor="mm", align="center", spacing=2)
    return np.asarray(picture)


def burned_png(png: bytes, text: str) -> bytes:
    """``burned`` for a frame that is a PNG."""
    return png_bytes(burned(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")), text)) if text else png


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def said_by_frames(record: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The sentences that ``frames.json`` holds; raises ValueError where they are damaged."""
    said = [(int(frame), str(text)) for frame, text in record.get("captions", [])]
    if any(later <= earlier for (earlier, _), (later, _) in pairwise(said)):
        raise ValueError("captions are not in the order of their frames")
    return said
