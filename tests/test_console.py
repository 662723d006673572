"""Whatever encoding a terminal has, and whenever its reader goes away: words arrive, and no traceback."""

import ast
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from grokking.cli.command import COMMANDS
from grokking.cli.console import ERRORS, EXIT_CLOSED_PIPE, SUBSTITUTES, make_safe, run_script
from grokking.cli.main import main as grokking
from grokking.errors import UserError, warn
from grokking.films.registry import FILMS
from tests.conftest import ROOT
from tests.interop.foreign import Nanda2022

ENCODINGS = ("ascii", "cp932", "cp949", "cp1252")
HELP = [
    "--help",
    *(f"{name} --help" for name in [*COMMANDS.names(), *(f"frames {film.name}" for film in FILMS)]),
]
Spoken = Callable[..., tuple[int, str, str]]


def in_encoding(text: str, encoding: str) -> str:
    """The text as such a terminal is to show it; KeyError for a character without a substitute."""

    def shown(character: str) -> str:
        try:  # there and back, as cp932 has two readings of some bytes
            return character.encode(encoding).decode(encoding)
        except UnicodeEncodeError:
            return SUBSTITUTES[character]

    return "".join(map(shown, text))


def stream(encoding: str) -> io.TextIOWrapper:
    """Text that is encoded as strictly as Python's own stdout does it."""
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", write_through=True)


def written(to: io.TextIOWrapper) -> str:
    return to.buffer.getvalue().decode(to.encoding)  # type: ignore[attr-defined]


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> Spoken:
    """spoken(encoding, main or command, argument, …): exit code, stdout and stderr on such a terminal."""

    def run(encoding: str, main: Callable[[], None] | str, *arguments: object) -> tuple[int, str, str]:
        out, err = stream(encoding), stream(encoding)
        with monkeypatch.context() as patched:
            patched.setattr("sys.stdout", out)
            patched.setattr("sys.stderr", err)
            code = 0
            try:
                if isinstance(main, str):
                    grokking([*main.split(), *map(str, arguments)])
                else:
                    run_script(main)
            except SystemExit as end:
                code = int(end.code or 0)
        return code, written(out), written(err)

    return run


@pytest.mark.parametrize("line", HELP)
def test_help_is_the_same_in_every_encoding(line: str, spoken: Spoken) -> None:
    code, whole, _ = spoken("utf-8", line)
    assert (code, whole.startswith("usage: grokking")) == (0, True)
    for encoding in ENCODINGS:
        assert spoken(encoding, line) == (0, in_encoding(whole, encoding), "")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_lists_tables_and_warnings_in_every_encoding(
    encoding: str, spoken: Spoken, tiny_run: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "comparison.png"
    for arguments in (
        ("figures", "--list"),
        ("compare", tiny_run, "--markdown"),
        ("compare", tiny_run, "--output", picture),
        ("sweep", "--p", "7", "--seed", "0:2", "--list"),
    ):
        code, whole, _ = spoken("utf-8", *arguments)
        assert code == 0
        assert whole
        assert spoken(encoding, *arguments)[:2] == (0, in_encoding(whole, encoding))

    def refused() -> None:
        warn("a – b → c")
        raise UserError("ω ≤ 3 …")

    words = in_encoding("warning: a – b → c\nerror: ω ≤ 3 …\n", encoding)
    assert spoken(encoding, refused) == (2, "", words)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_import_prints_the_path_of_its_run(encoding: str, spoken: Spoken, tmp_path: Path) -> None:
    source, run = tmp_path / "weights.pt", tmp_path / "run"
    torch.save(Nanda2022(7).state_dict(), source)
    code, out, err = spoken(encoding, "import", source, "--output_dir", run)
    assert (code, out.splitlines()[-1]) == (0, str(run))
    assert "heads" in out
    assert "Traceback" not in err


def test_the_characters_of_our_own_words() -> None:
    ascii_stream, japanese = stream("ascii"), stream("cp932")
    make_safe(ascii_stream, japanese)
    for to in (ascii_stream, japanese):
        to.write("a · b – c … ω × √n → R²")
    assert written(ascii_stream) == "a * b - c ... omega x sqrt n -> R^2"
    assert written(japanese) == "a * b - c … ω × √n → R^2"  # which has all but the dot, the dash and ²


def test_names_of_files_are_never_replaced_by_a_likeness() -> None:
    to = stream("ascii")
    make_safe(to, None, io.StringIO())  # type: ignore[arg-type]
    to.write("é 결과 " + os.fsdecode(b"\xff"))
    assert to.buffer.getvalue() == b"\\xe9 \\uacb0\\uacfc \xff"  # type: ignore[attr-defined]


def test_only_encoding_is_helped() -> None:
    make_safe()
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", ERRORS)


def words_of(path: Path) -> set[str]:
    """Characters beyond ASCII in the strings of a module, its docstring as a help text among them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes
    ]
    return {c for c in "".join([*found, ast.get_docstring(tree) or ""]) if not c.isascii()}


def test_every_character_of_our_words_has_a_substitute_in_ascii() -> None:
    modules = [*ROOT.glob("*.py"), *(ROOT / "grokking").rglob("*.py")]
    missing = {c: path.name for path in modules for c in words_of(path) - set(SUBSTITUTES)}
    assert missing == {}
    assert all(text.isascii() for text in SUBSTITUTES.values())


def real(*arguments: object, encoding: str = "", **pipes: object) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment |= {"PYTHONIOENCODING": encoding} if encoding else {}
    return subprocess.Popen([sys.executable, *map(str, arguments)], cwd=ROOT, env=environment, **pipes)  # type: ignore[call-overload]


def test_a_real_terminal_of_cp932() -> None:
    command = real("-m", "grokking", "train", "--help", encoding="cp932", stdout=-1, stderr=-1)
    out, err = command.communicate()
    assert (command.returncode, err) == (0, b"")
    assert "lr * min(updates so far / warmup, 1)" in " ".join(out.decode("cp932").split())


@pytest.mark.parametrize("lines, code", [(1, 0), (100_000, EXIT_CLOSED_PIPE)])
def test_a_reader_that_goes_away_is_no_error(lines: int, code: int) -> None:
    """Before anything is written, in one piece at the end or in the middle of the work."""
    script = (
        "import sys; from grokking.cli.console import run_script\n"
        f"def main():\n    sys.stdin.read()\n    for _ in range({lines}): print('line')\n"
        "run_script(main)"
    )
    command = real("-c", script, stdin=-1, stdout=-1, stderr=-1)
    assert command.stdin is not None
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.close()
    command.stdin.close()  # only now does it begin to write
    assert command.stderr.read() == b""
    command.stderr.close()
    assert command.wait() == code


def test_a_reader_of_the_errors_that_goes_away_is_no_error_either() -> None:
    script = (
        "import sys; from grokking.cli.console import run_script; from grokking.errors import UserError\n"
        "def main():\n    sys.stdin.read()\n    raise UserError('nobody reads this')\n"
        "run_script(main)"
    )
    command = real("-c", script, stdin=-1, stdout=-1, stderr=-1)
    assert command.stdin is not None
    assert command.stdout is not None
    assert command.stderr is not None
    command.stderr.close()
    command.stdin.close()
    assert command.stdout.read() == b""
    command.stdout.close()
    assert command.wait() == EXIT_CLOSED_PIPE
