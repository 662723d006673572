"""Progress lines: every value stands beside the epoch at which it was measured."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.runs.run import Run
from grokking.storage.run_directory import RunDirectory
from grokking.training import loop
from grokking.training.loop import Execution, Job, train
from grokking.training.progress import Progress

LINE = re.compile(
    r"[^:]+: (?:epoch|epochs of all runs) (?P<done>\d+)/(?P<total>\d+)  (?:(?P<run>\w+) )?"
    r"at epoch (?P<epoch>\d+): loss (?P<train_loss>\S+)/(?P<test_loss>\S+) "
    r"acc (?P<train_acc>\S+)/(?P<test_acc>\S+) \(train/test\)  \S+ epochs/s  \d+ s left"
)


Lines = Callable[[], list[re.Match[str]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lines:
    """lines() are all progress lines so far, of which there is one at every update."""
    monkeypatch.setattr(loop, "Progress", partial(Progress, every=0.0))

    def read() -> list[re.Match[str]]:
        found = [LINE.fullmatch(text) for text in capsys.readouterr().err.splitlines()]
        assert found
        assert all(found)
        return [match for match in found if match is not None]

    return read


def assert_as_in_history(line: re.Match[str], run: Run) -> None:
    row = run.history["epochs"].index(int(line["epoch"]))
    for name in ("train_loss", "test_loss"):
        assert line[name] == f"{run.history[name][row]:.2e}"
    for name in ("train_acc", "test_acc"):
        assert line[name] == f"{run.history[name][row]:.3f}"


def test_a_line_has_the_values_of_the_epoch_that_it_names(
    config: RunConfig, train_run: Callable[..., Path], tmp_path: Path, lines: Lines
) -> None:
    run = Run(train_run(config, tmp_path / "run"))
    found = lines()
    for line in found:
        assert_as_in_history(line, run)
        # Rows come every seven epochs; a line names the newest that there is.
        assert int(line["epoch"]) == max(e for e in run.history["epochs"] if e <= int(line["done"]))
    assert [line["epoch"] for line in found if line["done"] == "14"] == ["14"]
    assert (found[-1]["done"], found[-1]["epoch"]) == ("60", "60")


def test_lines_of_several_runs_name_the_run_too(config: RunConfig, tmp_path: Path, lines: Lines) -> None:
    paths = [tmp_path / f"seed_{seed}" for seed in range(2)]
    train(
        [Job(replace(config, seed=i), RunDirectory(path)) for i, path in enumerate(paths)],
        Execution(engine="batched"),
    )
    runs = {path.name: Run(path) for path in paths}
    found = lines()
    assert found[-1]["total"] == "120"
    for line in found:
        assert_as_in_history(line, runs[line["run"]])


def test_a_run_that_diverges_shows_the_epoch_of_its_last_row(
    config: RunConfig, train_run: Callable[..., Path], tmp_path: Path, lines: Lines
) -> None:
    with pytest.raises(UserError, match="not finite at epoch"):
        train_run(replace(config, lr=1e30, n_epochs=200), tmp_path / "run")
    last = lines()[-1]
    assert int(last["epoch"]) < int(last["done"])
    assert_as_in_history(last, Run(tmp_path / "run"))


def test_the_bar_of_a_terminal_names_the_epoch_too() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    row = {"train_loss": 1.0, "test_loss": 2.0, "train_acc": 0.5, "test_acc": 0.25}
    stream = Terminal()
    with Progress("run", 0, 60, stream) as shown:
        shown.show(10, row)
        shown.update(14)
        shown.bar.refresh()
    assert "14/60" in stream.getvalue()
    assert "at epoch 10: loss 1.00e+00/2.00e+00 acc 0.500/0.250 (train/test)" in stream.getvalue()
