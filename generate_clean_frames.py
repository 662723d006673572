"""Film one neuron as its activation becomes a sine wave of the answer.

    python generate_clean_frames.py RUN_DIR --output_dir frames_clean/default
    python generate_clean_frames.py RUN_DIR --neuron 217 --view source

Writes frame_00000.png, frame_00001.png, ..., one per kept epoch. Prints their folder.
"""

from grokking.cli.console import run_script


def main() -> None:
    # Not above: --help and mistakes in the command need no PyTorch.
    from grokking.films.command import run_film

    print(run_film("clean", __doc__))


if __name__ == "__main__":
    run_script(main)
