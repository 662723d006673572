"""Draw every figure that the field draws of such a network, from any run directory.

    python draw_atlas.py phase_transition/checkpoints/default --output_dir atlas/
    python draw_atlas.py RUN_DIR --only circles neurons --epoch 5000
    python draw_atlas.py --list

Writes NAME.png and NAME.svg per figure, and index.html, which shows them with captions and needs no
network. Prints the path of index.html.
"""

from grokking.cli.console import run_script


def main() -> None:
    # Not above: --help and mistakes in the command need no PyTorch.
    from grokking.figures.command import run_figures

    print(run_figures(__doc__))


if __name__ == "__main__":
    run_script(main)
