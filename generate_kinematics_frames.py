"""Film a network of projectile heights: its trajectories beside the true ones, and its errors.

    python generate_kinematics_frames.py RUN_DIR --output_dir frames_kinematics/kinematics
    python generate_kinematics_frames.py RUN_DIR --direct kinematics.mp4

Writes frame_00000.png, frame_00001.png, ..., one per kept epoch. Prints their folder.
"""

from grokking.cli.console import run_script


def main() -> None:
    # Not above: --help and mistakes in the command need no PyTorch.
    from grokking.films.command import run_film

    print(run_film("kinematics", __doc__))


if __name__ == "__main__":
    run_script(main)
