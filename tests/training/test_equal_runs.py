"""Equal runs are equal bytes: repeated, on every engine, measured more or less often."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from grokking.config import RunConfig
from grokking.engines.parameters import Parameters
from grokking.errors import Stopped, UserError
from grokking.from_config import initial_weights
from grokking.storage.run_directory import RunDirectory
from grokking.training.loop import Execution, Job, train

Contents = Callable[[Path], dict[str, bytes]]
TrainRun = Callable[..., Path]


def test_the_history_has_the_documented_epochs_and_names(whole: Path) -> None:
    history = RunDirectory(whole).history()
    assert history["epochs"] == [0, 7, 14, 21, 28, 35, 42, 49, 56, 60]
    assert {
        "train_loss",
        "test_loss",
        "train_acc",
        "test_acc",
        "fourier_strength",
        "weight_norm",
        "embedding_circularity",
        "key_frequencies",
        "config",
    } <= history.keys()
    assert all(len(v) == 10 for v in history.values() if isinstance(v, list))


def test_the_first_row_is_the_initial_network(whole: Path, config: RunConfig) -> None:
    directory = RunDirectory(whole)
    assert directory.epochs()[0] == 0
    drawn = initial_weights(config)
    assert all(torch.equal(drawn[n], w) for n, w in directory.load(0).weights.items())


def test_weights_are_kept_as_scheduled(whole: Path) -> None:
    directory = RunDirectory(whole)
    assert {0, 25, 50, 60} <= set(directory.epochs())
    assert [bool(directory.load(e).optimiser) for e in directory.epochs()[-3:]] == [False, True, True]


def test_a_run_repeats_to_the_bit(
    whole: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path, results: Contents
) -> None:
    assert results(train_run(config, tmp_path / "elsewhere")) == results(whole)


@pytest.mark.parametrize("engine", ["batched", "reference"])
def test_every_engine_repeats_to_the_bit(
    engine: str, config: RunConfig, train_run: TrainRun, tmp_path: Path, results: Contents
) -> None:
    short = replace(config, n_epochs=20)
    one, other = (results(train_run(short, tmp_path / name, engine=engine, threads=1)) for name in "ab")
    assert one == other


@pytest.mark.slow
@pytest.mark.parametrize("log_every", [1, 10, 1000])
def test_measuring_disturbs_nothing(
    log_every: int, whole: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path
) -> None:
    other = RunDirectory(train_run(replace(config, log_every=log_every), tmp_path / "run"))
    directory = RunDirectory(whole)
    assert other.epochs() == directory.epochs()
    for epoch in directory.epochs():
        ours, theirs = directory.load(epoch), other.load(epoch)
        assert all(torch.equal(ours.weights[name], theirs.weights[name]) for name in ours.weights)
    mine, yours = directory.history(), other.history()
    common = set(mine["epochs"]) & set(yours["epochs"])
    assert {0, 60} <= common
    for name in ("train_loss", "test_acc", "fourier_strength", "frequency_share"):
        for epoch in common:
            assert mine[name][mine["epochs"].index(epoch)] == yours[name][yours["epochs"].index(epoch)]


def test_another_seed_is_another_run(
    config: RunConfig, train_run: TrainRun, whole: Path, tmp_path: Path
) -> None:
    other = RunDirectory(train_run(replace(config, seed=1), tmp_path / "run"))
    assert not torch.equal(other.load(60).weights["W_E"], RunDirectory(whole).load(60).weights["W_E"])


def test_nothing_that_repeats_says_where_or_when(whole: Path, contents: Contents) -> None:
    for name, content in contents(whole).items():
        if name != "config.json":
            assert str(whole).encode() not in content
            assert b"command" not in content
            assert b"versions" not in content


def test_training_learns(whole: Path) -> None:
    loss = RunDirectory(whole).history()["train_loss"]
    assert loss[-1] < 0.9 * loss[0]


@pytest.mark.slow
def test_a_small_run_groks_and_says_when(train_run: TrainRun, tmp_path: Path) -> None:
    """p = 7 with most pairs shown: no delay, but test accuracy reaches 1 and stays."""
    config = RunConfig(
        p=7,
        d_model=32,
        n_heads=2,
        d_mlp=64,
        train_frac=0.9,
        lr=5e-3,
        n_epochs=300,
        log_every=20,
        checkpoint_every=300,
    )
    history = RunDirectory(train_run(config, tmp_path / "run")).history()
    epoch = history["grokking_epoch"]
    assert epoch is not None
    assert epoch % 10 == 0
    accuracy = dict(zip(history["epochs"], history["test_acc"], strict=True))
    assert all(accuracy[e] >= 0.99 for e in accuracy if epoch <= e <= epoch + 100)
    assert accuracy[0] < 0.99


def test_weights_files_hold_nothing_but_tensors_and_one_record(whole: Path) -> None:
    directory = RunDirectory(whole)
    content = directory.checkpoint_path(60).read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert set(header["__metadata__"]) == {"grokking"}
    tensors = safetensors.torch.load(content)
    assert set(tensors) >= set(directory.load(60).weights)
    assert all(tensor.dtype == torch.float32 for tensor in tensors.values())


@pytest.mark.parametrize("engine", ["numba", "batched"])
@pytest.mark.parametrize("n_epochs, log_every", [(1, 1), (40, 1), (40, 1000)])
def test_a_run_that_diverges_says_so(
    engine: str, n_epochs: int, log_every: int, config: RunConfig, train_run: TrainRun, tmp_path: Path
) -> None:
    wild = replace(config, lr=1e12, n_epochs=n_epochs, log_every=log_every)
    with pytest.raises(UserError, match="diverged") as caught:
        train_run(wild, tmp_path / "run", engine=engine, threads=1)
    assert "\n" not in str(caught.value)
    assert RunDirectory(tmp_path / "run").epochs() == [0]
    assert RunDirectory(tmp_path / "run").history()["epochs"][0] == 0


def test_a_stop_does_not_hide_a_run_that_diverged_before(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    diverged: list[int] = []

    def first_diverges(self: Parameters) -> str | None:
        if self.config.seed != 0 or self.n_updates < 20:
            return None
        diverged.append(self.n_updates)
        return "a weight"

    monkeypatch.setattr(Parameters, "not_finite", first_diverges)
    jobs = [Job(replace(config, seed=seed), RunDirectory(tmp_path / str(seed))) for seed in (0, 1)]
    with pytest.raises(Stopped):
        train(jobs, Execution(threads=1), shown=False, should_stop=lambda: bool(diverged))
    stderr = capsys.readouterr().err
    assert f"{tmp_path / '0'} diverged: a weight is not finite at epoch 20" in stderr
