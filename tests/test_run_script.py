"""``./run`` before it makes anything: its usage, to whom asks and to whom mistypes."""

import subprocess

import pytest

from tests.conftest import ROOT

COMMANDS = ("demo", "page", "story", "show", "docs", "test")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", str(ROOT / "run"), *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("ask", ["--help", "-h", "help"])
def test_usage_for_whom_asks(ask: str) -> None:
    done = run(ask)
    assert (done.returncode, done.stderr) == (0, "")
    named = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("./run ")]
    assert named == list(COMMANDS)


@pytest.mark.parametrize("arguments", [(), ("nonsense",)])
def test_usage_for_whom_mistypes(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", run("--help").stdout)
