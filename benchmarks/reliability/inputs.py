"""Generated input over everything that reads: whatever comes, an answer and no traceback."""

import contextlib
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from benchmarks.reliability.generated import (
    SMALL,
    command_lines,
    configs,
    headers,
    manifests,
    mutated,
    weights_files,
)
from benchmarks.reliability.notes import Once, at_once
from benchmarks.reliability.watched import TrainingMonitor
from benchmarks.reliability.work import TINY, kinds
from grokking.cli.command import COMMANDS
from grokking.cli.main import dispatch
from grokking.config import RunConfig
from grokking.errors import Stopped, UserError
from grokking.films.film import curves_by_part
from grokking.films.registry import FILMS
from grokking.interop.importing import Request, import_checkpoints
from grokking.runs.compare import history_csv, markdown, table
from grokking.runs.progress_measures import measure_and_write, read_progress
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.checksummed_dir import MANIFEST, ChecksummedDir
from grokking.storage.run_directory import RunDirectory
from grokking.training.resume import newest_resumable
from grokking.training.training_monitor import TrainingMonitor as Notes

ROOT = Path(__file__).resolve().parents[2]
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z_]*")
COSTLY = 3
"""Of command lines, whose every try does what a command does, there are so many times fewer."""
LONG = {"demo", "show"}
"""Commands that take minutes; what they do, others do."""
OWN_ARGUMENTS = {f"frames {film}": ["--jobs", "1", "--n_frames", "1"] for film in FILMS.names()} | {
    "figures": ["--jobs", "1", "--only", "norms"],
    "import": ["--output_dir", "imported"],
}
"""What keeps a command to little work in this process."""


@dataclass
class Tally:
    """accepted, refused: the good ends.  tracebacks: the bad ones, with what caused the first few."""

    tries: int = 0
    accepted: int = 0
    refused: int = 0
    tracebacks: int = 0
    outside: int = 0
    executed: int = 0
    examples: list[str] = field(default_factory=list)


class Feeder:
    """Feeds generated input to a function in a folder of its own and keeps the tally."""

    def __init__(self, watch: TrainingMonitor, folder: Path, tries: int, seed: int) -> None:
        self.watch, self.folder, self.tries, self.seed = watch, folder, tries, seed

    def feed(
        self,
        strategy: st.SearchStrategy[Any],
        eat: Callable[[Any], object],
        asked: Callable[[Any], Sequence[str]] = lambda _: (),
    ) -> Tally:
        """Call ``eat`` with every example; it may raise what commands turn into a line.

        asked: paths that the example itself names, as ``Watch.over`` takes them.
        """
        tally = Tally()

        @seeded(self.seed)
        @settings(
            max_examples=self.tries,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def bite(example: Any) -> None:
            tally.tries += 1
            before = len(self.watch.outside), len(self.watch.executed)
            try:
                paths = asked(example) and [str(self.folder / "work" / path) for path in asked(example)]
                with self.watch.over(self.folder, paths), _silence():
                    eat(example)
                tally.accepted += 1
            except (UserError, Stopped, SystemExit):
                tally.refused += 1
            except Exception as error:
                tally.tracebacks += 1
                if len(tally.examples) < 5:
                    tally.examples.append(f"{type(error).__name__}: {error!s:.200} ← {example!r:.300}")
            tally.outside += len(self.watch.outside) - before[0]
            tally.executed += len(self.watch.executed) - before[1]
            tally.examples += (self.watch.outside + self.watch.executed)[sum(before) :][:2]

        bite()
        return tally


@contextlib.contextmanager
def _silence():
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(_Text()):
        yield


class _Text(io.StringIO):
    """A stdout with the binary side that scripts may use."""

    buffer = io.BytesIO()


def feed_all(
    scratch: Path, tries: int, seed: int, once: Once = at_once, only: Sequence[str] = ()
) -> dict[str, Any]:
    """``tries`` inputs of each kind, but of command lines."""
    kinds(scratch)
    return {
        kind: once(kind, lambda: _fed(kind, scratch, tries, seed))  # noqa: B023 (called at once)
        for kind in MEALS
        if not only or kind in only
    }


def _fed(kind: str, scratch: Path, tries: int, seed: int) -> Tally:
    folder = scratch / "fed"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    run = Path(shutil.copytree(scratch / "run", folder / "run"))
    measure_and_write(run)
    before, tempfile.tempdir = tempfile.tempdir, str(folder / "tmp")
    try:
        return MEALS[kind](run, Feeder(_the_watch(), folder, tries, seed))
    finally:
        tempfile.tempdir = before


@lru_cache
def _the_watch() -> TrainingMonitor:
    """One for the process: an audit hook cannot be taken away."""
    return TrainingMonitor()


class _Commands:
    """Runs commands in this process, in a folder of their own, with everything small by default."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        films = [f"frames {film}" for film in FILMS.names()]
        self.names = [*sorted(set(COMMANDS.names()) - LONG - {"frames"}), *films]

    def flags(self) -> dict[str, list[str]]:
        """By command, the flags that its help names."""
        return {name: sorted(set(FLAG.findall(self._help(name)))) for name in self.names}

    def _help(self, name: str) -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
            self._run(name, ["--help"])
        return out.getvalue()

    def __call__(self, command: tuple[str, list[str]]) -> None:
        name, given = command
        own = OWN_ARGUMENTS.get(name, [])
        small = [text for field, value in SMALL.items() for text in (f"--{field}", str(value))]
        if name == "train":
            own = [*small, "--overwrite", "--threads", "1", "--output_dir", "out"]
        elif name == "sweep":
            own = [*small, "--jobs", "1", "--threads", "1", "--output_dir", "sweep"]
        self._run(name, [*given, *own] if name == "figures" else [*own, *given])

    def _run(self, name: str, arguments: list[str]) -> None:
        typed = [*name.split(), *arguments]
        with contextlib.chdir(self.folder), mock.patch.object(sys, "argv", ["grokking", *typed]):
            dispatch(typed)


def _command_lines(run: Path, feeder: Feeder) -> Tally:
    commands = _Commands(run.parent)
    feeder.tries = -(-feeder.tries // COSTLY)
    return feeder.feed(command_lines(run, commands.flags()), commands, lambda command: command[1])


def _eat_config(record: Any, folder: Path) -> None:
    run = folder / "eaten"
    run.mkdir(exist_ok=True)
    (run / "config.json").write_text(json.dumps(record, default=str))
    opened = Run(run)
    RunConfig.from_dict(opened.config.as_dict())
    shutil.copy(run.parent / "run" / "history.json", run)
    record = json.loads((run / "history.json").read_text())
    (run / "history.json").write_text(json.dumps({**record, "config": opened.config.as_dict()}))
    markdown([opened])


def _eat_history(content: bytes, run: Path) -> None:
    path = run.parent / "history.json"
    path.write_bytes(content)
    opened = Run(run, path)
    table([opened])
    history_csv(opened.history)
    curves_by_part(RunView(opened), "loss")


def _eat_progress(content: bytes, run: Path) -> None:
    (run / MANIFEST).unlink(missing_ok=True)
    (run / "progress.json").write_bytes(content)
    read_progress(Run(run))


def _eat_manifest(content: bytes, run: Path) -> None:
    (run / MANIFEST).write_bytes(content)
    try:
        ChecksummedDir(run, lambda _: True).faults()
        opened = Run(run)
        _ = opened.history, opened.weights(opened.final_epoch)
    finally:
        (run / MANIFEST).unlink()


def _eat_checkpoint(content: bytes, run: Path) -> None:
    (run / MANIFEST).unlink(missing_ok=True)
    directory = RunDirectory(run)
    directory.checkpoint_path(TINY.n_epochs).write_bytes(content)
    opened = Run(run)
    _ = opened.weights(opened.final_epoch)
    checkpoint = newest_resumable(directory, directory.config())
    if checkpoint is not None:
        Notes.from_dict(checkpoint.watch)


def _eat_weights(content: bytes, folder: Path) -> None:
    path = folder / "weights.pt"
    path.write_bytes(content)
    try:
        import_checkpoints(Request(path, folder / "imported"))
    finally:
        shutil.rmtree(folder / "imported", ignore_errors=True)


def _weights(run: Path, feeder: Feeder) -> Tally:
    """From elsewhere: as PyTorch saves them."""
    state = Run(run).weights(TINY.n_epochs)
    named = {f"blocks.0.{name}": tensor for name, tensor in state.items()}
    whole = [
        state,
        named,
        list(state.values()),
        {**state, "W_E": state["W_E"].to_sparse()},
        {**state, "W_U": state["W_U"][:, :3]},
        {**state, "W_E": state["W_E"] * float("nan")},
    ]
    file = io.BytesIO()
    torch.save(state, file)
    return feeder.feed(weights_files(file.getvalue(), whole), lambda c: _eat_weights(c, run.parent))


def _fed_bytes(name: str, eat: Callable[[bytes, Path], None]) -> Callable[[Path, Feeder], Tally]:
    return lambda run, feeder: feeder.feed(mutated((run / name).read_bytes()), lambda c: eat(c, run))


MEALS: dict[str, Callable[[Path, Feeder], Tally]] = {
    "configs": lambda run, feeder: feeder.feed(configs(), lambda c: _eat_config(c, run.parent)),
    "histories": _fed_bytes("history.json", _eat_history),
    "progress measures": _fed_bytes("progress.json", _eat_progress),
    "manifests": lambda run, feeder: feeder.feed(
        manifests((run / MANIFEST).read_bytes()), lambda c: _eat_manifest(c, run)
    ),
    "checkpoint headers": lambda run, feeder: feeder.feed(headers(run), lambda c: _eat_checkpoint(c, run)),
    "weights from elsewhere": _weights,
    "command lines": _command_lines,
}
