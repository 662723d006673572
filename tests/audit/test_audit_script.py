"""The two scripts from the command line: what they print, and how mistakes end."""

import re
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audit.handbuilt import handbuilt_config, handbuilt_weights, write_run


@pytest.fixture
def call(root, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """call("audit_circuit.py", argument, …) gives exit code, stdout and stderr."""

    def run(script: str, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", [script, *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            runpy.run_path(str(root / script), run_name="__main__")
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


@pytest.mark.slow
def test_an_audit_says_its_verdict_and_where_it_lies(call, tmp_path: Path):
    config = handbuilt_config()
    run = write_run(tmp_path / "run", config, handbuilt_weights(config))
    code, out, err = call("audit_circuit.py", run.directory.path)
    assert code == 0
    assert re.fullmatch(
        r"(run: audit of add: [1-4]/5 parts  \d+\.\d s\n)*"
        r"run: audit of add: 5/5 parts  \d+\.\d s\n",
        err,
    )
    assert out.splitlines() == [
        "add at epoch 0: circuit",
        str(tmp_path / "run" / "audit.json"),
        str(tmp_path / "run" / "audit_add.png"),
    ]


@pytest.mark.parametrize("script", ["audit_circuit.py", "draw_maths.py"])
def test_a_folder_that_is_no_run_is_one_line_and_code_two(call, tmp_path, script):
    code, _, err = call(script, tmp_path)
    assert code == 2
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1


def test_one_epoch_or_all_of_them(call, tmp_path):
    code, _, err = call("audit_circuit.py", tmp_path, "--over_training", "--epoch", 3)
    assert (code, err) == (2, "error: --over_training audits every kept checkpoint; leave --epoch out\n")
