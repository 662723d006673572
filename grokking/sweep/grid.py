"""From flags to runs: every combination of the values given, each run with a name of its own.

--train_frac 0.1 0.3 --seed 0:5      ten runs, p=113_train_frac=0.1_seed=0 and so on
"""

import argparse
import difflib
import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from grokking.cli.flags import add_base_flags, base_record, flag_fields, help_of
from grokking.config import FEW, ONLY_RECORDED, RunConfig, common_fields
from grokking.errors import UserError

RECIPE_DEFAULTS = {f.name: f.default for f in common_fields() if f.name in ("task", "model", "optimiser")}
"""The names of registry entries are part of a folder's name where they are not these."""
ALWAYS_NAMED = ("p", "train_frac", "seed")
NAMES_IN_FOLDERS = {"init_scheme": "recipe"}
"""Fields whose folder names are those of version 0.1, so that its sweeps continue."""
LONGEST_NAME = 100
DIGEST = 8
LARGEST_GRID = 100_000
RANGE = re.compile(r"(\d{1,9}):(\d{1,9})")
SWEEP_DEFAULTS = {"checkpoint_density": FEW}
"""Where a sweep differs from a single run: films of a hundred runs are seldom wanted."""


def add_grid_flags(parser: argparse.ArgumentParser) -> None:
    """One flag per config field that takes one value or several."""
    add_base_flags(parser)
    group = parser.add_argument_group(
        "the grid", "one value or several each; 0:5 is 0 1 2 3 4; betas are joined by a comma: 0.9,0.98"
    )
    for name, owners in flag_fields().items():
        help_text = help_of(owners, SWEEP_DEFAULTS).replace("%", "%%")
        group.add_argument(f"--{name}", nargs="+", default=argparse.SUPPRESS, metavar="VALUE", help=help_text)


def refuse_unknown(arguments: Sequence[str]) -> None:
    """Raises UserError for flags that are no config fields, naming the nearest one."""
    if not arguments:
        return
    known = list(flag_fields())
    name = arguments[0].lstrip("-").split("=")[0]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean --{near[0]}? " if near else ""
    raise UserError(f"unknown field {arguments[0]!r}; {hint}a sweep takes {', '.join(known)}")


def grid_from_args(args: argparse.Namespace) -> dict[str, RunConfig]:
    """Every run of the sweep by its name, the seeds outermost: a sweep cut short is still balanced.

    Raises UserError, before any work, for a value that no run can have.
    """
    base = SWEEP_DEFAULTS | base_record(args.preset, args.config)
    axes = {name: parse_values(name, getattr(args, name)) for name in flag_fields() if hasattr(args, name)}
    return grid(base, axes)


def grid(base: Mapping[str, Any], axes: Mapping[str, Sequence[Any]]) -> dict[str, RunConfig]:
    """All combinations of ``axes`` (values by field) on top of ``base``, by run name."""
    for name in ONLY_RECORDED:
        if len(axes.get(name, ())) > 1:
            raise UserError(
                f"{name} decides what is recorded, not how a run goes; give one value, not {len(axes[name])}"
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
    name = "_".join(f"{field}={_written(value)}" for field, value in {**chosen, "seed": config.seed}.items())
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST]
    return f"{name[: LONGEST_NAME - DIGEST - 1]}_{digest}"


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value).replace(",", "+")


def parse_values(field: str, texts: Sequence[str]) -> list[Any]:
    """The values typed for a field: ``["0:3", "7"]`` to 0, 1, 2, 7.

    Raises UserError for what is no value of the field, and for one given twice.
    """
    values = [value for text in texts for value in _parse(field, text)]
    for value in values:
        if values.count(value) > 1:
            raise UserError(f"{field} is given {_written(value)} twice; each value makes runs of its own")
    return values


def _parse(field: str, text: str) -> list[Any]:
    kind: Any = type(flag_fields()[field][0][1].default)
    match = RANGE.fullmatch(text)
    if kind is int and match:
        first, beyond = int(match[1]), int(match[2])
        if not first < beyond <= first + LARGEST_GRID:
            raise UserError(f"{field} {text!r} is no range; accepted: FIRST:BEYOND, as 0:5 for 0 1 2 3 4")
        return list(range(first, beyond))
    try:
        if kind is bool:
            return [{"true": True, "false": False}[text.lower()]]
        if kind is tuple:
            return [tuple(float(part) for part in text.split(","))]
        return [kind(text)]
    except (ValueError, KeyError):
        accepted = {
            int: "integers and ranges such as 0:5",
            float: "numbers",
            bool: "true and false",
            tuple: "pairs joined by a comma, such as 0.9,0.98",
        }[kind]
        raise UserError(f"{field} is given {text!r}; accepted: {accepted}") from None
