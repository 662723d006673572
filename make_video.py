"""Stitch a folder of frames (frame_00000.png, frame_00001.png, ...) into a film.

python make_video.py frames_circle/default                   writes frames_circle/default.mp4
python make_video.py frames_circle/default --output a.webm   the suffix chooses the format
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    with loading():
        import argparse
        import os
        import sys
        from pathlib import Path

        from grokking.films.encoder import CODECS
        from grokking.films.video import DEFAULT_FPS, make_video

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
    film = make_video(args.frames_dir, args.output, args.fps, args.codec, args.format)
    # print() fails on a name that is not UTF-8, which a folder may have.
    sys.stdout.buffer.write(os.fsencode(film) + b"\n")


if __name__ == "__main__":
    run_script(main)
