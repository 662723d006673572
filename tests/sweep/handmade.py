"""A run that groks at once, one that does not, and sweeps of them in this process."""

from dataclasses import replace
from pathlib import Path

from grokking.config import RunConfig
from grokking.storage.run_directory import RunDirectory
from grokking.sweep.executors import ExecutorConfig
from grokking.sweep.grid import run_name
from grokking.sweep.runner import Sweep
from grokking.sweep.worker import CLAIMS, RunJob
from grokking.training.loop import Execution, Job, train

SMALL = {
    "p": 11,
    "train_frac": 0.9,
    "d_model": 32,
    "n_heads": 2,
    "d_mlp": 64,
    "lr": 5e-3,
    "weight_decay": 2.0,
    "n_epochs": 240,
    "log_every": 20,
    "checkpoint_every": 50,
    "keep": "few",
}
GROKS = RunConfig(**SMALL, seed=1)
"""Test accuracy is 1 before epoch 100: twelve test pairs are soon learnt."""
NEVER = replace(GROKS, seed=0, n_epochs=60)
HERE = ExecutorConfig(jobs=1, threads=1)
ONE_THREAD = Execution(threads=1)


def sweep(folder: Path, *configs: RunConfig, full: bool = False) -> Sweep:
    return Sweep({run_name(c): c for c in configs}, folder, not full, HERE)


def order(folder: Path, config: RunConfig) -> RunJob:
    (folder / CLAIMS).mkdir(parents=True, exist_ok=True)
    return RunJob(str(folder), run_name(config), config, True, ONE_THREAD, (), str(folder / "stop"))


def trained_alone(config: RunConfig, folder: Path) -> Path:
    train([Job(config, RunDirectory(folder))], ONE_THREAD, shown=False)
    return folder
