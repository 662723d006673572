"""What the notebooks of the course share: small runs that are trained once, and answers that are checked.

from grokking.course import check, course_run
run = course_run("addition")                 # trained the first time, read from the disk afterwards
check(answer, lambda x: x == 3481, "How many pairs of numbers below 59 are there?")
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.runs.run import Run
from grokking.storage.run_directory import RunDirectory
from grokking.training.launch import Request, start_runs
from grokking.training.loop import Execution

FOLDER = "GROKKING_COURSE"
"""Environment variable that names the folder of the course's runs; by default ``course_runs``."""
_SMALL = {"d_model": 64, "d_mlp": 256, "lr": 2e-3, "log_every": 20}
_SMALLEST = {"p": 31, "train_frac": 0.7, "weight_decay": 2.0, "d_mlp": 128, "n_epochs": 1500}
RECIPES: dict[str, dict[str, Any]] = {
    "addition": {"p": 59, "train_frac": 0.4, "seed": 1, "n_epochs": 2200, "checkpoint_every": 100, **_SMALL},
    "multiplication": {"p": 59, "task": "mul", "train_frac": 0.5, "seed": 1, "n_epochs": 1500, **_SMALL},
    **{f"seed{seed}": {**_SMALL, **_SMALLEST, "seed": seed} for seed in range(3)},
}
"""The config of every run of the course, by its name. Each trains in a minute or two on two cores."""


def course_folder() -> Path:
    """Where the runs of the course lie."""
    return Path(os.environ.get(FOLDER, "course_runs"))


def course_run(name: str, **changes: Any) -> Run:
    """A run of the course, trained now unless it was trained before.

    changes: fields of the config that differ from the recipe; such a run has a folder of its own.  Raises
    UserError for a name that is none of ``RECIPES``.
    """
    return course_runs(name, **changes)[0]


def course_runs(*names: str, **changes: Any) -> list[Run]:
    """Several runs of one shape, trained together; as ``course_run``."""
    unknown = [name for name in names if name not in RECIPES]
    if unknown:
        raise UserError(f"the course has no run {unknown[0]!r}; it has {', '.join(RECIPES)}")
    suffix = "".join(f"_{key}_{value}" for key, value in changes.items())
    configs = {name + suffix: RunConfig(**{**RECIPES[name], **changes}) for name in names}
    return trained(configs)


def trained(configs: dict[str, RunConfig], init_from: str | None = None) -> list[Run]:
    """Runs of these configs by name, trained as far as they are not yet, in the folder of the course.

    init_from: ``"RUN_DIR:EPOCH"``, whose weights they start from instead of drawn ones.
    """
    folder = course_folder()
    missing = {name: config for name, config in configs.items() if not _is_trained(folder / name, config)}
    if missing:
        start_runs(missing, Request(folder, init_from=init_from, execution=Execution()))
    return [Run(folder / name) for name in configs]


def _is_trained(path: Path, config: RunConfig) -> bool:
    kept = RunDirectory(path).epochs() if path.is_dir() else []
    return bool(kept) and kept[-1] == config.n_epochs


@dataclass(frozen=True)
class Verdict:
    """What an exercise says to an answer; a notebook shows the words. right: None without an answer."""

    right: bool | None
    words: str

    def __repr__(self) -> str:
        return self.words


def check(answer: Any, accepts: Callable[[Any], Any], hint: str) -> Verdict:
    """Check the answer to an exercise.

    answer: None while the exercise is open.  accepts: whether an answer is right; an answer that it cannot
    read is wrong.

    >>> check(None, lambda x: x == 4, "Two and two?")
    Not answered yet. Two and two?
    >>> check(5, lambda x: x == 4, "Two and two?")
    Not yet. Two and two?
    >>> check(4, lambda x: x == 4, "Two and two?")
    Right.
    """
    if answer is None:
        return Verdict(None, f"Not answered yet. {hint}")
    try:
        right = bool(accepts(answer))
    except UserError as error:
        return Verdict(False, f"Not yet. {error}")
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        right = False
    return Verdict(right, "Right." if right else f"Not yet. {hint}")
