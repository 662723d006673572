"""A sweep on Ray. What needs Ray itself runs where it is installed (``pip install 'grokking[ray]'``)."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from grokking.errors import UserError
from grokking.sweep.executors import knock

FLAGS = (
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
    "--n_epochs",
    "40",
    "--log_every",
    "20",
    "--checkpoint_every",
    "20",
    "--threads",
    "1",
    "--seed",
    "0:2",
    "--jobs",
    "2",
    "--backend",
    "ray",
)


def test_a_cluster_that_nobody_listens_for_is_told_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
            with pytest.raises(UserError, match=r"^nobody at x \(.*refused\); start one$"):
                knock(address, "nobody at x", "start one")
        free.listen()
        knock(f"127.0.0.1:{port}", "nobody", "start one")


def test_addresses_without_a_port_are_the_client_s_to_find() -> None:
    for address in (None, "auto", "local", "inproc://1.2.3.4/5/6", "ucx://1.2.3.4:5"):
        knock(address, "nobody", "start one")
    with pytest.raises(UserError, match="nobody at host:high"):
        knock("host:high", "nobody at host:high", "start one")


@pytest.mark.slow
def test_runs_are_made_by_ray(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    command = [sys.executable, "-m", "grokking", "sweep", *FLAGS, "--output_dir", tmp_path]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == str(tmp_path)
    assert len(list(tmp_path.glob("*/history.json"))) == 2
