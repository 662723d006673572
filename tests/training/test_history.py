"""The growing history: every list aligned with its epochs, rows in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokking.config import RunConfig
from grokking.training.state import History

CONFIG = RunConfig(p=7)


def history(*epochs: int) -> History:
    made = History()
    for epoch in epochs:
        made.append(epoch, {"loss": epoch / 10, "keys": [epoch], "missing": None})
    return made


@given(
    st.lists(st.integers(0, 500), unique=True, max_size=40).map(sorted),
    st.integers(0, 600),
    st.integers(1, 60),
)
def test_lists_stay_aligned(epochs: list[int], last: int, log_every: int) -> None:
    cut = history(*epochs)
    cut.truncate(last, log_every)
    kept = [e for e in epochs if e <= last and e % log_every == 0]
    assert cut.epochs == kept
    if epochs:
        assert cut.columns == {
            "loss": [e / 10 for e in kept],
            "keys": [[e] for e in kept],
            "missing": [None] * len(kept),
        }
    record = cut.record(CONFIG, {"grokking_epoch": None})
    again = History.from_record(record)
    assert (again.epochs, again.columns) == (cut.epochs, cut.columns)


def test_the_record_is_what_the_run_directory_documents() -> None:
    record = history(0, 50).record(CONFIG, {"grokking_epoch": 10})
    assert record == {
        "config": CONFIG.as_dict(),
        "grokking_epoch": 10,
        "epochs": [0, 50],
        "loss": [0.0, 5.0],
        "keys": [[0], [50]],
        "missing": [None, None],
    }


def test_a_record_that_was_read_can_be_continued() -> None:
    again = History.from_record(history(0, 50).record(CONFIG, {"grokking_epoch": None}))
    again.append(100, {"loss": 10.0, "keys": [100], "missing": None})
    assert (again.epochs, again.columns) == (history(0, 50, 100).epochs, history(0, 50, 100).columns)


@pytest.mark.parametrize("epoch", [50, 49, 0])
def test_rows_come_in_order(epoch: int) -> None:
    with pytest.raises(ValueError, match=f"row {epoch} does not follow row 50"):
        history(0, 50).append(epoch, {"loss": 0.0, "keys": [], "missing": None})


def test_a_metric_that_a_row_lacks_is_null_there() -> None:
    made = history(0, 50)
    made.append(100, {"loss": 10.0, "new": 1})
    made.append(150, {"loss": 15.0, "keys": [150], "missing": None})
    assert made.epochs == [0, 50, 100, 150]
    assert made.columns == {
        "loss": [0.0, 5.0, 10.0, 15.0],
        "keys": [[0], [50], None, [150]],
        "missing": [None] * 4,
        "new": [None, None, 1, None],
    }


def test_a_shorter_runs_last_row_is_dropped_when_it_is_off_the_grid() -> None:
    made = history(0, 50, 100, 130)
    made.truncate(130, 50)
    assert made.epochs == [0, 50, 100]
