"""Command-line flags made from the config's fields, and configs made from flags."""

import argparse
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from grokking.config import PRESETS, RunConfig
from grokking.errors import UserError
from grokking.storage.atomic_io import read_json

NOT_A_FLAG = ("init_digest", "imported", "split", "extra_tokens", "extra_classes")


class Parser(argparse.ArgumentParser):
    """argparse whose errors are ours: one line, exit code 2.

    What begins with a dash and a digit, as -1:2 or -1e-3, is a value here, which whoever checks it answers.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def error(self, message: str) -> Any:
        """Raises UserError."""
        raise UserError(f"{message}; see {self.prog} --help")


def add_base_flags(parser: argparse.ArgumentParser) -> None:
    """What a config starts from, before the flags of its fields."""
    parser.add_argument("--preset", default=None, help=f"start from one of {', '.join(PRESETS)}")
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
    group = parser.add_argument_group("the run")
    for f in fields(RunConfig):
        if f.name in NOT_A_FLAG:
            continue
        value: Any = f.default
        kind = type(value)
        default = " ".join(map(str, value)) if kind is tuple else value
        options: dict[str, Any] = {
            "default": argparse.SUPPRESS,
            "help": f"{f.metadata['help']} (default: {default})",
        }
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        elif kind is tuple:
            options |= {"type": float, "nargs": 2, "metavar": f.metadata["metavar"]}
        else:
            choices = f.metadata["choices"]
            options |= {"type": kind, "metavar": "|".join(choices) if choices else None}
        group.add_argument(f"--{f.name}", **options)


def config_from_args(args: argparse.Namespace) -> RunConfig:
    """Defaults, overlaid by the preset, by the config file, by the flags that were given."""
    given = vars(args)
    flags = {f.name: given[f.name] for f in fields(RunConfig) if f.name in given}
    return RunConfig.from_dict({**base_record(args.preset, args.config), **flags})


def base_record(preset: str | None, config: Path | None) -> dict[str, Any]:
    """The fields that a preset's name and a config file decide; the file overrides the preset.

    Raises UserError for an unknown preset, and for a file that holds no config.
    """
    record: dict[str, Any] = {}
    if preset is not None:
        if preset not in PRESETS:
            raise UserError(f"unknown preset {preset!r}; known: {', '.join(PRESETS)}")
        record |= PRESETS[preset]
    if config is not None:
        content = read_json(config)
        content = content.get("config", content) if isinstance(content, dict) else content
        record |= RunConfig.from_dict(content).as_dict()
    return record


def command_line() -> list[str]:
    """The command as it was typed, for ``config.json``."""
    return ["python", Path(sys.argv[0]).name, *sys.argv[1:]]
