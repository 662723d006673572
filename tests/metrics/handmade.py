"""Networks that are not trained: their logits and neurons are written down, so answers are known."""

import numpy as np
import torch

from grokking.config import RunConfig
from grokking.engines.outputs import PairOutputs
from grokking.from_config import initial_weights, shape_of
from grokking.metrics.activations import ActivationCache
from grokking.tasks.modular import make_task
from grokking.tasks.pairs import GroupGrid


def cosine_cube(n: int, sign: int, frequencies: list[int], amplitude: float) -> np.ndarray:
    """A · Σ_k cos(ω_k (s(a,b) - g(c))), float64 [n, n, n] over group indices."""
    a, b, c = np.ogrid[:n, :n, :n]
    return amplitude * sum(np.cos(2 * np.pi * k * (a + sign * b - c) / n) for k in frequencies)


def observe(
    p: int, operation: str, cube: np.ndarray, extra_class: bool = False
) -> tuple[ActivationCache, GroupGrid]:
    """An observation whose logits on the group are ``cube`` [n, n, n]; elsewhere they are 100.

    Logits outside the group (operand or class zero, the extra class) would spoil any loss they got into.
    """
    task = make_task(p, operation)
    grid = task.grid(operation)
    assert grid is not None
    config = RunConfig(p=p, task=operation, d_model=4, n_heads=1, d_mlp=4, equals_class=extra_class)
    shape = shape_of(config)
    logits = np.full((len(task.tokens), shape.n_classes), 100.0, dtype=np.float32)
    logits[grid.rows[:, None], grid.group.members] = cube.reshape(-1, grid.n)
    acts = ActivationCache(initial_weights(config), shape, task)
    neurons = torch.zeros(len(task.tokens), shape.d_mlp)
    acts.__dict__["outputs"] = PairOutputs(neurons, torch.from_numpy(logits))
    return acts, grid
