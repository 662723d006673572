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
from grokking.from_config import shape_of
from grokking.interop.axes import Axes
from grokking.interop.detect_layout import Match
from grokking.interop.evidence import MEMORISED_GAP, chance_of_hits, surer_when_right
from grokking.interop.weights import UserHints, WeightInterpretation, config_of, sizes, to_ours
from grokking.metrics.activations import ActivationCache
from grokking.models.transformer.network import Weights
from grokking.tasks.modular import OPERATIONS, make_task
from grokking.tasks.split import Split

MOST_READINGS = 64
MOST_HEADS = 64
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
"""What the accuracy on all pairs can be, and what is said of it."""
MOST_SHOWN = 4
TOGETHER = (("W_Q", "W_K", "W_V"), ("W_O",), ("W_in",), ("W_out",), ("W_E",), ("W_U",))
"""Matrices that whoever wrote a network will have laid out alike."""


@dataclass(frozen=True)
class Tried:
    """One way to read the weights: the flag that asks for it, and how many of ``n`` pairs are then right."""

    name: str
    correct: int
    n: int

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return self.correct / self.n


@dataclass(frozen=True)
class Proof:
    """accuracy: on all pairs, of the reading that was taken.  chance: of guessing.  verdict: a key of
    VERDICTS.  tried: other readings and other tasks, best first, where this one is at chance or doubtful.
    better: those of them that guessing does not explain, by name and accuracy.
    """

    accuracy: float
    chance: float
    verdict: str
    tried: list[Tried]
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
        """One line for a person."""
        line = f"accuracy on all pairs: {self.accuracy:.4f} (chance {self.chance:.4f})"
        line += VERDICTS[self.verdict]
        if self.better:
            others = ", ".join(f"{name} ({accuracy:.4f})" for name, accuracy in self.better[:MOST_SHOWN])
            return f"{line}, while the same weights read otherwise are not: {others}"
        if self.at_chance:
            return f"{line}, and so is every other reading tried: untrained, or of another task"
        if self.verdict == DOUBTFUL:
            others = ", ".join(f"{each.name} ({each.accuracy:.4f})" for each in self.tried[:MOST_SHOWN])
            return f"{line}; tried besides, and no better: {others or 'nothing, for want of other readings'}"
        return line


def prove(
    match: Match,
    raw: Weights,
    hints: UserHints,
    reading: WeightInterpretation,
    config: RunConfig,
    split: Split | None = None,
) -> Proof:
    """Try the reading, and all others if it is at chance or doubtful."""
    seen = _observed(match, raw, reading, config)
    correct, chance = seen.losses_and_correct[1], 1 / config.p
    proof = Proof(float(correct.mean()), chance, _verdict(seen, split, chance), [], [])
    if proof.verdict not in ("chance", DOUBTFUL):
        return proof
    found = [
        _tried(f"--reading '{other.name}'", _hits(match, raw, other, _config(match, hints, other, config)))
        for other in islice(other_readings(match, hints, reading, config), MOST_READINGS)
    ]
    found += _other_tasks(match, raw, reading, config)
    found.sort(key=lambda each: -each.accuracy)
    better = [
        (each.name, each.accuracy)
        for each in found
        if (each.accuracy >= 2 * _threshold(chance) or each.accuracy >= 0.5)
        and each.accuracy > 1.5 * proof.accuracy
        and chance_of_hits(each.correct, each.n, chance, len(found)) < BY_CHANCE
    ]
    return replace(proof, tried=found, better=better)


def _verdict(seen: ActivationCache, split: Split | None, chance: float) -> str:
    """What the answers to all pairs look like: a key of VERDICTS."""
    correct = seen.losses_and_correct[1]
    accuracy = float(correct.mean())
    if accuracy < _threshold(chance) or chance_of_hits(int(correct.sum()), correct.size, chance) >= BY_CHANCE:
        return "chance"
    if accuracy >= SOLVED:
        return "solved"
    gap = 0.0 if split is None else float(correct[split.train].mean() - correct[split.test].mean())
    if gap >= MEMORISED_GAP or surer_when_right(seen.outputs.logits, correct) >= SURER:
        return "memorised"
    return DOUBTFUL


def _tried(name: str, correct: np.ndarray) -> Tried:
    return Tried(name, int(correct.sum()), correct.size)


def _threshold(chance: float) -> float:
    return min(TIMES_CHANCE * chance, 0.5)


def best_heads(
    match: Match, raw: Weights, hints: UserHints, biases: tuple[str, ...], like: WeightInterpretation
) -> tuple[WeightInterpretation, str]:
    """The reading ``like`` with the number of heads that fits best, and a word on how sure that is.

    Accuracy does not tell: a grokked network with twice its heads may answer as well. But its train pairs
    were fitted with the true number, and are surest with it; so the typical loss decides, the
    geometric mean over all pairs, which the pairs known best rule.
    """
    width = match.merged_heads
    tried = []
    for heads in (h for h in range(1, min(width, MOST_HEADS) + 1) if width % h == 0):
        reading = replace(like, heads=heads)
        config = config_of(match, hints, reading, biases)
        losses, correct = _observed(match, raw, reading, config).losses_and_correct
        tried.append((_geometric_mean(losses), heads, reading, float(correct.mean())))
    ranked = sorted(tried, key=lambda t: t[:2])[:4]
    _, heads, reading, accuracy = ranked[0]
    if accuracy < _threshold(1 / config.p):
        return tried[0][2], "n_heads: not in the weights and not to be seen in what they answer; taken as 1"
    shown = ", ".join(f"{h}: {loss:.2g} nats, accuracy {a:.4f}" for loss, h, _, a in ranked)
    return reading, (
        f"n_heads: not in the weights; taken as {heads}, with which the typical pair is answered surest "
        f"({shown}); give --n_heads if you know it"
    )


def _geometric_mean(losses: np.ndarray) -> float:
    return float(np.exp(np.log(np.maximum(losses, np.finfo(float).tiny)).mean()))


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


def _hits(match: Match, raw: Weights, reading: WeightInterpretation, config: RunConfig) -> np.ndarray:
    return _observed(match, raw, reading, config).losses_and_correct[1]


def _observed(
    match: Match, raw: Weights, reading: WeightInterpretation, config: RunConfig
) -> ActivationCache:
    weights = to_ours(match, raw, reading, config)
    return ActivationCache(weights, shape_of(config), make_task(config.p, config.task))


def _other_tasks(match: Match, raw: Weights, reading: WeightInterpretation, config: RunConfig) -> list[Tried]:
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
            found.append(_tried(f"--task {operation.name}", right))
    return found
