"""Stitch a folder of frames into a film.

    grokking video frames_circle/default                   writes frames_circle/default.mp4
    grokking video frames_circle/default --output a.webm   the suffix chooses the format

Prints the film's path.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The frames and the film."""
    parser.add_argument("frames_dir", type=Path, metavar="FRAMES_DIR")
    parser.add_argument("--output", type=Path, help="default: FRAMES_DIR.mp4; replaced if it exists")
    parser.add_argument(
        "--fps", type=float, help="frames per second; default: that of FRAMES_DIR/frames.json, else 12"
    )
    parser.add_argument("--codec", help="of an mp4: h264 or mpeg4; default: h264")
    parser.add_argument("--format", help="mp4, webm or gif; default: the output's suffix, else mp4")


def run(args: argparse.Namespace) -> None:
    """Make the film and print its path."""
    with loading():
        from grokking.films.video import make_video

    print(make_video(args.frames_dir, args.output, args.fps, args.codec, args.format))


COMMANDS.register(Command("video", "a folder of frames becomes a film", __doc__, add_flags, run, 80))
