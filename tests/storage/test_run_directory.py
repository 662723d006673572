"""The run directory: what is kept, what is thinned, and what is refused by name."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError
from grokking.from_config import shape_of
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory, run_path

CONFIG = RunConfig(p=7, d_model=4, n_heads=2, d_mlp=4, n_epochs=50)
SIZES = shape_of(CONFIG).parameter_shapes()


def checkpoint(epoch: int, kept: str = "schedule", config: RunConfig = CONFIG) -> Checkpoint:
    weights = {name: torch.full(size, float(epoch)) for name, size in SIZES.items()}
    moments = {f"exp_avg.{name}": tensor + 1 for name, tensor in weights.items()}
    return Checkpoint(epoch, weights, config, kept, moments, {"best_accuracy": 0.25})


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    made = RunDirectory(tmp_path / "run")
    made.create(CONFIG, {"command": ["python"]})
    return made


# Names


@pytest.mark.parametrize("name", ["default", "p113_seed=3", "0", "a.b-c+d", "x" * 100])
def test_folder_names_are_accepted(name: str) -> None:
    assert run_path(Path("out"), name) == Path("out") / name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc", "a\\b", "a\n", "-rf", "é", "x" * 101, " "]
)
def test_names_that_are_empty_or_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="run_name") as caught:
        run_path(Path("out"), name)
    assert "\n" not in str(caught.value)


# Checkpoints


def test_a_checkpoint_comes_back_as_it_was(directory: RunDirectory) -> None:
    saved = checkpoint(30)
    directory.save(saved)
    found = directory.load(30)
    assert (found.epoch, found.kept, found.watch) == (30, "schedule", {"best_accuracy": 0.25})
    assert found.config.identity() == CONFIG.identity()
    for ours, theirs in ((found.weights, saved.weights), (found.optimiser, saved.optimiser)):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_equal_states_are_equal_bytes() -> None:
    one, other = checkpoint(3), checkpoint(3)
    other.weights = dict(reversed(other.weights.items()))
    other.watch = {"best_accuracy": 0.25}
    assert one.to_bytes() == other.to_bytes()
    assert one.to_bytes() == checkpoint(3, config=replace(CONFIG, n_epochs=99)).to_bytes()
    assert one.to_bytes() != checkpoint(4).to_bytes()


def test_only_the_two_newest_keep_the_optimiser(directory: RunDirectory) -> None:
    for epoch in range(6):
        directory.save(checkpoint(epoch))
    assert directory.epochs() == list(range(6))
    assert [bool(directory.load(e).optimiser) for e in range(6)] == [False] * 4 + [True] * 2
    assert all(directory.load(e).weights.keys() == SIZES.keys() for e in range(6))


def test_stop_overs_go_once_something_newer_exists(directory: RunDirectory) -> None:
    for epoch, kept in enumerate(["schedule", "", "last", "schedule", ""]):
        directory.save(checkpoint(epoch, kept))
    assert directory.epochs() == [0, 3, 4]
    directory.save(checkpoint(5))
    assert directory.epochs() == [0, 3, 5]
    assert [bool(directory.load(e).optimiser) for e in (0, 3, 5)] == [False, True, True]


def test_long_runs_outgrow_six_digits(directory: RunDirectory) -> None:
    for epoch in (999_990, 1_000_000):
        directory.save(checkpoint(epoch))
    assert directory.epochs() == [999_990, 1_000_000]
    assert directory.checkpoint_path(20).name == "checkpoint_e000020.safetensors"


def test_foreign_files_are_no_checkpoints(directory: RunDirectory) -> None:
    for name in ("checkpoint_e12.safetensors", "checkpoint_e000012.safetensors.tmp", "model.safetensors"):
        (directory.path / name).write_bytes(b"")
    assert directory.epochs() == []
    assert RunDirectory(directory.path / "absent").epochs() == []


def without_our_record(path: Path) -> bytes:
    return safetensors.torch.save(safetensors.torch.load(path.read_bytes()))


def without_config(path: Path) -> bytes:
    about = {"grokking": json.dumps({"epoch": 30, "kept": "schedule", "watch": {}})}
    return safetensors.torch.save(safetensors.torch.load(path.read_bytes()), about)


def with_a_list_as_record(path: Path) -> bytes:
    return safetensors.torch.save(safetensors.torch.load(path.read_bytes()), {"grokking": "[]"})


DAMAGE: dict[str, Callable[[Path], bytes]] = {
    "empty": lambda path: b"",
    "eight bytes": lambda path: path.read_bytes()[:8],
    "half": lambda path: path.read_bytes()[: path.stat().st_size // 2],
    "last byte missing": lambda path: path.read_bytes()[:-1],
    "text": lambda path: b"not weights at all, but long enough to look like something",
    "pickle": lambda path: b"\x80\x04\x95" + bytes(100),
    "others' safetensors": without_our_record,
    "no config": without_config,
    "record is a list": with_a_list_as_record,
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_checkpoint_is_named(kind: str, directory: RunDirectory) -> None:
    directory.save(checkpoint(30))
    path = directory.checkpoint_path(30)
    path.write_bytes(DAMAGE[kind](path))
    with pytest.raises(DamagedFile, match="checkpoint_e000030") as caught:
        directory.load(30)
    assert "\n" not in str(caught.value)


def test_a_renamed_checkpoint_is_noticed(directory: RunDirectory) -> None:
    directory.save(checkpoint(30))
    directory.checkpoint_path(30).rename(directory.checkpoint_path(40))
    with pytest.raises(DamagedFile, match="the weights of epoch 30"):
        directory.load(40)


def test_a_checkpoint_of_another_run_is_noticed(directory: RunDirectory) -> None:
    directory.path.joinpath("checkpoint_e000030.safetensors").write_bytes(
        checkpoint(30, config=replace(CONFIG, seed=1)).to_bytes()
    )
    with pytest.raises(UserError, match="another run"):
        directory.load(30)


def test_an_absent_checkpoint_is_named(directory: RunDirectory) -> None:
    with pytest.raises(UserError, match="cannot read .*checkpoint_e000030"):
        directory.load(30)


# Config


def test_the_config_comes_back(directory: RunDirectory) -> None:
    assert directory.config() == CONFIG
    assert directory.record()["command"] == ["python"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"config": 3}', '{"config": {"p": 8}}', '{"config": {"q": 7}}']
)
def test_a_damaged_config_is_named(content: str, directory: RunDirectory) -> None:
    (directory.path / "config.json").write_text(content)
    with pytest.raises(DamagedFile, match="config.json"):
        directory.config()


def test_what_is_no_run_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        RunDirectory(tmp_path / "absent").config()
    with pytest.raises(UserError, match=r"has no config\.json"):
        RunDirectory(tmp_path).config()


# History

GOOD = {
    "config": CONFIG.as_dict(),
    "grokking_epoch": None,
    "epochs": [0, 10, 20],
    "train_loss": [3.0, 2.0, 1.0],
    "key_frequencies": [[], [1], [1, 2]],
}


def test_a_good_history_comes_back(directory: RunDirectory) -> None:
    directory.write_history(GOOD)
    assert directory.history() == GOOD


def test_a_history_of_another_modulus_is_refused(directory: RunDirectory, tmp_path: Path) -> None:
    elsewhere = tmp_path / "history.json"
    elsewhere.write_text(json.dumps({**GOOD, "config": {"p": 11}}))
    with pytest.raises(UserError, match=r"p = 11.*p = 7"):
        directory.history(elsewhere)


# Clearing


def test_clearing_removes_a_run_and_nothing_else(
    tiny_run: Path, tmp_path: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(tiny_run, folder)
    (folder / "notes.txt").write_text("mine")
    (folder / "frames").mkdir()
    RunDirectory(folder).clear()
    assert contents(folder) == {"notes.txt": b"mine"}
    assert (folder / "frames").is_dir()


def test_later_checkpoints_can_be_taken_back(directory: RunDirectory) -> None:
    for epoch in (0, 10, 20):
        directory.save(checkpoint(epoch))
    directory.remove_after(10)
    assert directory.epochs() == [0, 10]


def test_weights_come_in_one_order(directory: RunDirectory) -> None:
    """Whoever draws a number for each of them draws the same one the next time."""
    directory.save(checkpoint(10))
    assert {tuple(directory.load(10).weights) for _ in range(20)} == {tuple(sorted(SIZES))}
