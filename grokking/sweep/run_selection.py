"""Which measured runs of a folder have their curves drawn, and what they are called."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from grokking.sweep.measured import Measured
from grokking.sweep.phase_curves_figure import MOST_COLUMNS
from grokking.sweep.tables import shown
from grokking.tasks import modulus_text

IN_TITLE = ("p", "task", "train_frac")
"""Fields that every title names."""


def choose(runs: Sequence[Measured], most: int = MOST_COLUMNS) -> list[Measured]:
    """At most ``most`` runs from all over the folder, in its order.

    Runs that grokked come first, since the figure is about how they did; one column is left for a run that
    never grokked.
    """
    grokked = [i for i, m in enumerate(runs) if m.grokking_epoch is not None]
    never = [i for i, m in enumerate(runs) if m.grokking_epoch is None]
    of_grokked = min(len(grokked), most - bool(never))
    chosen = _evenly(grokked, of_grokked) + _evenly(never, min(len(never), most - of_grokked))
    return [runs[i] for i in sorted(chosen)]


def _evenly(items: Sequence[int], n: int) -> list[int]:
    return [items[i] for i in np.linspace(0, len(items) - 1, n).round().astype(int)]


def titles(runs: Sequence[Measured], by: Sequence[str]) -> list[str]:
    """What each is, with the fields ``by`` in which the folder's runs differ; no two are the same."""
    found = [_title(m, by) for m in runs]
    often = Counter(found)
    return [
        f"{title}\n{m.result.name}" if often[title] > 1 else title
        for m, title in zip(runs, found, strict=True)
    ]


def _title(m: Measured, by: Sequence[str]) -> str:
    c = m.result.config
    what = f"{m.operation} of {c.task}" if m.operation else c.task
    trained = f"{c.train_frac:g} trained" if c.known("train_frac") else "split unknown"
    seed = f", seed {c.seed}" if c.known("seed") else ""
    others = [f"{name} = {shown(getattr(c, name))}" for name in by if name not in IN_TITLE and c.known(name)]
    return "\n".join(filter(None, [f"{what}{modulus_text(c.as_dict())}, {trained}{seed}", ", ".join(others)]))
