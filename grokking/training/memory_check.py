"""How much memory runs that are trained together will want, asked before the first update."""

from collections.abc import Sequence
from dataclasses import replace

import psutil
import torch

from grokking.config import RunConfig
from grokking.engines.numba.layout import row_width
from grokking.engines.parameters import MOMENTS, n_parameters
from grokking.errors import UserError
from grokking.from_config import shape_of, split_of, task_of

FLOAT_BYTES = 4
COPIES = 2 + len(MOMENTS)
"""Of the weights: they themselves, their gradient, AdamW's moments."""
# float32 numbers that autograd holds for one pair, by what they are as long as: fitted to the growth
# of the process from one to three runs, at p = 113 and p = 59, with and without layer norm and GELU.
OF_NEURONS, OF_MODEL, OF_CLASSES = 3, 16, 10
POSITIONS = 3
"""The plain forward keeps as much for every position."""


def bytes_of_run(config: RunConfig, engine: str) -> int:
    """About how much memory one more run takes by this engine; the program itself is not counted."""
    shape = shape_of(config)
    parameters = COPIES * n_parameters(shape)
    if engine == "compiled":
        # Tables and their gradient to train with, tables alone to look at train and test pairs.
        tables = 4 * shape.n_ops * (shape.n_heads + 1) * 2 * shape.n_numbers * row_width(shape)
        return FLOAT_BYTES * (parameters + tables)
    per_pair = OF_NEURONS * shape.d_mlp + OF_MODEL * shape.d_model + OF_CLASSES * shape.n_classes
    n_pairs = len(split_of(config, task_of(config)).train)
    positions = POSITIONS if engine == "plain" else 1
    return FLOAT_BYTES * (parameters + positions * n_pairs * per_pair)


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a GPU, or available on this machine."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def require_memory(configs: Sequence[RunConfig], engine: str, device: torch.device) -> None:
    """Raises UserError if these runs do not fit into memory together, and says how many do."""
    shapes = {replace(config, seed=0) for config in configs}  # no seed takes more than another
    each, free = max(bytes_of_run(config, engine) for config in shapes), free_memory(device)
    # One plain run at a time holds what autograd needs; batches and compiled runs all hold it at once.
    at_once = 1 if engine == "plain" else len(configs)
    if at_once * each <= free:
        return
    fit = free // each
    runs = f"{len(configs)} runs need" if len(configs) > 1 else "the run needs"
    advice = (
        f"only {fit} of them fit: split --seeds into batches, or use grokking sweep"
        if fit
        else "not one fits: try a smaller --p, --train_frac or --d_mlp, or another --device"
    )
    raise UserError(
        f"{runs} about {_shown(at_once * each)} of memory on {device}, and {_shown(free)} are free; {advice}"
    )


def _shown(n: int) -> str:
    return f"{n / 1e9:.2g} GB" if n >= 1e9 else f"{n / 1e6:.0f} MB"
