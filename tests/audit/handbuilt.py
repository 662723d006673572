"""A network whose weights are written down, and that adds by trigonometry.

Per frequency k: tokens lie on a circle, attention adds the circles of a and b, neurons at M evenly
spaced phases φ see the sum A·cos(θ - φ) with θ = ω_k s / 2, and are read with e^{2iφ}. Over φ that
leaves |A| e^{iω_k s}: waves of the answer, and of nothing else. M = 9 leaves aliases of order 16 only.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.from_config import initial_weights
from grokking.runs.run import Run
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory
from grokking.tasks.modular import make_task

KEYS = [2, 5, 9, 13]
PHASES = 9
P = 29


def handbuilt_config(task: str = "add", **changes) -> RunConfig:
    sizes = {"d_model": 4 * len(KEYS), "n_heads": 1, "d_mlp": PHASES * len(KEYS)}
    return RunConfig(**{"p": P, "task": task, "train_frac": 0.4, "n_epochs": 10, **sizes, **changes})


def handbuilt_weights(config: RunConfig, scale: float = 12.0) -> dict[str, Tensor]:
    """Weights of the network above, for "add" or "mul" (then over the group's own indices)."""
    group = make_task(config.p, config.task).group(config.task)
    assert group is not None
    members = torch.from_numpy(group.members.copy())
    n, weights = group.order, {k: torch.zeros_like(w) for k, w in initial_weights(config).items()}
    d = config.d_model
    weights["W_V"][0] = torch.eye(d)
    weights["W_O"][0] = 3 * torch.eye(d)  # scores are zero, so each of the three gets a third
    phases = 2 * np.pi * np.arange(PHASES) / PHASES
    for i, k in enumerate(KEYS):
        read, write = slice(2 * i, 2 * i + 2), slice(2 * len(KEYS) + 2 * i, 2 * len(KEYS) + 2 * i + 2)
        neurons = slice(i * PHASES, (i + 1) * PHASES)
        circle = np.stack([f(2 * np.pi * k * np.arange(n) / n) for f in (np.cos, np.sin)])
        weights["W_E"][members, read] = torch.from_numpy(circle.T).float()
        weights["W_in"][read, neurons] = torch.from_numpy(np.stack([np.cos(phases), np.sin(phases)])).float()
        weights["W_out"][neurons, write] = (
            scale * torch.from_numpy(np.stack([np.cos(2 * phases), np.sin(2 * phases)], axis=1)).float()
        )
        weights["W_U"][write, members] = torch.from_numpy(circle).float()
    return weights


def write_run(path, config: RunConfig, *states: dict[str, Tensor]) -> Run:
    """A run directory with these weights at epochs 0, 10, …; no history."""
    directory = RunDirectory(Path(path))
    directory.create(config, {})
    for i, weights in enumerate(states):
        directory.save(Checkpoint(10 * i, weights, config))
    return Run(path)
