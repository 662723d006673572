"""The quantities of ``benchmarks.claims``: what one run says to each figure of the sources."""

from collections.abc import Mapping, Sequence
from typing import Any

from grokking.metrics.components import principal_components
from grokking.metrics.early_warning import REFERENCE, early_warnings, memorisation_epoch
from grokking.metrics.embedding import circularity
from grokking.metrics.phases import Phases
from grokking.runs.run import Run

CLAIMED_LOSS = 1e-5
SILENT, AWAKE = 0.15, 0.998
"""The test accuracies between which the source has its transition."""
Value = float | str | None
Values = dict[str, Value]
COURSES = {
    "excluded_loss": "excluded loss",
    "restricted_loss": "restricted loss",
    "train_loss": "train loss",
    "test_loss": "test loss",
    "test_acc": "test accuracy",
    "weight_norm": "weight norm",
}
"""Measures of kept weights that are followed through the phases, and what they are called."""


def transition(history: Mapping[str, Any]) -> Values:
    """What the logged losses and accuracies say; epochs are those of rows."""
    epochs, accuracy, loss = history["epochs"], history["test_acc"], history["test_loss"]
    silent, awake = silent_until(history), awake_from(history)
    memorised = memorisation_epoch(history)
    plateau = [
        value
        for e, value in zip(epochs, loss, strict=True)
        if memorised is not None and silent is not None and memorised <= e <= silent
    ]
    after = [a for e, a in zip(epochs, accuracy, strict=True) if awake is not None and e >= awake]
    return {
        "memorised (train accuracy 99 %)": memorised,
        "train loss below 1e-5": next(
            (e for e, value in zip(epochs, history["train_loss"], strict=True) if value < CLAIMED_LOSS), None
        ),
        "test loss at first": loss[0],
        "test loss on the plateau, least": min(plateau, default=None),
        "test loss on the plateau, most": max(plateau, default=None),
        "last row with test accuracy below 15 %": silent,
        "first row from 99.8 % on": awake,
        "epochs between them": None if awake is None or silent is None else awake - silent,
        "grokking epoch": history.get("grokking_epoch"),
        "rows after 99.8 %": len(after) or None,
        "least test accuracy in them": min(after, default=None),
    }


def silent_until(history: Mapping[str, Any]) -> int | None:
    """Epoch of the last row with test accuracy below 15 %."""
    rows = zip(history["epochs"], history["test_acc"], strict=True)
    return max((e for e, accuracy in rows if accuracy < SILENT), default=None)


def awake_from(history: Mapping[str, Any]) -> int | None:
    """Epoch of the first row after that with 99.8 %."""
    silent, rows = silent_until(history), zip(history["epochs"], history["test_acc"], strict=True)
    return next((e for e, accuracy in rows if silent is not None and e > silent and accuracy >= AWAKE), None)


def course(name: str, epochs: Sequence[int], values: Sequence[float | None], phases: Phases) -> Values:
    """A curve at first, at its extremes, where the phases begin, and at the end."""
    points = [(e, v) for e, v in zip(epochs, values, strict=True) if v is not None]
    known = [v for _, v in points]
    most = max(points, key=lambda point: point[1], default=None)
    return {
        f"{name}, at first": known[0] if known else None,
        f"{name}, least": min(known, default=None),
        f"{name}, most": None if most is None else most[1],
        f"{name}, epoch of the most": None if most is None else most[0],
        f"{name}, as circuit formation begins": value_at(points, phases.circuit_formation),
        f"{name}, as cleanup begins": value_at(points, phases.cleanup),
        f"{name}, at the end": known[-1] if known else None,
    }


def value_at(points: Sequence[tuple[int, float]], epoch: int | None) -> float | None:
    """The last value by an epoch."""
    by_then = [v for e, v in points if epoch is not None and e <= epoch]
    return by_then[-1] if by_then else None


def leads(run: Run, progress: Mapping[str, Any]) -> Values:
    """Epochs by which each measure leaves its baseline before test accuracy, by both kinds of goals."""
    kinds = {"fixed goals": False, "goals: the run's own end": True}
    found = {kind: early_warnings(run.history, progress, own_goals=own) for kind, own in kinds.items()}
    return {
        f"lead of {name}, {kind}": left.lead
        for kind, departures in found.items()
        for name, left in departures.items()
        if name != REFERENCE
    }


def circles(run: Run, phases: Phases) -> Values:
    """How round the embedding is: in the plane of its own frequency, and of two principal components."""
    history, silent = run.history, silent_until(run.history)
    rows = list(zip(history["epochs"], history["embedding_circularity"], strict=True))
    acts = run.observe(run.final_epoch)
    components = principal_components(acts.embedding(run.pair_task.names[0]), 2)
    return {
        "circularity, at first": rows[0][1],
        "circularity, as circuit formation begins": value_at(rows, phases.circuit_formation),
        "circularity, last below 15 %": value_at(rows, silent),
        "circularity, as cleanup begins": value_at(rows, phases.cleanup),
        "circularity, at the end": rows[-1][1],
        "circularity's null, at first": history["embedding_circularity_null"][0],
        "circularity's null, at the end": history["embedding_circularity_null"][-1],
        "circularity of two principal components, at the end": float(circularity(components.scores)),
        "their share of W_E's variance": float(components.shares.sum()),
    }


def circuit(run: Run, progress: Mapping[str, Any]) -> Values:
    """Which frequencies the network ends with, how much they hold, and how clean neurons become."""
    awake, history = awake_from(run.history), run.history
    keys = [
        set(row)
        for e, row in zip(history["epochs"], history["key_frequencies"], strict=True)
        if awake is not None and e >= awake
    ]
    others = sum(row != keys[-1] for row in keys) if keys else None
    return {
        "key frequencies, at the end": " ".join(map(str, history["key_frequencies"][-1])),
        "rows after 99.8 % with other key frequencies": others,
        "logit_fve of the key frequencies, at the end": progress["logit_fve"][-1],
        "Gini of W_E, at first": progress["gini"][0],
        "Gini of W_E, at the end": progress["gini"][-1],
        "Fourier strength, at first": progress["fourier_strength"][0],
        "Fourier strength, at the end": progress["fourier_strength"][-1],
        "share of single-frequency neurons, at first": progress["single_frequency_share"][0],
        "share of single-frequency neurons, at the end": progress["single_frequency_share"][-1],
    }
