"""Start training from a request: all checks come first, hours of work after."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from grokking.config import RunConfig, is_a_flag
from grokking.engines.threads import MOST_THREADS
from grokking.errors import UserError
from grokking.from_config import shape_of, task_of
from grokking.metrics.registry import HISTORY, chosen
from grokking.storage.provenance import git_commit, machine, versions
from grokking.storage.run_directory import RunDirectory, run_path
from grokking.training.loop import Execution, Job, never, train
from grokking.training.tracking import tracked

MAX_SEEDS = 4096


@dataclass(frozen=True)
class Request:
    """What the user asked for in addition to the config.

    output_dir: the folder that will hold the run directory.  init_from: "RUN_DIR:EPOCH".
    command: the command line, for config.json.  until_grokked, shown, should_stop: as in
    ``loop.Job`` and ``loop.train``.  tracker: one of ``tracking.TRACKERS``.
    """

    output_dir: Path
    overwrite: bool = False
    init_from: str | None = None
    execution: Execution = field(default_factory=Execution)
    command: Sequence[str] = ()
    until_grokked: bool = False
    shown: bool = True
    should_stop: Callable[[], bool] = never
    tracker: str | None = None


def start_runs(configs: Mapping[str, RunConfig], request: Request) -> list[Path]:
    """Train every config into ``output_dir/<its name>``, or continue it there; returns the paths.

    Several runs of one shape are trained together. Raises UserError for a request that cannot work, before
    any work is done.
    """
    threads = request.execution.threads
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise UserError(f"threads is {threads}; accepted: 1 to {MOST_THREADS}")
    for config in configs.values():
        if config.imported or config.split != "drawn":
            raise UserError(
                "this config belongs to imported weights, whose training is unknown; "
                f"{_how_to_train_on(config)}"
            )
    for config in configs.values():
        chosen(task_of(config), HISTORY, config.extra_measures)  # refused now, not at the first row
    shapes = {shape_of(config) for config in configs.values()}
    if len(shapes) > 1:
        raise UserError("runs of different shapes cannot be trained together; start them one by one")
    if len({config.loss_dtype for config in configs.values()}) > 1:
        raise UserError("runs of different loss_dtype cannot be trained together; start them one by one")
    directories = {name: RunDirectory(run_path(request.output_dir, name)) for name in configs}
    about = {
        "command": list(request.command),
        "git_commit": git_commit(),
        "versions": versions(),
        "machine": machine(),
        "init_from": request.init_from,
    }
    with ExitStack() as open_trackers:
        jobs = _jobs(configs, directories, request, about, open_trackers)
        train(jobs, request.execution, request.shown, request.should_stop)
    return [directory.path for directory in directories.values()]


def _jobs(
    configs: Mapping[str, RunConfig],
    directories: Mapping[str, RunDirectory],
    request: Request,
    about: Mapping[str, Any],
    open_trackers: ExitStack,
) -> list[Job]:
    jobs = []
    for name, config in configs.items():
        weights = None
        if request.init_from is not None:
            weights = _weights_of(request.init_from, config)
            config = _with_digest(config, weights)
        elif config.init_digest:
            raise UserError(
                "this config belongs to a run that started from saved weights; "
                "give them again with --init_from RUN_DIR:EPOCH"
            )
        metric_callback = None
        if request.tracker is not None:
            metric_callback = open_trackers.enter_context(
                tracked(request.tracker, directories[name].path, config)
            )
        jobs.append(
            Job(
                config,
                directories[name],
                about,
                weights,
                request.overwrite,
                request.until_grokked,
                metric_callback,
            )
        )
    return jobs


def _how_to_train_on(config: RunConfig) -> str:
    """What to do with imported weights: the flags of a network that they fit."""
    if config.get("extra_tokens") or config.get("extra_classes"):
        return (
            "they cannot be trained further here either: they have tokens or classes beyond those of the "
            "task, and no flag adds these"
        )
    default = config.defaults()
    flags = [
        f"--{name}" if value is True else f"--{name} {value}"
        for name, value in config.as_dict().items()
        if is_a_flag(name) and name != "train_frac" and value != default.get(name)
    ]
    return f"to train the weights further, leave --config out: --init_from RUN_DIR:EPOCH {' '.join(flags)}"


def seed_range(text: str) -> list[int]:
    """``"0:16"`` to 0 … 15, ``"3"`` to 3, ``"1,4,7"`` to those.

    Raises UserError for anything else, and for an empty range.
    """
    match = re.fullmatch(r"(\d{1,9}):(\d{1,9})", text)
    if match and int(match[1]) < int(match[2]) <= int(match[1]) + MAX_SEEDS:
        return list(range(int(match[1]), int(match[2])))
    if re.fullmatch(r"\d{1,9}(,\d{1,9})*", text):
        seeds = [int(part) for part in text.split(",")]
        if len(set(seeds)) == len(seeds):
            return seeds
    raise UserError(
        f"seeds are {text!r}; accepted: FIRST:BEYOND (0:16 is 0 to 15), or a list 1,4,7, "
        f"at most {MAX_SEEDS}, each once"
    )


def _with_digest(config: RunConfig, weights: Mapping[str, Tensor]) -> RunConfig:
    digest = weights_digest(weights)
    if config.init_digest not in ("", digest):
        raise UserError("the weights of --init_from are not those that the run of --config started from")
    return replace(config, init_digest=digest)


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """sha256 over names and bytes of the weights: what a run started from, without its path."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + b"\0" + weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _weights_of(init_from: str, config: RunConfig) -> dict[str, Tensor]:
    folder, colon, epoch = init_from.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,9}", epoch):
        raise UserError(f"--init_from takes RUN_DIR:EPOCH, not {init_from!r}")
    source = RunDirectory(Path(folder))
    source.record()
    if int(epoch) not in source.epochs():
        kept = ", ".join(map(str, source.epochs())) or "none"
        raise UserError(f"{folder} has no weights of epoch {epoch}; it has those of {kept}")
    weights = source.load(int(epoch)).weights
    needed = shape_of(config).parameter_shapes()
    for name in {**needed, **weights}:
        found = tuple(weights[name].shape) if name in weights else "missing"
        if found != needed.get(name, "not there"):
            raise UserError(
                f"weights of {init_from} do not fit this config: "
                f"{name} is {found}, needed {needed.get(name, 'not there')}"
            )
    return weights
