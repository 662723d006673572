"""The flags of ``grokking sweep``: one value or several for every field of the config.

--train_frac 0.1 0.3 --seed 0:5      ten runs, p=113_train_frac=0.1_seed=0 and so on
"""

import argparse
import re
from collections.abc import Sequence
from typing import Any

from grokking.cli.flags import add_base_flags, base_record, flag_fields, help_of
from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.sweep.grid import LARGEST_GRID, SWEEP_DEFAULTS, grid, value_text

RANGE = re.compile(r"(\d{1,9}):(\d{1,9})")


def add_grid_flags(parser: argparse.ArgumentParser) -> None:
    """One flag per config field that takes one value or several."""
    add_base_flags(parser)
    group = parser.add_argument_group(
        "the grid", "one value or several each; 0:5 is 0 1 2 3 4; betas are joined by a comma: 0.9,0.98"
    )
    for name, owners in flag_fields().items():
        help_text = help_of(owners, SWEEP_DEFAULTS).replace("%", "%%")
        group.add_argument(f"--{name}", nargs="+", default=argparse.SUPPRESS, metavar="VALUE", help=help_text)


def grid_from_args(args: argparse.Namespace) -> dict[str, RunConfig]:
    """Every run of the sweep by its name, the seeds outermost: a sweep cut short is still balanced.

    Raises UserError, before any work, for a value that no run can have.
    """
    base = SWEEP_DEFAULTS | base_record(args.preset, args.config)
    axes = {name: parse_values(name, getattr(args, name)) for name in flag_fields() if hasattr(args, name)}
    return grid(base, axes)


def parse_values(field: str, texts: Sequence[str]) -> list[Any]:
    """The values typed for a field: ``["0:3", "7"]`` to 0, 1, 2, 7.

    Raises UserError for a text that is not a value of the field, and for a value given twice.
    """
    values = [value for text in texts for value in _parse(field, text)]
    for value in values:
        if values.count(value) > 1:
            raise UserError(f"{field} is given {value_text(value)} twice; each value makes runs of its own")
    return values


def _parse(field: str, text: str) -> list[Any]:
    kind: Any = type(flag_fields()[field][0][1].default)
    match = RANGE.fullmatch(text)
    if kind is int and match:
        first, beyond = int(match[1]), int(match[2])
        if not first < beyond <= first + LARGEST_GRID:
            raise UserError(f"{field} {text!r} is not a range; accepted: FIRST:BEYOND, as 0:5 for 0 1 2 3 4")
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
