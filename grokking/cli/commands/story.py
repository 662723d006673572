"""Tell the whole story of grokking in one captioned film of two minutes, from runs that were recorded.

    grokking story docs/recorded/addition docs/recorded/multiplication --output story.mp4
    grokking story RUN_DIR RUN_DIR --script my_story.toml

A script says which scenes there are and what is said; grokking/films/story.toml is the one that is taken
if none is given, and explains itself. The captions are burned in, and stand beside the film as .srt and .vtt.
Prints the film's path.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The runs, the script and the film."""
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN_DIR", help="run directories, in the script's order"
    )
    parser.add_argument("--output", type=Path, default=Path("story.mp4"), help="default: %(default)s")
    parser.add_argument("--script", type=Path, metavar="FILE.toml", help="default: the story of the project")
    parser.add_argument("--size", default="1280x720", help="even pixels (default: %(default)s)")
    parser.add_argument("--theme", default="light", metavar="light|dark", help="default: light")


def run(args: argparse.Namespace) -> None:
    """Make the film and print its path."""
    with loading():
        from grokking.drawing.style import parse_size
        from grokking.films.film import FilmOptions
        from grokking.films.story import SCRIPT, make_story

    options = FilmOptions(size=parse_size(args.size), theme=args.theme)
    print(make_story(args.runs, args.output, args.script or SCRIPT, options))


COMMANDS.register(Command("story", "the whole story in one captioned film", __doc__, add_flags, run, 85))
