"""From what a person asked for to a training run: checks first, hours of work after."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.files import make_folder
from grokking.model import ModelShape
from grokking.provenance import git_commit, machine, versions
from grokking.runs import RunDirectory, run_path
from grokking.training.loop import Execution, train


def start_run(
    config: RunConfig,
    output_dir: Path,
    run_name: str,
    *,
    overwrite: bool = False,
    init_from: str | None = None,
    device: str = "auto",
    engine: str = "auto",
    threads: int | None = None,
    command: list[str] | None = None,
) -> Path:
    """Train ``config`` into ``output_dir/run_name``, or continue it there; returns that path.

    Raises UserError for what cannot work, before any work is done.
    """
    if threads is not None and threads < 1:
        raise UserError(f"threads is {threads}; accepted: 1 or more")
    directory = RunDirectory(run_path(output_dir, run_name))
    make_folder(output_dir)
    weights = None
    if init_from is not None:
        weights = _weights_of(init_from, config)
        config = replace(config, init_digest=weights_digest(weights))
    if overwrite and directory.exists():
        directory.clear()
    about = {"command": command, "git_commit": git_commit(), "versions": versions(),
             "machine": machine(), "init_from": init_from}
    train(config, directory, Execution(device, engine, threads), about, weights)
    return directory.path


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """sha256 over names and bytes of the weights: what a run started from, without its path."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + b"\0" + weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def _weights_of(init_from: str, config: RunConfig) -> dict[str, Tensor]:
    folder, colon, epoch = init_from.rpartition(":")
    if not colon or not epoch.isdigit():
        raise UserError(f"--init_from takes RUN_DIR:EPOCH, not {init_from!r}")
    source = RunDirectory(Path(folder))
    source.record()
    if int(epoch) not in source.epochs():
        kept = ", ".join(map(str, source.epochs())) or "none"
        raise UserError(f"{folder} keeps no weights of epoch {epoch}; kept: {kept}")
    weights = source.load(int(epoch)).weights
    for name, expected in ModelShape.of(config).parameter_shapes().items():
        found = tuple(weights[name].shape) if name in weights else "missing"
        if found != expected:
            raise UserError(f"weights of {init_from} do not fit this config: "
                            f"{name} is {found}, needed {expected}")
    return weights
