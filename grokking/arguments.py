"""Command-line flags made from the config's fields, and configs made from flags."""

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from grokking.config import PRESETS, RunConfig
from grokking.errors import UserError
from grokking.files import read_json

NOT_A_FLAG = ("init_digest",)


class Parser(argparse.ArgumentParser):
    """argparse whose errors are ours: one line, exit code 2."""

    def error(self, message: str) -> Any:
        """Raises UserError."""
        raise UserError(f"{message}; see {self.prog} --help")


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    """One flag per config field; absent flags leave no trace, so presets show through."""
    parser.add_argument("--preset", default=None, help=f"start from one of {', '.join(PRESETS)}")
    parser.add_argument("--config", type=Path, default=None, metavar="FILE",
                        help="repeat the run whose config.json this is; flags still override")
    group = parser.add_argument_group("the run")
    for f in fields(RunConfig):
        if f.name in NOT_A_FLAG:
            continue
        value: Any = f.default
        kind = type(value)
        default = " ".join(map(str, value)) if kind is tuple else value
        options: dict[str, Any] = {"default": argparse.SUPPRESS,
                                   "help": f"{f.metadata['help']} (default: {default})"}
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        elif kind is tuple:
            options |= {"type": float, "nargs": 2, "metavar": ("BETA1", "BETA2")}
        else:
            choices = f.metadata["choices"]
            options |= {"type": kind, "metavar": "|".join(choices) if choices else None}
        group.add_argument(f"--{f.name}", **options)


def config_from_args(args: argparse.Namespace) -> RunConfig:
    """Defaults, overlaid by the preset, by the config file, by the flags that were given."""
    record: dict[str, Any] = {}
    if args.preset is not None:
        if args.preset not in PRESETS:
            raise UserError(f"unknown preset {args.preset!r}; known: {', '.join(PRESETS)}")
        record |= PRESETS[args.preset]
    if args.config is not None:
        content = read_json(args.config)
        content = content.get("config", content) if isinstance(content, dict) else content
        record |= RunConfig.from_dict(content).as_dict()
    given = vars(args)
    record |= {f.name: given[f.name] for f in fields(RunConfig) if f.name in given}
    return RunConfig.from_dict(record)


def command_line() -> list[str]:
    """The command as it was typed, for ``config.json``."""
    return ["python", Path(sys.argv[0]).name, *sys.argv[1:]]
