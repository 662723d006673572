"""A run's history as the curves of a film."""

from grokking.drawing.panels import Curve
from grokking.runs.logged import Series
from grokking.runs.view import RunView


def curve(series: Series, meaning: str, dashed: bool = False) -> Curve:
    """A logged series as a curve; meaning: names its colour."""
    return Curve(series.epochs, series.values, meaning, dashed)


def curves_by_part(view: RunView, metric: str) -> list[Curve]:
    """``"acc"`` or ``"loss"`` on both parts of the split, or on all pairs where the split is unknown."""
    if f"all_{metric}{view.suffix}" in view.run.history:
        return [curve(view.logged(f"all_{metric}"), "all_pairs")]
    return [curve(view.logged(f"{part}_{metric}"), part) for part in ("train", "test")]
