"""The table of waits: its rows, a row that fails, and what a command costs."""

import sys
from pathlib import Path

import pytest

from benchmarks import waits
from benchmarks.speed_table import ROWS, Row, chosen, measured
from grokking.errors import UserError


def test_a_row_that_fails_says_so_and_keeps_to_its_cell() -> None:
    def broken(_: int) -> str:
        raise ValueError("a | b\nc")

    assert measured(Row("x", "y", broken), 1) == "failed: ValueError: a / b c"
    assert measured(Row("x", "y", lambda rounds: f"{rounds} rounds"), 3) == "3 rounds"


def test_rows_are_chosen_by_name() -> None:
    assert list(chosen([])) == list(ROWS)
    assert list(chosen(["help", "first"])) == ["first", "help"]
    with pytest.raises(UserError, match="unknown row 'x'; known: first, warm"):
        chosen(["x"])


def test_what_a_command_costs_counts_the_processor_not_the_waiting(tmp_path: Path) -> None:
    waited = waits.cost([sys.executable, "-S", "-c", "import time; time.sleep(0.5)"], tmp_path)
    assert waited.seconds > 0.5 > waited.processor
    both = waited + waits.Cost(1, 2)
    assert (both.seconds, both.processor) == (waited.seconds + 1, waited.processor + 2)
    cells = waits.text([waits.Cost(1, 2), waits.Cost(3, 4), waits.Cost(2, 2)])
    assert cells == "2.0 s (1.0 – 3.0), 2.0 processor seconds (2.0 – 4.0)"


def test_the_page_measured_is_the_page_of_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []

    def noted(line: str, folder: Path) -> waits.Cost:
        lines.append(line)
        return waits.Cost(1, 1)

    monkeypatch.setattr(waits, "grokking", noted)
    waits.recorded_page(1)
    (words,) = (line.split() for line in lines)
    assert words[:2] == ["page", "docs/recorded/addition"]
    assert words[-2] == "--output_dir"
    assert words[-1].endswith("site")
