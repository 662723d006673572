"""What a run directory lost: made again where that is possible, else refused, and what is left stays."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError
from grokking.storage.run_directory import RunDirectory

Contents = Callable[[Path], dict[str, bytes]]
TrainRun = Callable[..., Path]


@pytest.mark.parametrize("damage", [b"", b"not weights", None])
def test_an_older_checkpoint_stands_in_for_a_damaged_one(
    damage: bytes | None,
    copied: Path,
    whole: Path,
    config: RunConfig,
    train_run: TrainRun,
    results: Contents,
    capsys: pytest.CaptureFixture[str],
) -> None:
    newest = copied / "checkpoint_e000060.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] if damage is None else damage)
    train_run(config, copied)
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning:")]
    assert len(warnings) == 1
    assert newest.name in warnings[0]
    assert results(copied) == results(whole)


def test_a_damaged_checkpoint_of_a_longer_run_does_not_stop_an_extension(
    copied: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path, results: Contents
) -> None:
    newest = copied / "checkpoint_e000060.safetensors"
    newest.write_bytes(newest.read_bytes()[:1000])
    longer = replace(config, n_epochs=80)
    assert results(train_run(longer, copied)) == results(train_run(longer, tmp_path / "long"))


def test_a_damaged_old_checkpoint_does_not_stop_a_run(
    copied: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path, contents: Contents
) -> None:
    """It cannot be made again, but all the rest can go on, and it is not thrown away."""
    old = RunDirectory(copied).epochs()[-2]
    path = RunDirectory(copied).checkpoint_path(old)
    path.write_bytes(path.read_bytes()[:1000])
    longer = replace(config, n_epochs=80)
    train_run(longer, copied)
    expected = contents(train_run(longer, tmp_path / "long"))
    found = contents(copied)
    for files in (expected, found):
        for name in ("config.json", "manifest.json", path.name):
            files.pop(name, None)
    assert found == expected


def test_a_checkpoint_whose_matrices_do_not_fit_is_passed_over(
    copied: Path, whole: Path, config: RunConfig, train_run: TrainRun, results: Contents
) -> None:
    state = RunDirectory(copied).load(60)
    del state.weights["W_O"]
    RunDirectory(copied).checkpoint_path(60).write_bytes(state.to_bytes())
    assert results(train_run(config, copied)) == results(whole)


def test_a_run_without_any_good_checkpoint_is_refused_and_kept(
    copied: Path, config: RunConfig, train_run: TrainRun, contents: Contents
) -> None:
    for path in copied.glob("*.safetensors"):
        path.write_bytes(b"gone")
    before = contents(copied)
    with pytest.raises(UserError, match="overwrite"):
        train_run(config, copied)
    assert contents(copied) == before


def test_weights_without_optimiser_state_are_not_continued(
    copied: Path, config: RunConfig, train_run: TrainRun, contents: Contents
) -> None:
    directory = RunDirectory(copied)
    for epoch in directory.epochs()[-2:]:
        directory.checkpoint_path(epoch).unlink()
    before = contents(copied)
    with pytest.raises(UserError, match="optimiser state"):
        train_run(replace(config, n_epochs=90), copied)
    assert contents(copied) == before


@pytest.mark.parametrize("damage", ["truncated", "missing", "not ours", "too short"])
def test_a_damaged_history_is_refused_and_nothing_is_lost(
    damage: str, copied: Path, config: RunConfig, train_run: TrainRun, contents: Contents
) -> None:
    path = copied / "history.json"
    record = json.loads(path.read_text())
    if damage == "missing":
        path.unlink()
    elif damage == "too short":
        short = {name: v[:3] if isinstance(v, list) else v for name, v in record.items()}
        path.write_text(json.dumps(short))
    else:
        path.write_bytes(path.read_bytes()[:500] if damage == "truncated" else b'{"loss": []}')
    # A damaged checkpoint beside it must survive the refusal as well.
    newest = copied / "checkpoint_e000060.safetensors"
    newest.write_bytes(newest.read_bytes()[:1000])
    before = contents(copied)
    with pytest.raises(UserError, match=r"history\.json") as caught:
        train_run(replace(config, n_epochs=90), copied)
    assert "\n" not in str(caught.value)
    assert contents(copied) == before


def test_a_history_that_lost_a_column_is_damaged(
    copied: Path, config: RunConfig, train_run: TrainRun
) -> None:
    path = copied / "history.json"
    record = json.loads(path.read_text())
    del record["train_loss"]
    path.write_text(json.dumps(record))
    with pytest.raises(DamagedFile, match=r"history\.json"):
        train_run(replace(config, n_epochs=90), copied)
