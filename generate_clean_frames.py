"""Film one neuron as its activation becomes a sine wave of the answer.

    python generate_clean_frames.py RUN_DIR --output_dir frames_clean/default
    python generate_clean_frames.py RUN_DIR --neuron 217 --view source

Writes frame_00000.png, frame_00001.png, ..., one per kept epoch. Prints their folder.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    # Not above: each process that draws reads this file again, and would load PyTorch for nothing.
    with loading():
        from grokking.films.clean import CLEAN
        from grokking.films.film import run_film

    print(run_film(CLEAN, __doc__, "neuron"))


if __name__ == "__main__":
    run_script(main)
