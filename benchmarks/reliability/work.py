"""What gets killed: kinds of work, each with what it starts from and what must come out.

A further kind is one more entry of ``kinds``.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors.torch
import torch

from grokking.audit.command import audit
from grokking.config import RunConfig
from grokking.films.film import FilmOptions, make_frames
from grokking.films.kinds.circle import FILM as CIRCLE
from grokking.films.video import make_video
from grokking.interop.export import export_checkpoint
from grokking.interop.importing import Request, import_checkpoints
from grokking.page.recorded import record_run
from grokking.page.site import build_site
from grokking.runs.progress_measures import measure_and_write
from grokking.runs.run import Run
from grokking.storage.run_directory import RunDirectory
from grokking.sweep.executors import ExecutorConfig
from grokking.sweep.runner import Sweep, run_sweep
from grokking.training.loop import Execution, Job, train

TINY = RunConfig(
    p=13, d_model=16, n_heads=2, d_mlp=32, train_frac=0.5, n_epochs=160, log_every=10, checkpoint_every=40
)
DENSE = replace(TINY, p=11, n_epochs=40, log_every=1, checkpoint_every=1)
FILM = FilmOptions(size=(480, 320), jobs=1, n_frames=6)


@dataclass(frozen=True)
class Work:
    """start: puts into an empty folder what the work needs.  go: does it, or goes on with it.

    begun: whether something that must not be lost is there already.
    """

    name: str
    start: Callable[[Path], object]
    go: Callable[[Path], object]
    begun: Callable[[Path], bool]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, hidden ones too: nothing may be left behind."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def trained(config: RunConfig, folder: Path) -> None:
    """Train, or go on training, in ``folder``; ``config.json`` gets no times and no commands."""
    train([Job(config, RunDirectory(folder))], Execution(threads=1))


def kinds(scratch: Path) -> dict[str, Work]:
    """All kinds by name; what they start from is made in ``scratch``."""
    run, frames, foreign = scratch / "run", scratch / "frames", scratch / "foreign"
    if not frames.exists():
        trained(TINY, run)
        make_frames(CIRCLE, Run(run), frames, FILM)
        for epoch in Run(run).epochs:
            export_checkpoint(Run(run), "state_dict", epoch, foreign / f"e{epoch}.safetensors")
    longer = replace(TINY, n_epochs=240)

    def copy(source: Path, name: str) -> Callable[[Path], object]:
        return lambda folder: shutil.copytree(source, folder / name)

    def is_there(pattern: str) -> Callable[[Path], bool]:
        return lambda folder: any(folder.glob(pattern))

    weights = is_there("run/checkpoint_*")
    works = (
        Work("training", lambda _: None, lambda f: trained(TINY, f / "run"), weights),
        Work("checkpointing", lambda _: None, lambda f: trained(DENSE, f / "run"), weights),
        Work("extending", copy(run, "run"), lambda f: trained(longer, f / "run"), weights),
        Work("measuring", copy(run, "run"), lambda f: measure_and_write(f / "run"), weights),
        Work(
            "rendering",
            copy(run, "run"),
            lambda f: make_frames(CIRCLE, Run(f / "run"), f / "frames", FILM),
            weights,
        ),
        Work(
            "stitching",
            copy(frames, "frames"),
            lambda f: make_video(f / "frames", f / "film.mp4"),
            is_there("frames/frame_*.png"),
        ),
        Work(
            "importing", lambda _: None, lambda f: _imported(foreign, f), is_there(".imported.*/checkpoint_*")
        ),
        Work("sweeping", lambda _: None, _swept, is_there("sweep/*/checkpoint_*")),
        Work("auditing", copy(run, "run"), lambda f: audit(f / "run"), weights),
        Work("recording", copy(run, "run"), _recorded, weights),
        Work(
            "building a page",
            lambda f: _paged(f, run),
            lambda f: build_site([f / "run"], f / "site"),
            weights,
        ),
    )
    return {work.name: work for work in works}


def _swept(folder: Path) -> None:
    runs = {f"seed{seed}": replace(DENSE, n_epochs=12, seed=seed) for seed in (0, 1)}
    run_sweep(Sweep(runs, folder / "sweep", where=ExecutorConfig(jobs=1, threads=1)))


def _recorded(folder: Path) -> None:
    if not (folder / "copy").exists():  # which would be refused
        record_run(folder / "run", folder / "copy", 4)


def _paged(folder: Path, run: Path) -> None:
    """A run, and the page that it had: a build is killed while it replaces another."""
    shutil.copytree(run, folder / "run")
    build_site([folder / "run"], folder / "site")


def _imported(source: Path, folder: Path) -> None:
    if not (folder / "imported").exists():  # which would be refused
        import_checkpoints(Request(source, folder / "imported"))


def references(works: Mapping[str, Work], scratch: Path) -> dict[str, dict[str, bytes]]:
    """What every kind makes when nothing disturbs it."""
    made = {}
    for name, work in works.items():
        folder = scratch / f"whole_{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        work.start(folder)
        work.go(folder)
        made[name] = contents(folder)
    return made


def foreign_weights(scratch: Path) -> list[Path]:
    """Weights as other code saves them, in both kinds of file that can be imported."""
    [newest, *_] = sorted((scratch / "foreign").glob("*.safetensors"), reverse=True)
    pickled = scratch / "weights.pt"
    if not pickled.exists():
        torch.save(safetensors.torch.load_file(newest), pickled)
    return [newest, pickled]
