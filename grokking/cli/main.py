"""The command ``grokking``: finds the subcommand, reads its flags, runs it, ends in one of the known ways."""

import argparse
import sys
from collections.abc import Sequence

from grokking.cli.command import COMMANDS, Command
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.errors import UserError
from grokking.guard import Guard

DESCRIPTION = """Train a small network on arithmetic or a group, watch it grok, measure and show what it does.

grokking COMMAND --help explains a command."""
VERSION_FLAGS = ("--version", "-V")
HELP_FLAGS = ("--help", "-h")


def main(arguments: Sequence[str] | None = None, guard: Guard | None = None) -> None:
    """Run ``grokking`` with these arguments, by default those of the process.

    guard: as in ``run_script``.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    run_script(lambda: dispatch(given), whole_process=arguments is None, guard=guard)


def run_as(name: str, guard: Guard | None = None) -> None:
    """Run one subcommand, or "frames circle" and the like, from a script whose name help texts then show.

    guard: as in ``run_script``.
    """

    def run() -> None:
        first, _, film = name.partition(" ")
        if not film:
            return run_command(COMMANDS.get(first), sys.argv[1:], None)
        from grokking.cli.commands.frames import command_of

        return run_command(command_of(film), sys.argv[1:], None)

    run_script(run, whole_process=True, guard=guard)


def dispatch(arguments: Sequence[str]) -> None:
    """Run the subcommand that the first argument names.

    Raises UserError where there is none, or none of that name.
    """
    if not arguments:
        raise UserError(f"no command was given; accepted: {', '.join(COMMANDS.names())}; see grokking --help")
    name, *rest = arguments
    if name in HELP_FLAGS:
        print(overview())
    elif name in VERSION_FLAGS:
        print(version_text())
    elif name not in COMMANDS:
        raise UserError(
            f"unknown command {name!r}; known: {', '.join(COMMANDS.names())}; see grokking --help"
        )
    else:
        run_command(COMMANDS.get(name), rest, f"grokking {name}")


def run_command(command: Command, arguments: Sequence[str], program: str | None) -> None:
    """Read a command's flags and run it.

    program: how help and errors name it; None for the name of the running script.
    """
    parser = parser_of(command, program)
    command.run(parser.read(arguments))


def parser_of(command: Command, program: str | None) -> Parser:
    """The parser of a command's flags."""
    parser = Parser(
        prog=program,
        description=command.description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_flags(parser)
    return parser


def overview() -> str:
    """The text of ``grokking --help``."""
    width = max(map(len, COMMANDS.names()))
    lines = [f"  {command.name.ljust(width)}  {command.summary}" for command in COMMANDS]
    return "\n".join(["usage: grokking COMMAND ...", "", DESCRIPTION, "", "commands:", *lines])


def version_text() -> str:
    """``grokking 0.2.0``, as installed, or as the source tree says."""
    from grokking import __version__

    return f"grokking {__version__}"


if __name__ == "__main__":
    main()
