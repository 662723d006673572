"""Film a run: a folder of frames, one per checkpoint.

    grokking frames circle RUN_DIR --output_dir frames_circle/default
    grokking frames clean RUN_DIR --neuron 217 --view source
    grokking frames sine RUN_DIR HISTORY_JSON --theme dark
    grokking frames order RUN_DIR --direct order.mp4
    grokking frames kinematics RUN_DIR

grokking frames FILM --help explains a film. Writes frame_00000.png, frame_00001.png, ... Prints their folder.
"""

import argparse
from pathlib import Path
from typing import Any

from grokking.cli.command import COMMANDS, Command, frames_folder
from grokking.cli.parser import Parser
from grokking.films.registry import FILMS, FilmEntry
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """One subcommand per film, each with its own flags."""
    films = parser.add_subparsers(dest="film", metavar="FILM", required=True, parser_class=Parser)
    for about in FILMS:
        film = films.add_parser(
            about.name,
            help=about.summary,
            description=about.description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_film_flags(film, about)


def add_film_flags(parser: argparse.ArgumentParser, about: FilmEntry) -> None:
    """The flags of one film."""
    add = parser.add_argument
    add("run_dir", type=Path, metavar="RUN_DIR", help="a run directory")
    add("history", type=Path, nargs="?", metavar="HISTORY_JSON", help="default: the one in RUN_DIR")
    add("--output_dir", type=Path, help=f"folder of frames; default: frames_{about.name}/<run name>")
    if about.of_an_operation:
        add(
            "--view",
            default="unfolded",
            metavar="unfolded|source",
            help="unfolded: in phase order, k·x mod n; source: in plain order (default: unfolded)",
        )
        add("--operation", help="of a run of several; default: the first with a group")
    for name, text in about.own.items():
        add(f"--{name}", type=int, help=text)
    for name, text in about.own_text.items():
        add(f"--{name}", metavar="LABEL", help=text)
    add("--n_frames", type=int, help="fewer frames, evenly chosen; default: one per checkpoint")
    add("--fps", type=float, default=12.0, help="frames per second (default: %(default)g)")
    add("--size", default="1280x720", help="even pixels (default: %(default)s)")
    add("--theme", default="light", metavar="light|dark", help="default: light")
    add("--jobs", type=int, help="processes that draw; default: all processors")
    add("--direct", type=Path, metavar="FILE.mp4", help="write a film directly, without a folder of frames")


def run(args: argparse.Namespace) -> None:
    """Draw the film and print where its frames are."""
    print(draw_film(args.film, vars(args)))


def draw_film(name: str, given: dict[str, Any]) -> Path:
    """Draw the film of that name; ``given`` is what its flags say, by name.

    Returns the folder of frames, or the film that ``direct`` names.
    """
    with loading():
        from grokking.drawing.style import parse_size
        from grokking.films.film import FilmOptions, make_frames
        from grokking.runs.run import Run

    values = {key: value for key, value in given.items() if key != "film"}
    opened = Run(values.pop("run_dir"), values.pop("history", None))
    output_dir = values.pop("output_dir", None) or frames_folder(name, opened.name)
    if "size" in values:
        values["size"] = parse_size(values["size"])
    return make_frames(FILMS.get(name).load(), opened, output_dir, FilmOptions(**values))


def command_of(name: str) -> Command:
    """One film as a command of its own, for the scripts that have its name."""
    about = FILMS.get(name)
    return Command(
        name,
        about.summary,
        about.description,
        lambda parser: add_film_flags(parser, about),
        lambda args: print(draw_film(name, vars(args))),
    )


COMMANDS.register(Command("frames", "a run becomes a folder of frames", __doc__, add_flags, run, 70))
