"""Draw the three films of a run, and its page. The run may be an imported one.

    grokking show RUN_DIR

The same as grokking measure, grokking frames circle | clean | sine with grokking video, and grokking page.
Prints the paths of the films and of index.html.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, SITE, Command, frames_folder
from grokking.guard import loading

THREE_FILMS = ("circle", "clean", "sine")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The run."""
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="a run directory")


def run(args: argparse.Namespace) -> None:
    """Measure, film, and build the page."""
    with loading():
        from grokking.films.film import FilmOptions, open_cyclic
        from grokking.page.site import CLAIMS, Extras, build_site
        from grokking.runs.progress_measures import measure_run
        from grokking.runs.run import Run

    open_cyclic(Run(args.run), FilmOptions())  # a run without circles is refused before it is measured
    measure_run(args.run)
    draw_films(args.run)
    print(build_site([args.run], SITE / Run(args.run).name, Extras(None, None, CLAIMS)))


def draw_films(run_dir: Path) -> None:
    """Draw the three films of a run and print their paths."""
    with loading():
        from grokking.cli.commands.frames import draw_film
        from grokking.films.pace import for_people
        from grokking.films.video import make_video
        from grokking.runs.run import Run

    name = Run(run_dir).name
    for film in THREE_FILMS:
        frames = draw_film(film, {"run_dir": run_dir, "output_dir": frames_folder(film, name)})
        print(make_video(frames, pace=for_people(None, None, None)))


COMMANDS.register(Command("show", "the three films and the page of a run", __doc__, add_flags, run, 150))
