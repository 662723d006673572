"""The table of a GPU, by the same code on the CPU."""

import pytest
import torch

from benchmarks import gpu
from grokking.config import RunConfig

TINY = RunConfig(p=7, d_model=8, n_heads=2, d_mlp=8, train_frac=0.5)
CPU = torch.device("cpu")


def test_the_table_has_a_line_for_each_number_of_replicas() -> None:
    lines = gpu.table(TINY, [1, 3], CPU, rounds=1)
    columns = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[:4]]
    assert [cells[0] for cells in columns] == ["replicas", "---", "1", "3"]
    assert all(len(cells) == 7 for cells in columns)
    assert all(float(cells[4]) > 0 for cells in columns[2:])  # updates per second
    assert [cells[1] for cells in columns[2:]] == ["–", "–"]  # nothing is captured without a GPU


def test_what_does_not_fit_is_said_and_ends_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(gpu, "batch", full)
    lines = gpu.table(TINY, [1, 2], CPU, rounds=1)
    assert [line for line in lines if "does not fit" in line] == [lines[2]]
    assert lines[3] == ""


def test_replicas_are_seeds_of_one_config() -> None:
    trainer = gpu.batch(TINY, 2, CPU)
    assert [p.config.seed for p in trainer.parameters] == [0, 1]
    assert not torch.equal(trainer.flat[0], trainer.flat[1])
