"""The command and its subcommands as they are found, helped with and refused."""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grokking.cli.command import COMMANDS
from grokking.cli.commands.frames import add_film_flags
from grokking.cli.main import parser_of
from grokking.cli.parser import Parser, with_underscores
from grokking.films.film import FilmOptions
from grokking.films.registry import FILMS
from tests.conftest import ROOT, Ended

HEAVY = ("torch", "matplotlib", "numba", "scipy", "PIL", "safetensors")
SHIMS = {"train_with_metrics": "train"} | {
    f"generate_{film}_frames": f"frames {film}" for film in ("circle", "clean", "sine")
}
LINES = ["", *COMMANDS.names(), *(f"frames {film.name}" for film in FILMS)]
LOADED = """
import sys
sys.argv = sys.argv[1:]
program = sys.argv[0]
try:
    if program.endswith(".py"):
        import runpy
        runpy.run_path(program, run_name="__main__")
    else:
        from grokking.cli.entry import main
        main()
finally:
    print([name for name in HEAVY if name in sys.modules], file=sys.stderr)
"""
NEW_FILM = '''
"""Film nothing, in one module."""

from grokking.films.registry import FILMS, FilmEntry


def load():
    from grokking.films.kinds.circle import FILM

    return FILM


FILMS.register(FilmEntry("nothing", "nothing at all", __doc__, load, own={"frequency": "which"}, rank=1))
'''


def ended(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("line", [*(f"grokking {line}" for line in LINES), *(f"{name}.py" for name in SHIMS)])
def test_help_comes_without_what_computes_and_draws(line: str) -> None:
    """Loading that takes seconds."""
    done = ended("-c", LOADED.replace("HEAVY", repr(HEAVY)), *line.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert done.stdout.startswith(f"usage: {line.strip()}")


def test_the_overview_names_every_command_once(script: Callable[..., Ended]) -> None:
    out = script("--help").out
    named = [line.split()[0] for line in out.split("commands:\n")[1].splitlines()]
    assert named == COMMANDS.names()
    assert script("-h").out == out


def test_every_command_says_what_it_does(script: Callable[..., Ended]) -> None:
    for command in COMMANDS:
        assert f"grokking {command.name}" in command.description
        assert command.summary in script("--help").out


@pytest.mark.parametrize(
    "line, words",
    [
        ("", "no command was given; accepted: train, sweep"),
        ("trian", "unknown command 'trian'; known: train, sweep"),
        ("train_with_metrics.py", "unknown command"),
        ("frames", "the following arguments are required: FILM"),
    ],
)
def test_a_command_that_is_none(line: str, words: str, script: Callable[..., Ended]) -> None:
    script(line).assert_refused(words, "--help")


def test_the_version(script: Callable[..., Ended]) -> None:
    assert script("--version").out == script("-V").out == "grokking 0.2.0\n"


def flags_of(parser: argparse.ArgumentParser) -> list[str]:
    return sorted(set(re.findall(r"(?<![\w-])--[a-z]\w*", parser.format_help())))


@pytest.mark.parametrize("shim", SHIMS)
def test_a_script_of_0_1_is_its_command(shim: str) -> None:
    """The same help but for the name, and the same answer to a mistake."""
    command = SHIMS[shim].split()
    script, whole = (ended(*start, "--help") for start in ([f"{shim}.py"], ["-m", "grokking", *command]))
    assert script.returncode == whole.returncode == 0
    assert script.stdout.split() != whole.stdout.split()
    named = f"grokking {' '.join(command)}"
    assert " ".join(script.stdout.replace(f"usage: {shim}.py", f"usage: {named}").split()) == " ".join(
        whole.stdout.split()
    )
    for mistake in (["--no_such_flag"], ["nowhere", "nowhere", "nowhere"]):
        script, whole = (ended(*start, *mistake) for start in ([f"{shim}.py"], ["-m", "grokking", *command]))
        assert (script.returncode, script.stdout) == (whole.returncode, whole.stdout) == (2, "")
        assert script.stderr == whole.stderr.replace(named, f"{shim}.py")


@pytest.mark.slow
def test_the_script_that_trains_writes_what_the_command_writes(
    tiny_flags: list[str], tmp_path: Path, results: Callable[[Path], dict[str, bytes]]
) -> None:
    starts = {"script": ["train_with_metrics.py"], "command": ["-m", "grokking", "train"]}
    for name, start in starts.items():
        done = ended(*start, *tiny_flags, "--run_name", name, "--output_dir", str(tmp_path))
        assert (done.returncode, done.stdout) == (0, f"{tmp_path / name}\n"), done.stderr
    assert results(tmp_path / "script") == results(tmp_path / "command")


@pytest.mark.parametrize("name", COMMANDS.names())
def test_every_long_flag_may_have_hyphens(name: str) -> None:
    flags = flags_of(parser_of(COMMANDS.get(name), None))
    assert "--help" in flags
    assert with_underscores([flag.replace("_", "-") for flag in flags]) == flags


@pytest.mark.parametrize(
    "old, new",
    [
        (["--n-epochs", "3"], ["--n_epochs", "3"]),
        (["--no-layer_norm"], ["--no_layer_norm"]),
        (["--no-layer-norm"], ["--no_layer_norm"]),
        (["--keep", "few"], ["--checkpoint_density", "few"]),
        (["--keep=few"], ["--checkpoint_density=few"]),
        (["--recipe", "nanda"], ["--init_scheme", "nanda"]),
        (["--init", "portable"], ["--init_scheme", "portable"]),
        (["--output-dir=a-b", "c-d", "-1"], ["--output_dir=a-b", "c-d", "-1"]),
    ],
)
def test_flags_as_they_may_be_written(old: list[str], new: list[str]) -> None:
    assert with_underscores(old) == new


def test_the_flags_of_0_1_are_taken_by_sweeps_too(script: Callable[..., Ended]) -> None:
    ended = script("sweep", "--keep", "film", "--recipe", "nanda", "--train-frac", "0.1", "0.2", "--list")
    assert ended.code == 0
    assert len(ended.out.splitlines()) == 2


def test_a_film_is_asked_for_with_the_defaults_of_its_options() -> None:
    """They are typed into the flags, as the module that has them loads matplotlib."""
    parser, options = Parser(), FilmOptions()
    add_film_flags(parser, FILMS.get("circle"))
    given = parser.read(["RUN"])
    assert (given.fps, given.theme, given.view) == (options.fps, options.theme, options.view)
    assert given.size == "x".join(map(str, options.size))
    assert given.n_frames is given.jobs is given.direct is given.frequency is given.operation is None


def test_what_is_registered_is_what_is_drawn() -> None:
    assert [entry.load().name for entry in FILMS] == FILMS.names()
    own = {name for entry in FILMS for name in entry.own}
    assert own <= set(vars(FilmOptions()))


@pytest.mark.slow
def test_a_film_of_ones_own_is_one_module(tmp_path: Path, tiny_run: Path) -> None:
    (tmp_path / "nothing.py").write_text(NEW_FILM)
    own = {"GROKKING_PLUGINS": str(tmp_path / "nothing.py")}
    assert "nothing at all" in ended("-m", "grokking", "frames", "--help", **own).stdout
    flags = [
        "--size",
        "480x320",
        "--n-frames",
        "1",
        "--frequency",
        "2",
        "--output_dir",
        str(tmp_path / "out"),
    ]
    done = ended("-m", "grokking", "frames", "nothing", str(tiny_run), *flags, **own)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'out'}\n"), done.stderr
    assert (tmp_path / "out" / "frame_00000.png").exists()
