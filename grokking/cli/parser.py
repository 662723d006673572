"""Reading a command line: argparse with our errors, flags with hyphens or underscores."""

import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from grokking.errors import UserError

RENAMED_FLAGS = {
    "--recipe": "--init_scheme",
    "--keep": "--checkpoint_density",
    "--init": "--init_scheme",
}
"""The flags behind those of version 0.1 and behind a short name; all are taken."""


class Parser(argparse.ArgumentParser):
    """argparse whose errors are ours: UserError, in one line, for exit code 2; no abbreviated flags.

    What begins with a dash and a digit, as -1:2 or -1e-3, is a value here; what checks the value answers it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def error(self, message: str) -> NoReturn:
        """Raises UserError."""
        raise UserError(f"{message}; see {self.prog} --help")

    def read(self, arguments: Sequence[str] | None = None) -> argparse.Namespace:
        """The values of the flags, which may have hyphens for underscores; by default of the process.

        Raises UserError for arguments that cannot be read.
        """
        return self.parse_args(with_underscores(sys.argv[1:] if arguments is None else arguments))

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse has it, but nothing is unknown: raises UserError.

        A film's parser, which ``grokking frames`` asks for its part, so names itself and its own flags.
        """
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self._refuse(unknown[0])
        return found, unknown

    def _refuse(self, unknown: str) -> NoReturn:
        flags = [flag.removeprefix("--") for flag in self._option_string_actions if flag.startswith("--")]
        name = unknown.split("=")[0].removeprefix("--")
        near = difflib.get_close_matches(name, flags, 1)
        hint = f"; did you mean --{near[0]}?" if near and unknown.startswith("--") else ""
        self.error(f"unknown argument {unknown!r}{hint}")


class BooleanFlag(argparse.Action):
    """``--name`` for yes, ``--no_name`` for no."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        no = [f"--no_{option.removeprefix('--')}" for option in option_strings]
        super().__init__([*option_strings, *no], dest, nargs=0, **options)

    def __call__(self, _: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:  # noqa: ARG002
        """Note the answer."""
        setattr(namespace, self.dest, not str(option_string).startswith("--no_"))


def with_underscores(arguments: Sequence[str]) -> list[str]:
    """The arguments with every long flag spelt as its parser has it.

    >>> with_underscores(["--n-epochs", "10", "--no-layer_norm", "--keep=few", "my-run"])
    ['--n_epochs', '10', '--no_layer_norm', '--checkpoint_density=few', 'my-run']
    """
    return [_spelt(argument) if argument.startswith("--") else argument for argument in arguments]


def _spelt(argument: str) -> str:
    flag, equals, value = argument.partition("=")
    flag = "--" + flag.removeprefix("--").replace("-", "_")
    return RENAMED_FLAGS.get(flag, flag) + equals + value
