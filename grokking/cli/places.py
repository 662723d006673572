"""Where commands write when no folder is given."""

from pathlib import Path

CHECKPOINTS = Path("phase_transition/checkpoints")
SWEEP = Path("phase_transition/sweep")
SITE = Path("site")
FIGURES = Path("figures")


def frames_folder(film: str, run_name: str) -> Path:
    """The folder of a film's frames: ``frames_circle/default``."""
    return Path(f"frames_{film}") / run_name
