"""The loss along waves of the embedding: the figure to the formula of directional derivatives."""

from typing import Any

import numpy as np
import torch

from grokking.metrics.activations import ActivationCache
from grokking.metrics.embedding import frequency_share
from grokking.metrics.logits import cross_entropy
from grokking.page.pack import plain
from grokking.runs.view import RunView

STEPS = (-1.0, -0.75, -0.5, -0.25, -0.05, 0.0, 0.05, 0.25, 0.5)
"""h: the waves are multiplied by 1 + h."""
SMALL = 0.05
MOST_KEYS = 5


def along_waves(view: RunView) -> dict[str, Any] | None:
    """``{"epoch", "h": [H], "lines": [{"k", "key", "loss": [H], "slope"}]}``; None without key frequencies.

    For each key frequency (five at most) and the strongest other one, the mean loss (nats) of all pairs of
    the group with these waves of W_E scaled, and its slope at h = 0 from the difference over ± 0.05.
    """
    if not view.keys:
        return None
    share = frequency_share(view.embedding)
    others = [k for k in np.argsort(-share) + 1 if k not in view.keys]
    chosen = [(k, True) for k in view.keys[:MOST_KEYS]] + [(int(k), False) for k in others[:1]]
    lines = []
    for k, key in chosen:
        losses = [_loss(view, k, h) for h in STEPS]
        slope = (losses[STEPS.index(SMALL)] - losses[STEPS.index(-SMALL)]) / (2 * SMALL)
        lines.append({"k": int(k), "key": key, "loss": plain(losses), "slope": slope})
    return {"epoch": view.epoch, "h": list(STEPS), "lines": lines}


def _loss(view: RunView, k: int, h: float) -> float:
    run, grid = view.run, view.grid
    weights, members = dict(view.acts.weights), torch.tensor(grid.group.members)
    waves = torch.tensor(view.basis.rows[view.basis.rows_of(k)])
    rows = weights["W_E"].double()
    scaled = rows.clone()
    scaled[members] += h * waves.T @ (waves @ rows[members])
    weights["W_E"] = scaled.to(weights["W_E"].dtype)
    acts = ActivationCache(weights, run.shape, run.task)
    logits = acts.logit_grid(grid).reshape(grid.n**2, -1)
    return float(cross_entropy(logits, grid.s).mean())
