"""What is counted passes through unchanged; without a terminal a person reads plain lines."""

import io
import re

import pytest

from grokking.progress_bar import shown, tracked


def test_progress_on_plain_lines() -> None:
    stream = io.StringIO()
    assert list(tracked("abc", "drawing", 3, stream)) == ["a", "b", "c"]
    assert re.fullmatch(r"drawing: 3/3 frames  \d+\.\d s\n", stream.getvalue())


def test_lines_are_plain_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(shown([0, 10, 20], "small")) == [0, 10, 20]
    captured = capsys.readouterr()
    assert captured.err == "small: checkpoint 3/3\n"
    assert captured.out == ""
