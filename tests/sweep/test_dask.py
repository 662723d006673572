"""A sweep on a real Dask cluster: a scheduler and two workers on loopback, one of which is killed.

"Nothing run twice" means: no epoch is computed a second time except those after the newest checkpoint of
the run whose worker died, which nobody could know; and every run ends in one directory, with the
bytes of a run that was never disturbed.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from grokking.storage.run_directory import RunDirectory
from grokking.sweep.grid import run_name
from grokking.training.loop import Execution, Job, train
from tests.sweep.count_epochs import counted
from tests.sweep.handmade import NEVER
from tests.waiting import PATIENCE, wait_until

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

HELD = 70
"""Updates: past a run's first kept weights (50) and short of its next (100)."""
CONFIGS = [replace(NEVER, seed=seed, n_epochs=120) for seed in (0, 2, 3, 4)]
FLAGS = [
    "--p",
    "11",
    "--train_frac",
    "0.9",
    "--d_model",
    "32",
    "--n_heads",
    "2",
    "--d_mlp",
    "64",
    "--lr",
    "5e-3",
    "--weight_decay",
    "2",
    "--n_epochs",
    "120",
    "--log_every",
    "20",
    "--checkpoint_every",
    "50",
    "--seed",
    "0",
    "2",
    "3",
    "4",
]


@dataclass
class Cluster:
    """address: of the scheduler.  workers: their processes by id.  go: runs stand still until it exists."""

    address: str
    workers: dict[int, subprocess.Popen[bytes]]
    log: Path
    go: Path

    def lines(self) -> list[tuple[int, str, int, int]]:
        """(process, run, first update, updates) so far."""
        return counted(self.log)


@pytest.fixture
def cluster(tmp_path: Path, root: Path) -> Iterator[Cluster]:
    """A scheduler and two workers of one thread each, as processes, which have found each other."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "EPOCHS_LOG": str(tmp_path / "log"),
        "EPOCHS_GO": str(tmp_path / "go"),
        "EPOCHS_HOLD": str(HELD),
        "OMP_NUM_THREADS": "1",
    }
    file = tmp_path / "scheduler.json"
    common = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)]
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *options: str) -> None:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{name}", *common, *options],
                env=environment,
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    try:
        start("scheduler", "--port", "0")
        address = wait_until(lambda: _address(file), started[0])
        for _ in range(2):
            start(
                "worker",
                "--no-nanny",
                "--nthreads",
                "1",
                "--local-directory",
                str(tmp_path),
                "--preload",
                str(root / "tests/sweep/count_epochs.py"),
            )
        # The sweep itself waits for half a minute only, and not for both.
        with distributed.Client(address, timeout=PATIENCE, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=PATIENCE)
        yield Cluster(str(address), {w.pid: w for w in started[1:]}, tmp_path / "log", tmp_path / "go")
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def _address(file: Path) -> str | None:
    try:
        return json.loads(file.read_text())["address"]
    except (OSError, ValueError):  # not all of it is there yet
        return None


def test_a_killed_worker_loses_nothing_and_nothing_is_run_twice(
    cluster: Cluster, tmp_path: Path, root: Path, results: Callable[[Path], dict[str, bytes]]
) -> None:
    folder = tmp_path / "sweep"
    message_file = tmp_path / "said"
    with message_file.open("w") as stream:
        sweep = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "grokking",
                "sweep",
                *FLAGS,
                "--output_dir",
                str(folder),
                "--backend",
                "dask",
                "--scheduler",
                cluster.address,
            ],
            stdout=stream,
            stderr=stream,
            cwd=root,
        )

    def in_the_middle() -> dict[int, str]:
        """Runs by worker, once both are past a run's first kept weights; nothing before."""
        if sweep.poll() is not None:
            pytest.fail(f"the sweep ended too soon: {message_file.read_text()}")
        held = {pid: name for pid, name, first, n in cluster.lines() if first + n >= HELD}
        return held if len(held) == 2 else {}

    try:
        victim, run = next(iter(wait_until(in_the_middle).items()))
        os.kill(victim, signal.SIGKILL)
        cluster.workers[victim].wait()
        newest = RunDirectory(folder / run).epochs()[-1]
        cluster.go.touch()
        sweep.wait(PATIENCE)
    finally:
        sweep.kill()
        sweep.wait()
    assert sweep.returncode == 0, message_file.read_text()

    # Nothing is lost: every run is there once, as if it had never been disturbed.
    made = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
    assert made == sorted(map(run_name, CONFIGS))
    for config in CONFIGS:
        alone = RunDirectory(tmp_path / "alone" / run_name(config))
        train([Job(config, alone)], Execution(threads=1), shown=False)
        assert results(folder / run_name(config)) == results(alone.path)

    # Nothing is run twice.
    computed: dict[str, list[int]] = {}
    for _, name, first, n in cluster.lines():
        computed.setdefault(name, []).extend(range(first, first + n))
    for name, epochs in computed.items():
        twice = {epoch for epoch in epochs if epochs.count(epoch) > 1}
        assert set(epochs) == set(range(120))
        if name != run:
            assert not twice
        else:
            assert all(newest <= epoch < newest + 50 for epoch in twice)
    resumed = [first for pid, name, first, _ in cluster.lines() if name == run and pid != victim]
    assert resumed[0] == newest >= 50
    assert "4/4 p=11" in message_file.read_text()


def test_a_scheduler_that_does_not_answer(root: Path, tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "grokking",
            "sweep",
            *FLAGS,
            "--output_dir",
            str(tmp_path / "new"),
            "--backend",
            "dask",
            "--scheduler",
            "tcp://127.0.0.1:9",
        ],
        capture_output=True,
        text=True,
        cwd=root,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.splitlines()[-1].startswith("error: no Dask scheduler answers at 'tcp://127.0.0.1:9'")
    assert "Traceback" not in ended.stderr
