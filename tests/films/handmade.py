"""Frames drawn by hand, films looked into, and an ffmpeg that does as it is told."""

import os
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from grokking.films.encoder import find_ffmpeg

ORANGE = (230, 120, 20)
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
    stderr_text = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).stderr.decode()
    return next(line for line in stderr_text.splitlines() if "Video:" in line)


def pictures(film: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The film decoded: uint8 [frames, height, width, 3]."""
    command = [find_ffmpeg(), "-loglevel", "error", "-i", str(film.resolve()), "-f", "rawvideo"]
    done = subprocess.run([*command, "-pix_fmt", "rgb24", "-"], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, size[1], size[0], 3)


def fake_ffmpeg(folder: Path, ending: str) -> str:
    """A PATH on which `ffmpeg` is a shell script that ends as told."""
    folder.mkdir()
    (folder / "ffmpeg").write_text(FAKE + ending)
    (folder / "ffmpeg").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
