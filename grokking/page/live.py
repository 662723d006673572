"""Weights of a few steps, rounded to half precision: the network that runs on the reader's machine."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from grokking.metrics.early_warning import memorisation_epoch
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights
from grokking.page.pack import packed

N_LIVE = 5


def choose_live(
    steps: Sequence[int], history: Mapping[str, Any], formed: int | None, suffix: str = ""
) -> list[int]:
    """About five of the steps: start, memorised, circuit formed, grokked, end.

    formed: where circuit formation begins. Moments that the run lacks are replaced by steps that
    lie evenly between.
    """
    grokked = history.get(f"grokking_epoch{suffix}")
    wanted = [steps[0], memorisation_epoch(history, suffix[1:] or None), formed, grokked, steps[-1]]
    found = {_at_or_after(steps, epoch) for epoch in wanted if epoch is not None}
    for i in np.round(np.linspace(0, len(steps) - 1, N_LIVE)).astype(int):
        if len(found) < N_LIVE:
            found.add(steps[i])
    return sorted(found)


def _at_or_after(steps: Sequence[int], epoch: int) -> int:
    return next((step for step in steps if step >= epoch), steps[-1])


def rounded(weights: Weights, shape: ModelShape) -> dict[str, torch.Tensor]:
    """The weights as the page has them: float32 [as given] with the precision of float16."""
    return {name: weights[name].half().float() for name in shape.parameter_shapes()}


def packed_weights(weights: Weights, shape: ModelShape) -> dict[str, Any]:
    """Every parameter by name, packed in half precision."""
    return {name: packed(weights[name].detach().cpu().numpy()) for name in shape.parameter_shapes()}
