"""Stitch a folder of frames into a film.

    python make_video.py frames_circle/default                   writes frames_circle/default.mp4
    python make_video.py frames_circle/default --output a.webm   the suffix chooses the format

Frames are frame_00000.png, frame_00001.png, ..., or PNGs that others numbered (epoch_0.png, epoch_50.png,
epoch_100.png), which come in the order of their numbers.
"""

import argparse
from pathlib import Path

from grokking.cli.console import run_script
from grokking.cli.flags import Parser
from grokking.films.encoder import CODECS
from grokking.films.video import DEFAULT_FPS, make_video


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames_dir", type=Path, metavar="FRAMES_DIR")
    parser.add_argument("--output", type=Path, help="default: FRAMES_DIR.mp4; replaced if there")
    parser.add_argument(
        "--fps",
        type=float,
        help=f"frames per second; default: that of FRAMES_DIR/frames.json, else {DEFAULT_FPS:g}",
    )
    parser.add_argument("--codec", choices=CODECS["mp4"], help="of an mp4; default: h264")
    parser.add_argument("--format", choices=CODECS, help="default: the output's suffix, else mp4")
    args = parser.parse_args()
    print(make_video(args.frames_dir, args.output, args.fps, args.codec, args.format))


if __name__ == "__main__":
    run_script(main)
