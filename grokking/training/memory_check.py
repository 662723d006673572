"""How much memory runs that are trained together will want, asked before the first update."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psutil
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.engines import lookup
from grokking.engines.choose import NUMBA, REFERENCE
from grokking.engines.numba.tables import row_width
from grokking.errors import UserError
from grokking.from_config import initial_weights, n_state_numbers_of, shape_of, split_of, task_of
from grokking.models import MODELS
from grokking.optim.base import n_numbers

FLOAT_BYTES = 4
# float32 numbers that autograd holds for one pair, by what they are as long as: fitted to the growth
# of the process from one to three runs, at p = 113 and p = 59, with and without layer norm and GELU.
OF_NEURONS, OF_MODEL, OF_CLASSES = 3, 16, 10
POSITIONS = 3
"""The readable forward keeps as much for every position."""
PROBE = 8
"""Pairs of the trial that says what autograd holds for a model without fitted numbers."""


def bytes_of_run(config: RunConfig, engine: str) -> int:
    """About how much memory one more run takes by this engine; the program itself is not counted."""
    shape = shape_of(config)
    sizes = shape.parameter_shapes()
    # Weights, their gradient, and what optimiser and gradient filter remember.
    parameters = 2 * n_numbers(sizes) + n_state_numbers_of(config)
    if engine == NUMBA:
        # Tables and their gradient to train with, tables alone to evaluate train and test pairs.
        tables = 4 * shape.n_ops * (shape.n_heads + 1) * 2 * shape.n_numbers * row_width(shape)
        return FLOAT_BYTES * (parameters + tables)
    n_pairs = len(split_of(config, task_of(config)).train)
    return FLOAT_BYTES * (parameters + n_pairs * _numbers_per_pair(config, shape, engine))


def _numbers_per_pair(config: RunConfig, shape: Any, engine: str) -> int:
    """About how many float32 numbers autograd holds for one pair."""
    of_classes = OF_CLASSES * shape.n_classes
    if not lookup.serves(shape):
        return of_classes + _saved_per_pair(config, shape)
    positions = POSITIONS if engine == REFERENCE else 1
    return positions * (OF_NEURONS * shape.d_mlp + OF_MODEL * shape.d_model + of_classes)


def _saved_per_pair(config: RunConfig, shape: Any) -> int:
    """What autograd saves for one more pair in a model's ``logits``, found by trying a few pairs.

    Twice as much, since the backward pass makes gradients of the same sizes.
    """
    weights = {name: tensor.requires_grad_() for name, tensor in initial_weights(config).items()}
    one, two = (_saved_by_autograd(weights, shape, n) for n in (PROBE, 2 * PROBE))
    return 2 * max(0, two - one) // PROBE


def _saved_by_autograd(weights: dict[str, Tensor], shape: Any, n: int) -> int:
    """How many numbers autograd saves in the forward pass of ``n`` pairs."""
    sizes: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        MODELS.get(shape.model).logits(weights, shape, torch.zeros(n, shape.n_ctx, dtype=torch.int64))
    return sum(sizes)


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a GPU, or available on this machine."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def require_memory(configs: Sequence[RunConfig], engine: str, device: torch.device) -> None:
    """Raises UserError if these runs do not fit into memory together, and says how many do."""
    shapes = {replace(config, seed=0) for config in configs}  # no seed takes more than another
    each, free = max(bytes_of_run(config, engine) for config in shapes), free_memory(device)
    # One reference run at a time holds what autograd needs; batches and numba runs all hold it at once.
    at_once = 1 if engine == REFERENCE else len(configs)
    if at_once * each <= free:
        return
    fit = free // each
    runs = f"{len(configs)} runs need" if len(configs) > 1 else "the run needs"
    advice = (
        f"only {fit} of them fit: split --seeds into batches of {fit}, or use grokking sweep"
        if fit
        else "not one fits: try a smaller model or --train_frac, or another --device"
    )
    raise UserError(
        f"{runs} about {_shown(at_once * each)} of memory on {device}, and {_shown(free)} are free; {advice}"
    )


def _shown(n: int) -> str:
    return f"{n / 1e9:.2g} GB" if n >= 1e9 else f"{n / 1e6:.0f} MB"
