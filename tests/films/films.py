"""The three films of one operation, and folders of frames looked into."""

from pathlib import Path

from grokking.films.film import FilmOptions
from grokking.films.kinds.circle import FILM as CIRCLE
from grokking.films.kinds.clean import FILM as CLEAN
from grokking.films.kinds.sine import FILM as SINE

FILMS = [CIRCLE, CLEAN, SINE]
BRIEF = FilmOptions(size=(480, 320), jobs=1)


def frame_bytes(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("frame_*.png"))]


def names(folder: Path) -> list[str]:
    """All names in a folder but the manifest's, which every folder of frames has."""
    return sorted(path.name for path in folder.iterdir() if path.name != "manifest.json")
