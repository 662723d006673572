"""Command-line flags made from the config's fields: one value each for a run, several for a sweep.

--train_frac 0.1 0.3 --seed 0:5      ten runs, p=113_train_frac=0.1_seed=0 and so on
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field
from pathlib import Path
from typing import Any

from grokking.cli.parser import BooleanFlag
from grokking.config import RunConfig, all_fields, is_a_flag, presets
from grokking.errors import UserError
from grokking.gradient_filters import GRADIENT_FILTERS
from grokking.losses import LOSSES
from grokking.models import MODELS
from grokking.optim import OPTIMISERS
from grokking.storage.atomic_io import read_json
from grokking.sweep.grid import LARGEST_GRID, SWEEP_DEFAULTS, grid, value_text
from grokking.tasks import TASK_FAMILIES

ACCEPTED: dict[str, Callable[[], str]] = {
    "task": lambda: "; or ".join(family.accepted for family in TASK_FAMILIES),
    "model": lambda: ", ".join(MODELS.names()),
    "optimiser": lambda: ", ".join(OPTIMISERS.names()),
    "gradient_filter": lambda: ", ".join(GRADIENT_FILTERS.names()),
    "loss": lambda: ", ".join(LOSSES.names()),
}
"""What the fields that name an entry of a registry accept."""


def add_base_flags(parser: argparse.ArgumentParser) -> None:
    """What a config starts from, before the flags of its fields."""
    parser.add_argument("--preset", default=None, help=f"start from one of {', '.join(presets())}")
    parser.add_argument(
        "--config",
        type=Path,
        default=None,
        metavar="FILE",
        help="repeat the run whose config.json this is; flags still override",
    )


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    """One flag per config field; absent flags leave no trace, so presets show through."""
    add_base_flags(parser)
    groups: dict[str, Any] = {}
    for name, owners in flag_fields().items():
        owner = "" if len(owners) > 1 else owners[0][0]
        if owner not in groups:
            groups[owner] = parser.add_argument_group(f"the run, {owner}" if owner else "the run")
        groups[owner].add_argument(f"--{name}", **_flag(owners))


def flag_fields() -> dict[str, list[tuple[str, "Field[Any]"]]]:
    """The fields that the command line offers, with their owners, as ``grokking.config.all_fields``."""
    return {name: owners for name, owners in all_fields().items() if is_a_flag(name)}


def help_of(owners: Sequence[tuple[str, "Field[Any]"]], defaults: Mapping[str, Any] = {}) -> str:
    """A flag's help text: what the field is, what is accepted, its default or its default by owner.

    defaults: by field, where a command has others.
    """
    f = owners[0][1]
    shown = {written(defaults.get(f.name, field.default)) for _, field in owners}
    texts = {field.metadata["help"]: owner for owner, field in reversed(owners)}
    several = "; ".join(f"with {owner}: {text}" for text, owner in reversed(texts.items()))
    what = next(iter(texts)) if len(texts) == 1 else several
    accepted = f"; {ACCEPTED[f.name]()}" if f.name in ACCEPTED else ""
    if len(shown) == 1:
        return f"{what}{accepted} (default: {shown.pop()})"
    by_owner = ", ".join(f"{written(field.default)} with {owner}" for owner, field in owners)
    return f"{what}{accepted} (default: {by_owner})"


def written(value: Any) -> str:
    """A default as it is typed: the numbers of a pair apart; "none" for an empty text."""
    if value == "":
        return "none"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _flag(owners: Sequence[tuple[str, "Field[Any]"]]) -> dict[str, Any]:
    """What argparse needs to know of a field."""
    f = owners[0][1]
    kind: Any = type(f.default)
    choices = f.metadata["choices"]
    options: dict[str, Any] = {"default": argparse.SUPPRESS, "help": help_of(owners).replace("%", "%%")}
    if kind is bool:
        return options | {"action": BooleanFlag}
    if kind is tuple:
        return options | {"type": float, "nargs": 2, "metavar": f.metadata["metavar"]}
    return options | {"type": kind, "metavar": "|".join(choices) if choices else None}


def config_from_args(args: argparse.Namespace) -> RunConfig:
    """Defaults, overlaid by the preset, by the config file, by the flags that were given."""
    given = vars(args)
    flags = {name: given[name] for name in flag_fields() if name in given}
    return RunConfig.from_dict({**base_record(args.preset, args.config), **flags})


def base_record(preset: str | None, config: Path | None) -> dict[str, Any]:
    """The fields that a preset's name and a config file decide; the file overrides the preset.

    Raises UserError for an unknown preset, and for a file that holds no config.
    """
    record: dict[str, Any] = {}
    if preset is not None:
        known = presets()
        if preset not in known:
            raise UserError(f"unknown preset {preset!r}; known: {', '.join(known)}")
        record |= known[preset]
    if config is not None:
        content = read_json(config)
        content = content.get("config", content) if isinstance(content, dict) else content
        record |= RunConfig.from_dict(content).as_dict()
    return record


RANGE = re.compile(r"(\d{1,9}):(\d{1,9})")


def add_grid_flags(parser: argparse.ArgumentParser) -> None:
    """One flag per config field that takes one value or several."""
    add_base_flags(parser)
    parser.add_argument(
        "--configs",
        type=Path,
        metavar="FILE",
        help='JSON list of configs: [{"lr": 0.003, "weight_decay": 0.3}, …]: a grid is made on top of each',
    )
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
    records = [{}] if args.configs is None else _records(args.configs)
    runs = {name: config for record in records for name, config in grid(base | record, axes).items()}
    order = {seed: i for i, seed in enumerate(axes.get("seed", ()))}
    return dict(sorted(runs.items(), key=lambda run: order.get(run[1].seed, 0)))


def _records(path: Path) -> list[dict[str, Any]]:
    """The configs of a file. Raises UserError where it holds no list of JSON objects."""
    content = read_json(path)
    if not isinstance(content, list) or not content or not all(isinstance(one, dict) for one in content):
        raise UserError(f'{path} is no list of configs; accepted: JSON as [{{"lr": 0.003}}, {{"lr": 0.01}}]')
    return content


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
