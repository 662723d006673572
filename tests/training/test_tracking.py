"""Trackers see the history as it grows, and only if they are asked for."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.runs.run import Run
from grokking.training.launch import Request, start_runs
from grokking.training.loop import Execution
from grokking.training.tracking import TRACKERS, scalars

CONFIG = RunConfig(p=5, d_model=8, n_heads=2, d_mlp=8, train_frac=0.5, n_epochs=20, log_every=10)
ON_THIS = Execution(engine="batched", threads=1)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[tuple[object, ...]]]:
    """fake(name) puts a tracker of two calls in the place of a package and returns what it is told."""

    def put(name: str) -> list[tuple[object, ...]]:
        calls: list[tuple[object, ...]] = []
        monkeypatch.setitem(
            sys.modules,
            name,
            SimpleNamespace(
                init=lambda **about: calls.append(("init", about["name"], about["config"]["p"])),
                log=lambda values, step: calls.append(("log", step, values)),
                finish=lambda: calls.append(("finish",)),
            ),
        )
        return calls

    return put


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_a_tracker_is_told_every_row_at_its_epoch(name: str, fake, tmp_path: Path) -> None:
    calls = fake(name)
    (path,) = start_runs({"a": CONFIG}, Request(tmp_path, execution=ON_THIS, tracker=name))
    history = Run(path).history
    assert calls[0] == ("init", "a", 5)
    assert calls[-1] == ("finish",)
    assert [entry[1] for entry in calls[1:-1]] == history["epochs"] == [0, 10, 20]
    for i, (_, _, values) in enumerate(calls[1:-1]):
        assert values["test_loss"] == history["test_loss"][i]
        assert values["n_key_frequencies"] == len(history["key_frequencies"][i])


def test_a_continued_run_tells_only_what_is_new(fake, tmp_path: Path) -> None:
    start_runs({"a": CONFIG}, Request(tmp_path, execution=ON_THIS))
    calls = fake("wandb")
    longer = RunConfig(**{**CONFIG.as_dict(), "n_epochs": 30})
    start_runs({"a": longer}, Request(tmp_path, execution=ON_THIS, tracker="wandb"))
    assert [entry[1] for entry in calls if entry[0] == "log"] == [30]


def test_tensorboard_gets_the_history(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (path,) = start_runs({"a": CONFIG}, Request(tmp_path, execution=ON_THIS, tracker="tensorboard"))
    events = EventAccumulator(str(path / "tensorboard"))
    events.Reload()
    history = Run(path).history
    found = events.Scalars("weight_norm")
    assert [e.step for e in found] == history["epochs"]
    assert [e.value for e in found] == pytest.approx(history["weight_norm"], rel=1e-6)


def test_unknown_and_missing_trackers_are_refused_before_any_work(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "trackio", None)
    for name, word in (("mlflow", "unknown tracker 'mlflow'"), ("trackio", "pip install trackio")):
        with pytest.raises(UserError, match=word):
            start_runs({"a": CONFIG}, Request(tmp_path, tracker=name))
        assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_no_tracker_is_imported_unless_asked_for() -> None:
    code = f"import sys, grokking.training.launch; assert not {{*{TRACKERS}}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scalars_are_the_single_numbers() -> None:
    row = {"test_loss": 1, "fourier_strength": None, "key_frequencies": [4, 2], "frequency_share": [0.5, 0.5]}
    assert scalars(row) == {"test_loss": 1.0, "n_key_frequencies": 2.0}


def test_objects_become_a_number_for_each_label_and_names_of_blocks_go() -> None:
    row = {
        "logit_similarity": {"sign": 0.5, "standard": 0.1},
        "dominant_block": "sign",
        "key_blocks": ["sign"],
    }
    assert scalars(row) == {
        "logit_similarity/sign": 0.5,
        "logit_similarity/standard": 0.1,
        "n_key_blocks": 1.0,
    }
