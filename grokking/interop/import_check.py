"""Were the weights read the right way round? A square matrix fits transposed; its network fails.

Every other reading that the shapes allow is tried on all pairs: matrices transposed, heads merged
in the other order or into another number, operation tokens elsewhere, classes shifted by the extra
ones, and other operations as the task.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

import numpy as np

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.interop.axes import Axes
from grokking.interop.detect_layout import Match
from grokking.interop.weights import UserHints, WeightInterpretation, config_of, sizes, to_ours
from grokking.metrics.activations import ActivationCache
from grokking.models.transformer import ModelShape, Weights
from grokking.tasks.base import problem_of
from grokking.tasks.modular import OPERATIONS, make_task

MOST_READINGS = 64
TIMES_CHANCE = 4
"""Below this many times chance an accuracy counts as chance; twice as much, as something else."""
TOGETHER = (("W_Q", "W_K", "W_V"), ("W_O",), ("W_in",), ("W_out",), ("W_E",), ("W_U",))
"""Matrices that whoever wrote a network will have laid out alike."""


@dataclass(frozen=True)
class Proof:
    """accuracy: on all pairs, of the reading that was taken.  chance: of guessing.
    better: other readings and other tasks that are not at chance while this one is, best first.
    """

    accuracy: float
    chance: float
    better: list[tuple[str, float]]

    @property
    def at_chance(self) -> bool:
        """Whether the network does no better than guessing."""
        return self.accuracy < _threshold(self.chance)

    @property
    def text(self) -> str:
        """One line for a person."""
        line = f"accuracy on all pairs: {self.accuracy:.4f} (chance {self.chance:.4f})"
        if self.better:
            others = ", ".join(f"{name} ({accuracy:.4f})" for name, accuracy in self.better[:4])
            return f"{line}; at chance, while the same weights read otherwise are not: {others}"
        return (
            line
            + "; at chance, and so is every other reading tried: untrained, or of another task"
            * self.at_chance
        )


def prove(
    match: Match, raw: Weights, hints: UserHints, reading: WeightInterpretation, config: RunConfig
) -> Proof:
    """Try the reading, and all others if it is at chance."""
    accuracy = _accuracy(match, raw, reading, config)
    proof = Proof(accuracy, 1 / problem_of(config).n_answers, [])
    if not proof.at_chance or hints.own is not None:  # our own files say how they are to be read
        return proof
    found = [
        (f"--reading '{other.name}'", _accuracy(match, raw, other, _config(match, hints, other, config)))
        for other in islice(other_readings(match, hints, reading, config), MOST_READINGS)
    ]
    found += _other_tasks(match, raw, reading, config)
    better = [(name, a) for name, a in found if a >= 2 * _threshold(proof.chance) or a >= 0.5]
    return replace(proof, better=sorted(better, key=lambda pair: -pair[1]))


def _threshold(chance: float) -> float:
    return min(TIMES_CHANCE * chance, 0.5)


def named_reading(
    name: str, match: Match, hints: UserHints, reading: WeightInterpretation, config: RunConfig
) -> WeightInterpretation:
    """The reading called so; raises UserError, listing them, for an unknown one."""
    known = {
        other.name: other for other in islice(other_readings(match, hints, reading, config), MOST_READINGS)
    }
    if name not in known:
        raise UserError(
            f"unknown reading {name!r}; these weights can also be read: {'; '.join(known) or 'no other way'}"
        )
    return known[name]


def other_readings(
    match: Match, hints: UserHints, reading: WeightInterpretation, config: RunConfig
) -> Iterator[WeightInterpretation]:
    """Every other way in which the shapes let the same tensors be read, the simplest first."""
    dims = sizes(match, reading.heads)
    ways = [_alternatives(names, match, dims) for names in TOGETHER]
    changes = sorted(product(*(range(len(way) + 1) for way in ways)), key=lambda c: sum(i > 0 for i in c))
    for choice in changes[1:]:
        picked = [ways[i][c - 1] for i, c in enumerate(choice) if c]
        axes = {name: new for each in picked for name, new in each.items()}
        yield replace(reading, name=", ".join(f"{n} as [{a.text}]" for n, a in axes.items()), axes=axes)
    n_ops, d_vocab = len(config.task.split(",")), dims["v"]
    starts = [
        s
        for s in (0, *range(config.p, d_vocab - n_ops + 1))
        if hints.operation_tokens is None and s != config.p
    ]
    for start in starts:
        tokens = tuple(range(start, start + n_ops))
        yield replace(reading, name=f"operation_tokens {' '.join(map(str, tokens))}", operation_tokens=tokens)


def _alternatives(names: tuple[str, ...], match: Match, dims: Mapping[str, int]) -> list[dict[str, Axes]]:
    """Other axes of the same shape for these tensors together."""
    first = match.axes[names[0]]
    found = []
    for text in _permuted(first):
        new = Axes(text)
        same = new.shape(dims) == first.shape(dims) and new.names != first.names
        if same and not any("/" in name for name in new.names):
            found.append({name: new for name in names if match.axes[name] == first})
    return found


def _permuted(axes: Axes) -> list[str]:
    """The axes with two groups exchanged, with a merged group in the other order, or both."""
    groups = ["(" + " ".join(g) + ")" if len(g) > 1 else g[0] for g in axes.groups]
    inner = ["(" + " ".join(reversed(g)) + ")" if len(g) > 1 else g[0] for g in axes.groups]
    found = [inner, [*groups[:-2], groups[-1], groups[-2]], [*inner[:-2], inner[-1], inner[-2]]]
    return list(dict.fromkeys(" ".join(f) for f in found if f != groups))


def _config(match: Match, hints: UserHints, reading: WeightInterpretation, config: RunConfig) -> RunConfig:
    biases = tuple(config.biases.split(",")) if config.biases else ()
    return config_of(match, hints, reading, biases)


def _accuracy(match: Match, raw: Weights, reading: WeightInterpretation, config: RunConfig) -> float:
    return float(_observed(match, raw, reading, config).losses_and_correct[1].mean())


def _observed(
    match: Match, raw: Weights, reading: WeightInterpretation, config: RunConfig
) -> ActivationCache[Any]:
    """The network, read in one way, on all rows of its task."""
    return ActivationCache(to_ours(match, raw, reading, config), ModelShape.of(config), problem_of(config))


def _other_tasks(
    match: Match, raw: Weights, reading: WeightInterpretation, config: RunConfig
) -> list[tuple[str, float]]:
    """How well the network answers other questions; for one operation only."""
    task = make_task(config.p, config.task)
    if len(task.names) > 1:
        return []
    logits = _observed(match, raw, reading, config).outputs.logits
    guesses = logits[:, : config.p].argmax(1).cpu().numpy()
    a, b = task.tokens[:, 0], task.tokens[:, 1]
    found = []
    for operation in OPERATIONS.values():
        if operation.name != config.task:
            asked = b != 0 if operation.needs_nonzero_b else np.ones_like(b, dtype=bool)
            right = guesses[asked] == operation.answer(a[asked], b[asked], config.p)
            found.append((f"--task {operation.name}", float(right.mean())))
    return found
