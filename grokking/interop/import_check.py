"""Were the weights read the right way round? A square matrix also fits transposed, and then fails.

Every other interpretation that the shapes allow is tried on all pairs: matrices transposed, heads merged
in the other order or into another number, operation tokens elsewhere, and other operations as the task.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

import numpy as np

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of, task_of
from grokking.interop.axes import Axes
from grokking.interop.detect_layout import LayoutMatch
from grokking.interop.evidence import MEMORISED_GAP, chance_of_hits, surer_when_right
from grokking.interop.facts import UserHints
from grokking.interop.network_config import network_config
from grokking.interop.weights import WeightInterpretation, convert_weights, sizes
from grokking.metrics.activations import ActivationCache
from grokking.models.transformer.network import Weights
from grokking.tasks.base import N_CTX
from grokking.tasks.modular import OPERATIONS, is_odd_prime
from grokking.tasks.split import Split

MOST_INTERPRETATIONS = 64
TOGETHER = (("W_Q", "W_K", "W_V"), ("W_O",), ("W_in",), ("W_out",), ("W_E",), ("W_U",))
"""Matrices that the code of a network lays out in the same way."""


def named_interpretation(
    name: str, match: LayoutMatch, hints: UserHints, like: WeightInterpretation, config: RunConfig
) -> WeightInterpretation:
    """The interpretation of that name; raises UserError, listing all names, for an unknown one."""
    known = {other.name: other for other in other_interpretations(match, hints, like, config)}
    if name not in known:
        raise UserError(
            f"unknown reading {name!r}; these weights can also be read: {'; '.join(known) or 'no other way'}"
        )
    return known[name]


def other_interpretations(
    match: LayoutMatch, hints: UserHints, like: WeightInterpretation, config: RunConfig
) -> list[WeightInterpretation]:
    """Other ways in which the shapes let the same tensors be read, the simplest first, not too many."""
    return list(islice(_all_others(match, hints, like, config), MOST_INTERPRETATIONS))


def _all_others(
    match: LayoutMatch, hints: UserHints, like: WeightInterpretation, config: RunConfig
) -> Iterator[WeightInterpretation]:
    dims = sizes(match, like.heads)
    ways = [_alternatives(names, match, dims) for names in TOGETHER]
    changes = sorted(product(*(range(len(way) + 1) for way in ways)), key=lambda c: sum(i > 0 for i in c))
    for choice in changes[1:]:
        picked = [ways[i][c - 1] for i, c in enumerate(choice) if c]
        axes = {name: new for each in picked for name, new in each.items()}
        yield replace(like, name=", ".join(f"{n} as [{a.text}]" for n, a in axes.items()), axes=axes)
    if match.layout.model == "mlp" or dims["x"] == N_CTX - 1 or not config.has("p"):
        return  # no token of an operation is read, or no modulus says where it may stand
    n_ops, d_vocab = len(config.task.split(",")), dims["v"]
    starts = [
        s
        for s in (0, *range(config.p, d_vocab - n_ops + 1))
        if hints.operation_tokens is None and s != config.p
    ]
    for start in starts:
        tokens = tuple(range(start, start + n_ops))
        yield replace(like, name=f"operation_tokens {' '.join(map(str, tokens))}", operation_tokens=tokens)


def _alternatives(
    names: tuple[str, ...], match: LayoutMatch, dims: Mapping[str, int]
) -> list[dict[str, Axes]]:
    """Other axes of the same shape for these tensors together."""
    if names[0] not in match.axes:
        return []
    first = match.axes[names[0]]
    found = []
    for text in _permuted(first):
        new = Axes(text)
        same = new.shape(dims) == first.shape(dims) and new.names != first.names
        if same and not any("/" in name for name in new.names):
            found.append({name: new for name in names if match.axes.get(name) == first})
    return found


def _permuted(axes: Axes) -> list[str]:
    """The axes with two groups exchanged, with a merged group in the other order, or both."""
    groups = ["(" + " ".join(g) + ")" if len(g) > 1 else g[0] for g in axes.groups]
    inner = ["(" + " ".join(reversed(g)) + ")" if len(g) > 1 else g[0] for g in axes.groups]
    found = [inner, [*groups[:-2], groups[-1], groups[-2]], [*inner[:-2], inner[-1], inner[-2]]]
    return list(dict.fromkeys(" ".join(f) for f in found if f != groups))


TIMES_CHANCE = 4
"""Below this many times chance an accuracy counts as chance; twice as much, as something else."""
SOLVED = 0.9
"""From this accuracy on a network has learnt its task."""
SURER = 0.6
"""``surer_when_right`` of a network that learns: 0.63 to 0.95 in the recorded runs, from accuracy 0.04 on."""
BY_CHANCE = 0.01
"""Guessing explains what it gives with a larger probability."""
DOUBTFUL = "doubtful"
VERDICTS = {
    "solved": "",
    "memorised": "",
    "chance": "; at chance",
    DOUBTFUL: "; doubtful: neither chance, nor pairs known by heart (right answers are given no more surely "
    "than wrong ones), nor a solved task: perhaps of another task, or read wrongly",
}
"""The possible verdicts on the accuracy on all pairs, and the words for each."""
MOST_SHOWN = 4


@dataclass(frozen=True)
class Attempt:
    """One way to read the weights: the flag that asks for it, and how many of ``n`` pairs are then right."""

    name: str
    correct: int
    n: int

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return self.correct / self.n


@dataclass(frozen=True)
class ImportCheck:
    """How well a network answers as it was read.

    accuracy: on all pairs.  chance: the accuracy of guessing.  verdict: a key of VERDICTS.  tried: other
    interpretations and other tasks, best first, where this one is at chance or doubtful.  better: those of
    them that guessing does not explain, by name and accuracy.
    """

    accuracy: float
    chance: float
    verdict: str
    tried: list[Attempt]
    better: list[tuple[str, float]]

    @property
    def at_chance(self) -> bool:
        """Whether the network does no better than guessing."""
        return self.verdict == "chance"

    @property
    def record(self) -> dict[str, Any]:
        """For ``config.json``."""
        tried = [[each.name, each.accuracy] for each in self.tried]
        return {"accuracy": self.accuracy, "chance": self.chance, "verdict": self.verdict, "tried": tried}

    @property
    def text(self) -> str:
        """One line for the user."""
        line = f"accuracy on all pairs: {self.accuracy:.4f} (chance {self.chance:.4f})"
        line += VERDICTS[self.verdict]
        if self.better:
            others = ", ".join(f"{name} ({accuracy:.4f})" for name, accuracy in self.better[:MOST_SHOWN])
            return f"{line}, while the same weights read otherwise are not: {others}"
        if self.at_chance:
            return f"{line}, and so is every other reading tried: untrained, or of another task"
        if self.verdict == DOUBTFUL:
            others = ", ".join(f"{each.name} ({each.accuracy:.4f})" for each in self.tried[:MOST_SHOWN])
            return f"{line}; also tried, and no better: {others or 'nothing, for want of other readings'}"
        return line


def check_import(
    match: LayoutMatch,
    raw: Weights,
    hints: UserHints,
    interpretation: WeightInterpretation,
    config: RunConfig,
    split: Split | None = None,
) -> ImportCheck:
    """Measure the interpretation, and all others if it is at chance or doubtful."""
    acts = _activations(match, raw, interpretation, config)
    correct, chance = acts.losses_and_correct[1], 1 / acts.task.n_answers
    check = ImportCheck(float(correct.mean()), chance, _verdict(acts, split, chance), [], [])
    certain = hints.own_config is not None  # exports of this project say how they are to be read
    if certain or check.verdict not in ("chance", DOUBTFUL):
        return check
    found = _other_readings(match, raw, hints, interpretation, config)
    found += _other_tasks(acts, config)
    found.sort(key=lambda each: -each.accuracy)
    better = [
        (each.name, each.accuracy)
        for each in found
        if (each.accuracy >= 2 * _threshold(chance) or each.accuracy >= 0.5)
        and each.accuracy > 1.5 * check.accuracy
        and chance_of_hits(each.correct, each.n, chance, len(found)) < BY_CHANCE
    ]
    return replace(check, tried=found, better=better)


def _verdict(acts: ActivationCache, split: Split | None, chance: float) -> str:
    """What the answers to all pairs look like: a key of VERDICTS."""
    correct = acts.losses_and_correct[1]
    accuracy = float(correct.mean())
    if accuracy < _threshold(chance) or chance_of_hits(int(correct.sum()), correct.size, chance) >= BY_CHANCE:
        return "chance"
    if accuracy >= SOLVED:
        return "solved"
    gap = 0.0 if split is None else float(correct[split.train].mean() - correct[split.test].mean())
    if gap >= MEMORISED_GAP or surer_when_right(acts.outputs.logits, correct) >= SURER:
        return "memorised"
    return DOUBTFUL


def _attempt(name: str, correct: np.ndarray) -> Attempt:
    return Attempt(name, int(correct.sum()), correct.size)


def _threshold(chance: float) -> float:
    return min(TIMES_CHANCE * chance, 0.5)


def _other_readings(
    match: LayoutMatch, raw: Weights, hints: UserHints, like: WeightInterpretation, config: RunConfig
) -> list[Attempt]:
    """How well the same weights answer if they are read otherwise."""
    biases = tuple(config.biases.split(",")) if config.biases else ()
    found = []
    for other in other_interpretations(match, hints, like, config):
        acts = _activations(match, raw, other, network_config(match, hints, other, biases))
        found.append(_attempt(f"--reading '{other.name}'", acts.losses_and_correct[1]))
    return found


def _activations(
    match: LayoutMatch, raw: Weights, interpretation: WeightInterpretation, config: RunConfig
) -> ActivationCache:
    """The network, read in one way, on all rows of its task."""
    weights = convert_weights(match, raw, interpretation, config)
    return ActivationCache(weights, shape_of(config), task_of(config))


def _other_tasks(acts: ActivationCache, config: RunConfig) -> list[Attempt]:
    """How well the network answers other questions; for one operation only."""
    task = acts.task
    if len(task.names) > 1 or not config.has("p"):
        return []
    guesses = acts.guesses
    a, b = task.tokens[:, 0], task.tokens[:, 1]
    found = []
    for operation in OPERATIONS.values():
        possible = is_odd_prime(config.p) or not operation.needs_prime
        if possible and operation.name != config.task:
            asked = b != 0 if operation.needs_nonzero_b else np.ones_like(b, dtype=bool)
            right = guesses[asked] == operation.answer(a[asked], b[asked], config.p)
            found.append(_attempt(f"--task {operation.name}", right))
    return found
