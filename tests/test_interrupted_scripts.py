"""Every script, interrupted at many moments from its start to its end.

What is asserted holds at any moment, so the moments need not be met exactly: they are spread over the time
that the script takes when nobody interrupts it.
"""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grokking.config import RunConfig

pytestmark = pytest.mark.slow
MOMENTS = 8
PATIENCE = 600
"""Seconds that a script may take if nobody interrupts it."""
MOST_SECONDS = 60
"""From the signal to the end. Some 2 s are measured; a busy machine takes longer."""
RECORDED = Path("docs") / "recorded"
TINY = (
    "--p 11 --d_model 16 --n_heads 2 --d_mlp 32 --train_frac 0.5 --n_epochs 400 --log_every 10 "
    "--checkpoint_every 100"
)
SCRIPTS = {
    "audit_circuit": "RUN",
    "build_page": "RUN --output_dir OUT/site",
    "compare_runs": "RUN --output OUT/curves.png",
    "draw_atlas": "RUN --only circles margins learning --output_dir OUT/atlas --jobs 2",
    "draw_maths": "RUN --output_dir OUT/maths",
    "export_checkpoint": "RUN --format state_dict --output OUT/network.safetensors",
    "generate_circle_frames": "RUN --n_frames 20 --output_dir OUT/frames --jobs 2",
    "generate_clean_frames": "RUN --n_frames 10 --direct OUT.mp4 --jobs 1",
    "generate_kinematics_frames": "HEIGHTS --output_dir OUT/frames --jobs 1",
    "generate_order_frames": "RUN --n_frames 10 --output_dir OUT/frames --jobs 1",
    "generate_sine_frames": "RUN --n_frames 10 --output_dir OUT/frames --jobs 1",
    "import_checkpoints": "WEIGHTS --output_dir OUT/imported",
    "make_video": "FRAMES --output OUT.mp4",
    "measure_progress": "RUN",
    "probe_kinematics": "HEIGHTS",
    "record_run": "RUN --epochs 3 --output_dir OUT/recorded",
    "report_cogrokking": "SWEEP --output_dir OUT/report",
    "report_sweep": "SWEEP --output_dir OUT/report",
    "run_sweep": f"{TINY} --seed 0:3 --jobs 2 --output_dir OUT/sweep",
    "train_with_metrics": f"{TINY} --output_dir OUT/runs",
}
"""Their arguments, by name."""


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    root: Path,
    tiny_config: RunConfig,
    train_run: Callable[..., Path],
) -> Path:
    """A folder with what the scripts start from, under the names in ``SCRIPTS``."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copytree(root / RECORDED / "addition", folder / "RUN")
    shutil.copy(next((folder / "RUN").glob("checkpoint_e008000*")), folder / "WEIGHTS.safetensors")
    heights = RunConfig(
        task="kinematics", d_model=16, n_heads=2, d_mlp=32, n_epochs=20, log_every=10, checkpoint_every=10
    )
    train_run(heights, folder / "HEIGHTS")
    for task in ("add", "mul", "add,mul"):
        train_run(replace(tiny_config, task=task), folder / "SWEEP" / task.replace(",", "_"))
    command = ["generate_circle_frames.py", str(folder / "RUN"), "--output_dir", str(folder / "FRAMES")]
    subprocess.run([sys.executable, *command], cwd=root, check=True, capture_output=True, timeout=PATIENCE)
    return folder


def command_of(script: str, folder: Path) -> list[str]:
    words = SCRIPTS[script].replace("WEIGHTS", "WEIGHTS.safetensors").split()
    starts = ("RUN", "HEIGHTS", "WEIGHTS", "SWEEP", "FRAMES", "OUT")
    return [
        sys.executable,
        f"{script}.py",
        *(str(folder / word) if word.startswith(starts) else word for word in words),
    ]


def left_over(folder: Path) -> list[str]:
    """Empty folders, and files that only a process at work has."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if (path.is_dir() and not any(path.iterdir()))
        or path.name.endswith((".tmp", ".lock"))
        or path.name.startswith((".drawing-", ".film-", ".ready-"))
    ]


def test_every_script_is_here(root: Path) -> None:
    assert {path.stem for path in root.glob("*.py")} == set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_interrupt_at_any_moment_ends_the_script(
    script: str, made: Path, root: Path, tmp_path: Path
) -> None:
    def start(folder: Path) -> "subprocess.Popen[str]":
        shutil.copytree(made, folder)
        return subprocess.Popen(
            command_of(script, folder), cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    began = time.monotonic()
    process = start(tmp_path / "whole")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    takes, slowest = time.monotonic() - began, 0.0
    for k in range(1, MOMENTS + 1):
        folder = tmp_path / str(k)
        process = start(folder)
        try:
            process.wait(k * takes / MOMENTS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        signalled = time.monotonic()
        _, err = process.communicate(timeout=MOST_SECONDS)
        slowest = max(slowest, time.monotonic() - signalled)
        assert process.returncode in (0, 130), err
        assert "Traceback" not in err
        assert left_over(folder) == []
        shutil.rmtree(folder)
    print(f"{script}: {slowest:.1f} s at most from the signal to the end")  # noqa: T201
