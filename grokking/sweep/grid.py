"""A grid of runs: every combination of the values of some fields, each run with a name of its own."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from grokking.config import ENTRIES, FEW, ONLY_RECORDED, RunConfig, common_fields
from grokking.errors import UserError

RECIPE_DEFAULTS = {f.name: f.default for f in common_fields() if f.name in ENTRIES}
"""The names of registry entries are part of a folder's name where they are not these."""
ALWAYS_NAMED = ("p", "train_frac", "seed")
NAMES_IN_FOLDERS = {"init_scheme": "recipe"}
"""Fields whose folder names are those of version 0.1, so that its sweeps continue."""
LONGEST_NAME = 100
DIGEST = 8
LARGEST_GRID = 100_000
SWEEP_DEFAULTS = {"checkpoint_density": FEW}
"""Where a sweep differs from a single run: films of a hundred runs are seldom wanted."""


def grid(base: Mapping[str, Any], axes: Mapping[str, Sequence[Any]]) -> dict[str, RunConfig]:
    """All combinations of ``axes`` (values by field) on top of ``base``, by run name."""
    for name in ONLY_RECORDED:
        if len(axes.get(name, ())) > 1:
            raise UserError(
                f"{name} changes what is recorded, not how a run is trained; "
                f"give one value, not {len(axes[name])}"
            )
    size = 1
    for values in axes.values():
        size *= len(values)
    if size > LARGEST_GRID:
        raise UserError(f"the grid has {size} runs; accepted: up to {LARGEST_GRID}")
    names = sorted(axes, key=lambda name: name != "seed")
    combinations = itertools.product(*(axes[name] for name in names))
    configs = [
        RunConfig.from_dict({**base, **dict(zip(names, values, strict=True))}) for values in combinations
    ]
    return {run_name(config): config for config in configs}


def run_name(config: RunConfig) -> str:
    """A folder name that says how a run differs from the defaults, the same in every sweep.

    It always has modulus, fraction and seed. Whatever decides the run's numbers and is not at its
    default follows before the seed; so two sweeps of one folder share the runs they have in common.
    """
    default = dict(config.defaults().items()) | RECIPE_DEFAULTS
    chosen = {
        NAMES_IN_FOLDERS.get(name, name): value
        for name, value in config.items()
        if name not in (*ONLY_RECORDED, "seed") and (name in ALWAYS_NAMED or value != default[name])
    }
    name = "_".join(
        f"{field}={value_text(value)}" for field, value in {**chosen, "seed": config.seed}.items()
    )
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST]
    return f"{name[: LONGEST_NAME - DIGEST - 1]}_{digest}"


def value_text(value: Any) -> str:
    """A value as a folder's name has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value).replace(",", "+")
