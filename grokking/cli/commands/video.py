"""Stitch a folder of frames into a film.

    grokking video frames_circle/default                   writes frames_circle/default.mp4
    grokking video frames_circle/default --output a.webm   the suffix chooses the format
    grokking video frames_circle/default --seconds 30 --hold 4 --captions

A film lasts at least 15 seconds and holds its last frame for 2; --fps sets the pace by hand instead.
--captions burns sentences into the film and writes them next to it as .srt and .vtt: those that
grokking frames wrote with the frames, or those of a file. Prints the film's path.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.guard import loading

OF_THE_FRAMES = ""
"""The value of ``--captions`` without a file."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The frames and the film."""
    parser.add_argument("frames_dir", type=Path, metavar="FRAMES_DIR")
    parser.add_argument("--output", type=Path, help="default: FRAMES_DIR.mp4; replaced if it exists")
    parser.add_argument(
        "--fps", type=float, help="frames per second; default: that of FRAMES_DIR/frames.json, else 12"
    )
    parser.add_argument(
        "--seconds", type=float, help="length of the film; default: one picture per frame, at least 15 s"
    )
    parser.add_argument(
        "--hold", type=float, help="seconds for which the last frame stays; default: 2, with --fps 0"
    )
    parser.add_argument(
        "--captions",
        nargs="?",
        const=OF_THE_FRAMES,
        metavar="FILE",
        help="burn captions in, and write them as .srt and .vtt; default: those of the frames",
    )
    parser.add_argument("--codec", help="of an mp4: h264 or mpeg4; default: h264")
    parser.add_argument("--format", help="mp4, webm or gif; default: the output's suffix, else mp4")


def run(args: argparse.Namespace) -> None:
    """Make the film and print its path."""
    with loading():
        from grokking.films.pace import for_people
        from grokking.films.video import Captioned, make_video

    captioned = None
    if args.captions is not None:
        captioned = Captioned(None if args.captions == OF_THE_FRAMES else Path(args.captions))
    pace = for_people(args.fps, args.seconds, args.hold)
    print(make_video(args.frames_dir, args.output, args.fps, args.codec, args.format, pace, captioned))


COMMANDS.register(Command("video", "a folder of frames becomes a film", __doc__, add_flags, run, 80))
