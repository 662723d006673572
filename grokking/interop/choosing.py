"""Facts that no file says, chosen by what the network answers: heads, attention scale, activation, epsilon.

Each is tried in turn while the others stay, until nothing changes. The accuracy on all pairs decides where
it differs. Where it does not:

- heads go by the geometric mean of the loss over all pairs, which the pairs known best rule: train pairs
  were fitted with the true number and are surest with it;
- attention scale, activation and epsilon of a network that has learnt its task go by how even the margins of
  its right answers are: their standard deviation over their mean. A loss would mislead, since a GELU or a
  sharper attention makes answers surer and less even: of the recorded ReLU runs, it would pick GELU for every
  one that learnt.  Of a network that has not learnt, neither tells, and the usual value is taken.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from grokking.from_config import shape_of, task_of
from grokking.interop.axes import Dims
from grokking.interop.detect_layout import Match
from grokking.interop.import_check import TIMES_CHANCE
from grokking.interop.weights import UserHints, WeightInterpretation, config_of, sizes, to_ours
from grokking.metrics.activations import ActivationCache
from grokking.models.activations import TABLE
from grokking.models.transformer import LAYER_NORM_EPS
from grokking.models.transformer.network import Weights

MOST_HEADS = 64
MOST_ROUNDS = 3
MOST_SHOWN = 3
AS_ACCURATE = 0.95
"""Of the best accuracy: as much does not tell two values apart."""
SOLVED = 0.95
"""From this accuracy on the margins of a network's answers say how they were fitted."""
CLEARLY = 0.9
"""The usual value stands unless another has at most this share of its spread."""
SAME = 0.98
"""Two spreads with a larger ratio are the same."""
EPSILONS = (LAYER_NORM_EPS, 1e-6, 1e-8, 1e-12)
SCALES: dict[str, Callable[[Dims], float]] = {
    "1/√d_head": lambda dims: dims["e"] ** 0.5,
    "1": lambda _: 1.0,
    "1/√d_model": lambda dims: dims["d"] ** 0.5,
}
"""Attention scales in use, the usual one first: what scores are divided by, from the sizes."""
HEADS, SCALE, ACTIVATION, EPSILON = "heads", "attention scale", "activation", "layer norm epsilon"
FLAGS = {
    HEADS: "--n_heads",
    SCALE: "--attention_temperature",
    ACTIVATION: "--activation",
    EPSILON: "--layer_norm_eps",
}
Choice = dict[str, int | float | str]


@dataclass(frozen=True)
class Evidence:
    """What all pairs say of one reading. accuracy: share of right answers.  loss: geometric mean, nats.
    spread: standard deviation of the margins of right answers over their mean.
    """

    accuracy: float
    loss: float
    spread: float


def evidence(logits: Tensor, answers: Tensor, losses: np.ndarray) -> Evidence:
    """logits: [N, n_answers].  answers: int64 [N].  losses: float64 [N]. A margin is the right logit less
    the largest other one."""
    logits = logits.double()
    true = logits.gather(1, answers[:, None])[:, 0]
    margins = true - logits.scatter(1, answers[:, None], -math.inf).amax(1)
    right = margins[margins > 0]
    spread = float(right.std(correction=0) / right.mean()) if len(right) else math.inf
    typical = math.exp(float(np.log(np.maximum(losses, np.finfo(float).tiny)).mean()))
    return Evidence(len(right) / len(margins), typical, spread)


def choose(
    match: Match, raw: Weights, hints: UserHints, biases: tuple[str, ...], like: WeightInterpretation
) -> tuple[WeightInterpretation, UserHints, dict[str, str]]:
    """The reading and the facts that fit best, and of every fact that was tried how it was decided."""
    options = _options(match, hints)
    if not options:
        return like, hints, {}

    @cache
    def seen(items: tuple[tuple[str, int | float | str], ...]) -> Evidence:
        reading, told = _applied(dict(items), match, hints, like)
        config = config_of(match, told, reading, biases)
        acts = ActivationCache(to_ours(match, raw, reading, config), shape_of(config), task_of(config))
        answers = torch.as_tensor(acts.task.answers)
        logits = acts.outputs.logits[:, : acts.task.n_answers].cpu()
        return evidence(logits, answers, acts.losses_and_correct[0])

    taken: Choice = {fact: values[0] for fact, values in options.items()}
    how: dict[str, str] = {}
    for _ in range(MOST_ROUNDS):
        before = dict(taken)
        for fact, values in options.items():
            found = [seen(tuple({**taken, fact: value}.items())) for value in values]
            at, how[fact] = _decide(fact, values, found)
            taken[fact] = values[at]
        if taken == before:
            break
    reading, told = _applied(taken, match, hints, like)
    chance = 1 / config_of(match, told, reading, biases).p
    if seen(tuple(taken.items())).accuracy < min(TIMES_CHANCE * chance, 0.5):
        reading, told = _applied({fact: values[0] for fact, values in options.items()}, match, hints, like)
        how = {
            fact: f"not in the file, and not to be seen in what the network answers, which is chance with "
            f"every value tried: assumed; give {FLAGS[fact]} if you know it"
            for fact in options
        }
    return reading, told, how


def _options(match: Match, hints: UserHints) -> dict[str, list[int | float | str]]:
    """The values of every fact that nobody says, the usual one first."""
    options: dict[str, list[int | float | str]] = {}
    if hints.own is not None:
        return options
    if match.open:
        width = match.merged_heads
        options[HEADS] = [h for h in range(1, min(width, MOST_HEADS) + 1) if width % h == 0]
    if hints.attention_temperature is None and hints.score_divisor is None:
        options[SCALE] = [*SCALES]
    if hints.activation is None:
        options[ACTIVATION] = [*TABLE]
    if hints.layer_norm_eps is None and "ln1_w" in match.keys:
        options[EPSILON] = [*EPSILONS]
    return options


def _applied(
    choice: Choice, match: Match, hints: UserHints, like: WeightInterpretation
) -> tuple[WeightInterpretation, UserHints]:
    reading = replace(like, heads=int(choice.get(HEADS, like.heads)))
    dims = sizes(match, reading.heads)
    if SCALE in choice and choice[SCALE] != next(iter(SCALES)):
        hints = replace(hints, score_divisor=SCALES[str(choice[SCALE])](dims))
    if ACTIVATION in choice:
        hints = replace(hints, activation=str(choice[ACTIVATION]))
    if EPSILON in choice:
        hints = replace(hints, layer_norm_eps=float(choice[EPSILON]))
    return reading, hints


def _decide(fact: str, values: Sequence[int | float | str], found: Sequence[Evidence]) -> tuple[int, str]:
    """The place of the value to take, and why."""
    best = max(each.accuracy for each in found)
    left = [i for i, each in enumerate(found) if each.accuracy >= AS_ACCURATE * best]
    if len(left) == 1:
        others = sorted(set(range(len(found))) - set(left), key=lambda i: -found[i].accuracy)[:MOST_SHOWN]
        shown = ", ".join(f"{found[i].accuracy:.4f} with {_written(values[i])}" for i in others)
        return left[0], f"not in the file; chosen by accuracy, {best:.4f} against {shown}"
    if fact != HEADS and best < SOLVED:
        rest = ", ".join(_written(values[i]) for i in left[1:])
        return left[0], (
            f"not in the file; what this network answers does not tell it from {rest}, so the "
            f"usual one is assumed; give {FLAGS[fact]} if you know it"
        )
    return _by_score(fact, values, found, left)


def _by_score(
    fact: str, values: Sequence[int | float | str], found: Sequence[Evidence], left: Sequence[int]
) -> tuple[int, str]:
    """The same among those that accuracy does not tell apart, ``left``."""
    if fact == HEADS:
        taken = min(left, key=lambda i: found[i].loss)
        shown = _shown(taken, values, found, left)
        return taken, f"not in the file; chosen by the geometric mean of the loss, {shown}"
    spread = [each.spread for each in found]
    lowest = min(spread[i] for i in left)
    taken = next(i for i in left if spread[i] <= lowest / SAME)  # of GELU and its approximation, GELU
    if left[0] == 0 and spread[taken] > CLEARLY * spread[0]:
        taken = 0
    shown = _shown(taken, values, found, left)
    if any(spread[taken] > CLEARLY * spread[i] for i in left if i != taken) and taken == 0:
        return taken, (
            f"not in the file; the spread of right answers' margins hardly tells it, {shown}, so "
            f"the usual one is assumed; give {FLAGS[fact]} if you know it"
        )
    return taken, f"not in the file; chosen by the spread of right answers' margins, {shown}"


def _shown(
    taken: int, values: Sequence[int | float | str], found: Sequence[Evidence], left: Sequence[int]
) -> str:
    """The score of the value taken, against those that come nearest."""
    score = [each.loss if isinstance(values[0], int) else each.spread for each in found]
    others = sorted((i for i in left if i != taken), key=lambda i: score[i])[:MOST_SHOWN]
    words = (f"{score[i]:.3g} with {_written(values[i])}" for i in others)
    return f"{score[taken]:.3g} against {', '.join(words)}"


def _written(value: int | float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
