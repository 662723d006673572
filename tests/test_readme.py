"""The commands of all documents are accepted, and those under "A whole run" of the README are run, small."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grokking.cli.command import COMMANDS
from grokking.cli.main import parser_of
from grokking.errors import UserError
from tests.conftest import ROOT

DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "howto").glob("*.md")),
    *sorted((ROOT / "results").glob("*.md")),
]
SHIMS = {"train_with_metrics.py": ["train"]} | {
    f"generate_{film}_frames.py": ["frames", film] for film in ("circle", "clean", "sine")
}
SHELL = re.compile(r"\$|[*?]|…|\.\.\.|--help|^(for|done|cd)\b")
"""Lines that a shell has to read first, or that leave something out."""
FIXED = [
    "python train_with_metrics.py --n_epochs 30000 --checkpoint_every 1000",
    *(
        f"python generate_{film}_frames.py phase_transition/checkpoints/default "
        f"phase_transition/checkpoints/default/history.json --output_dir frames_{film}/default"
        for film in ("circle", "clean", "sine")
    ),
    "ffmpeg -framerate 4 -i frames_circle/default/frame_%05d.png "
    "-vf 'scale=trunc(iw/2)*2:trunc(ih/2)*2' -c:v mpeg4 -q:v 3 circle_emergence.mp4",
]
"""Commands that people have typed from elsewhere, and that must work as they are."""


def blocks(path: Path) -> Iterator[str]:
    """The command lines of a document's shell blocks, continued lines joined, comments taken off."""
    for block in re.findall(r"^```sh\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            text = re.sub(r"\s+#.*", "", line).strip()
            if text and not text.startswith("#"):
                yield text


def inline(path: Path) -> Iterator[str]:
    """Commands in the midst of text, between backquotes; they may be without their run."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    yield from (line.replace("\n", " ") for line in re.findall(r"`(grokking \w+ [^`|]+)`", text))


def subcommand(line: str) -> list[str] | None:
    """What follows ``grokking`` in a command line, None for another program's."""
    words = shlex.split(line)
    if words[0] == "grokking":
        return words[1:]
    if words[:3] == ["python", "-m", "grokking"]:
        return words[3:]
    if words[0] == "python" and words[1] in SHIMS:
        return [*SHIMS[words[1]], *words[2:]]
    return None


LINES = [(path, line) for path in DOCUMENTS for line in blocks(path)]
TYPED = [
    (path.relative_to(ROOT), line, whole)
    for path in DOCUMENTS
    for line, whole in [*((line, True) for line in blocks(path)), *((line, False) for line in inline(path))]
    if not SHELL.search(line) and subcommand(line)
]


@pytest.mark.parametrize("path, line, whole", TYPED, ids=[f"{path}: {line}"[:100] for path, line, _ in TYPED])
def test_every_command_of_the_documents_is_accepted(path: Path, line: str, whole: bool) -> None:
    name, *rest = subcommand(line) or []
    try:
        parser_of(COMMANDS.get(name), f"grokking {name}").read(rest)
    except UserError as error:
        if whole or "the following arguments are required" not in str(error):
            raise


def test_commands_were_found() -> None:
    names = {(subcommand(line) or [""])[0] for _, line, _ in TYPED}
    assert {"train", "frames", "video", "sweep", "report", "figures", "page", "import", "export"} <= names
    assert len(TYPED) > 40


def test_the_fixed_commands_stand_in_the_readme() -> None:
    typed = [" ".join(line.split()) for line in blocks(ROOT / "README.md")]
    assert [line for line in FIXED if line not in typed] == []


def test_no_document_names_a_script_that_is_gone() -> None:
    scripts = {path.name for path in ROOT.glob("*.py")}
    assert scripts == set(SHIMS)
    for path in DOCUMENTS:
        named = re.findall(r"\bpython (\w+\.py)", path.read_text(encoding="utf-8"))
        assert set(named) <= scripts, path


@pytest.mark.slow
def test_a_whole_run_as_the_readme_has_it(tiny_flags: list[str], tmp_path: Path) -> None:
    """Verbatim but for the size of the network and its number of epochs, in a folder of their own."""
    for name in SHIMS:
        shutil.copy(ROOT / name, tmp_path)
    (whole,) = re.findall(
        r"^## A whole run\n(.*?)^## ", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    lines = [line for _, line in LINES if line in " ".join(re.sub(r"\\\n\s*", "", whole).split("\n"))]
    assert len(lines) == 6
    for line in lines:
        words = shlex.split(line)
        if words[0] == "ffmpeg":
            from imageio_ffmpeg import get_ffmpeg_exe

            words[0] = get_ffmpeg_exe()
        else:
            words[0] = sys.executable
        if "train_with_metrics.py" in words:
            words += tiny_flags
        if "history.json" in line:
            words += ["--n_frames", "3", "--jobs", "1"]
        done = subprocess.run(
            words, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    for film in ("circle", "clean", "sine"):
        assert len(list((tmp_path / f"frames_{film}" / "default").glob("frame_*.png"))) == 3
    assert (tmp_path / "frames_circle" / "default.mp4").stat().st_size > 0
    assert (tmp_path / "circle_emergence.mp4").stat().st_size > 0
