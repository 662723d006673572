"""Which runs the comparison makes, in which order: stages, each of them a sweep of named runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from benchmarks.optimisers.methods import METHODS, N_DRAWS, REFERENCE, Method
from grokking.config import FEW, RunConfig
from grokking.sweep.grid import run_name

COMMON: dict[str, Any] = {
    "p": 59,
    "d_model": 48,
    "n_heads": 2,
    "d_mlp": 96,
    "checkpoint_density": FEW,
    "log_every": 100,
}
"""Fields that all runs share."""
TASKS = {"add": 0.5, "mul": 0.5}
"""Fraction of the pairs trained on, by task; from pilots (docs/optimisers.md)."""
TUNING_SEEDS = range(3)
FINAL_SEEDS = range(100, 120)
AFTER_SEEDS, AFTER = range(100, 105), 1000
"""Runs of the chosen configurations that are trained on after they grokked, and for how many epochs."""
RUNGS = ((1000, N_DRAWS), (2000, N_DRAWS // 2), (4000, N_DRAWS // 4))
"""Successive halving: epochs, and how many configurations are trained so far."""
BUDGET = 4000
DEFAULT, CHOSEN, TUNING = "default", "chosen", "tuning"
CONFIRM = "confirm"
CONFIRM_TASK, CONFIRM_SEEDS, FASTEST = "add", range(300, 310), 3
AT_113: dict[str, Any] = {"p": 113, "d_model": 128, "n_heads": 4, "d_mlp": 512, "train_frac": 0.4}
"""The default network at p = 113, for the confirmation of the fastest methods."""
PHASE_FRACTIONS = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)
PHASE_DECAYS = (0.0, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
PHASE_SEEDS = range(200, 204)


class Grokked(Protocol):
    """An outcome (``benchmarks.optimisers.outcomes``), as far as a plan needs it."""

    @property
    def planned(self) -> "Planned":
        """The run."""
        ...

    @property
    def grokking_epoch(self) -> int | None:
        """None if it has not grokked."""
        ...


@dataclass(frozen=True)
class Planned:
    """A run and what it is for. index: of the configuration among the method's draws, -1 its default."""

    stage: str
    method: str
    index: int
    config: RunConfig

    @property
    def name(self) -> str:
        """The folder of the run."""
        return run_name(self.config)


def config_of(method: Method, task: str, index: int, seed: int, n_epochs: int) -> RunConfig:
    """The configuration ``index`` of a method (-1: the default of its source)."""
    values = method.default if index < 0 else method.draws[index]
    own = {"task": task, "train_frac": TASKS[task], "seed": seed, "n_epochs": n_epochs}
    return RunConfig(**(COMMON | own | dict(method.fixed) | dict(values)))


def finals(
    stage: str, tasks: Sequence[str], index: Mapping[tuple[str, str], int], seeds: Sequence[int] = FINAL_SEEDS
) -> list[Planned]:
    """One configuration of every method that has one, by (task, method); the seeds outermost."""
    return [
        Planned(stage, name, at, config_of(METHODS[name], task, at, seed, BUDGET))
        for seed in seeds
        for (task, name), at in index.items()
        if task in tasks
    ]


def defaults(tasks: Sequence[str]) -> list[Planned]:
    """The default of every method's source, with fresh seeds."""
    return finals(DEFAULT, tasks, {(task, name): -1 for task in tasks for name in METHODS})


def rung(task: str, method: str, indices: Sequence[int], n_epochs: int) -> list[Planned]:
    """Some configurations of a method, trained to a rung's epochs."""
    return [
        Planned(TUNING, method, i, config_of(METHODS[method], task, i, seed, n_epochs))
        for seed in TUNING_SEEDS
        for i in indices
    ]


def afterwards(outcomes: Sequence["Grokked"]) -> list[Planned]:
    """Some runs that grokked, trained on: is what they learnt lost again?"""
    some = [o for o in outcomes if o.planned.stage == CHOSEN and o.planned.config.seed in AFTER_SEEDS]
    return [
        replace(o.planned, config=replace(o.planned.config, n_epochs=_next_row(o.grokking_epoch) + AFTER))
        for o in some
        if o.grokking_epoch is not None
    ]


def _next_row(epoch: int) -> int:
    every = int(COMMON["log_every"])
    return -(-epoch // every) * every


def confirmation(index: Mapping[str, int]) -> list[Planned]:
    """Configurations of some methods, by method, at p = 113; the seeds outermost."""
    found = []
    for seed in CONFIRM_SEEDS:
        for name, at in index.items():
            record = config_of(METHODS[name], CONFIRM_TASK, at, seed, BUDGET).as_dict() | AT_113
            found.append(Planned(CONFIRM, name, at, RunConfig.from_dict(record)))
    return found


def phase_diagram() -> list[Planned]:
    """AdamW on addition over fraction and decay, the seeds outermost."""
    base = config_of(METHODS[REFERENCE], "add", -1, 0, BUDGET).as_dict()
    return [
        Planned(
            "phase", REFERENCE, -1, RunConfig(**(base | {"train_frac": f, "weight_decay": d, "seed": seed}))
        )
        for seed in PHASE_SEEDS
        for f in PHASE_FRACTIONS
        for d in PHASE_DECAYS
    ]


def every_rung() -> Iterator[tuple[int, int]]:
    """Epochs of a rung, and how many configurations reach the next (one after the last)."""
    kept = [n for _, n in RUNGS[1:]] + [1]
    yield from zip((n_epochs for n_epochs, _ in RUNGS), kept, strict=True)
