"""``grokking audit`` from the command line: what it prints, and how mistakes end."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit.handbuilt import handbuilt_config, handbuilt_weights, write_run


@pytest.mark.slow
def test_an_audit_says_its_verdict_and_where_it_lies(script: Callable[..., Any], tmp_path: Path) -> None:
    config = handbuilt_config()
    run = write_run(tmp_path / "run", config, handbuilt_weights(config))
    ended = script("audit", run.directory.path)
    assert ended.code == 0
    assert re.fullmatch(
        r"(run: audit of add: [1-4]/5 parts  \d+\.\d s\n)*"
        r"run: audit of add: 5/5 parts  \d+\.\d s\n",
        ended.err,
    )
    assert ended.out.splitlines() == [
        "add at epoch 0: circuit",
        str(tmp_path / "run" / "audit.json"),
        str(tmp_path / "run" / "audit_add.png"),
    ]


@pytest.mark.parametrize("command", [["audit"], ["audit", "--over_training"], ["figures", "--maths"]])
def test_a_folder_that_is_no_run_is_one_line_and_code_two(
    command: list[str], script: Callable[..., Any], tmp_path: Path
) -> None:
    name, *flags = command
    script(name, tmp_path, *flags).assert_refused("no config.json")


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--over_training", "--epoch", 3], "--over_training audits every checkpoint; leave --epoch out"),
        (["--thorough"], "--thorough goes with --over_training"),
    ],
)
def test_flags_that_do_not_go_together(
    flags: list[object], words: str, script: Callable[..., Any], tmp_path: Path
) -> None:
    script("audit", tmp_path, *flags).assert_refused(words)
