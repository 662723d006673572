"""Film the spectrum of the embedding in two orders of its numbers: as one counts, and by discrete logarithm.

    python generate_order_frames.py RUN_DIR --output_dir frames_order/default
    python generate_order_frames.py RUN_DIR --view source --direct order.mp4

What multiplies is dense in one and sparse in the other. Writes frame_00000.png, frame_00001.png, ...,
one per kept epoch. Prints their folder.
"""

from grokking.cli.console import run_script


def main() -> None:
    # Not above: --help and mistakes in the command need no PyTorch.
    from grokking.films.command import run_film

    print(run_film("order", __doc__))


if __name__ == "__main__":
    run_script(main)
