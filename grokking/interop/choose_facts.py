"""Facts that no file says, chosen by what the network answers: heads, attention scale, activation, epsilon.

Each is tried in turn while the others stay, until nothing changes. The accuracy on all pairs decides where
it differs. Where it does not:

- the number of heads goes by the geometric mean of the loss over all pairs, which the pairs known best rule:
  train pairs were fitted with the true number and are answered most surely with it;
- attention scale, activation and epsilon of a network that has learnt its task go by how even the margins of
  its right answers are: their standard deviation over their mean. The loss would mislead, since a GELU or a
  sharper attention makes answers surer and less even: for every recorded ReLU run that learnt, the loss would
  pick GELU. For a network that has not learnt, neither tells, and the usual value is assumed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from grokking.from_config import shape_of, task_of
from grokking.interop.axes import Dims
from grokking.interop.detect_layout import LayoutMatch
from grokking.interop.evidence import FitScores
from grokking.interop.facts import UserHints
from grokking.interop.import_check import TIMES_CHANCE
from grokking.interop.network_config import network_config, possible_places
from grokking.interop.weights import WeightInterpretation, convert_weights, sizes
from grokking.metrics.activations import ActivationCache
from grokking.models.activations import NAMES, TABLE
from grokking.models.base import Weights
from grokking.models.transformer import LAYER_NORM_EPS
from grokking.models.transformer.shape import CAUSAL, DIRECTIONS, LAYER, RMS
from grokking.tasks.base import N_CTX

MOST_HEADS = 64
MOST_ROUNDS = 3
MOST_SHOWN = 3
AS_ACCURATE = 0.95
"""Accuracy does not decide between values whose accuracy is at least this share of the best."""
ACCURATE = 0.95
"""From this accuracy on the margins of a network's answers say how they were fitted."""
CLEARLY = 0.9
"""The usual value stands unless another has at most this share of its spread."""
SAME = 0.98
"""Two spreads whose ratio is larger count as equal."""
EPSILONS = (LAYER_NORM_EPS, 1e-6, 1e-8, 1e-12)
SCALES: dict[str, Callable[[Dims], float]] = {
    "1/√d_head": lambda dims: dims["e"] ** 0.5,
    "1": lambda _: 1.0,
    "1/√d_model": lambda dims: dims["d"] ** 0.5,
}
"""Attention scales in use, the usual one first: what scores are divided by, from the sizes."""
HEADS, SCALE, ACTIVATION, EPSILON = "heads", "attention scale", "activation", "layer norm epsilon"
RATE, MASK, KIND, PLACES = "attention rate", "attention mask", "kind of norm", "places of norms"
FLAGS = {
    HEADS: "--n_heads",
    SCALE: "--attention_temperature",
    ACTIVATION: "--activation",
    EPSILON: "--layer_norm_eps",
    RATE: "--attention_rate",
    MASK: "--attention_dir",
    KIND: "--norm_kind",
    PLACES: "--norm_places",
}
AS_STATED = {RATE: "attention_rate", MASK: "attention_dir", KIND: "norm_kind", PLACES: "norm_places"}
"""Facts whose value goes into the hints as it is, by the name that it has there."""
RATES = (1.0, 0.0)
Value = int | float | str
Choice = dict[str, Value]
"""A value for each fact."""


def choose_facts(
    match: LayoutMatch, raw: Weights, hints: UserHints, biases: tuple[str, ...], like: WeightInterpretation
) -> tuple[WeightInterpretation, UserHints, dict[str, str]]:
    """The interpretation and the facts that fit best, and how each fact that was tried was decided.

    like: the interpretation that holds for everything but the number of heads.
    """
    options = _options(match, hints)
    if not options:
        return like, hints, {}
    trials = _Trials(match, raw, hints, biases, like)
    chosen, how = _best(options, trials)
    if trials.scores(chosen).accuracy < min(TIMES_CHANCE * trials.chance(chosen), 0.5):
        chosen = {fact: values[0] for fact, values in options.items()}
        how = {
            fact: f"not in the file, and the network's answers do not show it: they are at chance with "
            f"every value tried; assumed; give {FLAGS[fact]} if you know it"
            for fact in options
        }
    return *trials.applied(chosen), how


@dataclass
class _Trials:
    """One network, read with any choice of facts."""

    match: LayoutMatch
    raw: Weights
    hints: UserHints
    biases: tuple[str, ...]
    like: WeightInterpretation
    done: dict[tuple[tuple[str, Value], ...], FitScores] = field(default_factory=dict)

    def applied(self, choice: Choice) -> tuple[WeightInterpretation, UserHints]:
        """The interpretation and the hints with this choice in them."""
        hints = self.hints
        interpretation = replace(self.like, heads=int(choice.get(HEADS, self.like.heads)))
        if SCALE in choice and choice[SCALE] != next(iter(SCALES)):
            dims = sizes(self.match, interpretation.heads)
            hints = replace(hints, score_divisor=SCALES[str(choice[SCALE])](dims))
        if ACTIVATION in choice:
            hints = replace(hints, activation=str(choice[ACTIVATION]))
        if EPSILON in choice:
            hints = replace(hints, layer_norm_eps=float(choice[EPSILON]))
        for fact in AS_STATED.keys() & choice.keys():
            given: dict[str, Any] = {AS_STATED[fact]: choice[fact]}
            hints = replace(hints, **given)
        return interpretation, hints

    def scores(self, choice: Choice) -> FitScores:
        """How well this choice fits; measured once."""
        key = tuple(choice.items())
        if key not in self.done:
            interpretation, hints = self.applied(choice)
            config = network_config(self.match, hints, interpretation, self.biases)
            weights = convert_weights(self.match, self.raw, interpretation, config)
            self.done[key] = FitScores.of(ActivationCache(weights, shape_of(config), task_of(config)))
        return self.done[key]

    def chance(self, choice: Choice) -> float:
        """The accuracy of guessing."""
        interpretation, hints = self.applied(choice)
        config = network_config(self.match, hints, interpretation, self.biases)
        return 1 / int(task_of(config).n_answers)


def _best(options: Mapping[str, Sequence[Value]], trials: _Trials) -> tuple[Choice, dict[str, str]]:
    """The value of every fact, each tried while the others stay, and how it was decided."""
    chosen: Choice = {fact: values[0] for fact, values in options.items()}
    how: dict[str, str] = {}
    for _ in range(MOST_ROUNDS):
        before = dict(chosen)
        for fact, values in options.items():
            found = [trials.scores({**chosen, fact: value}) for value in values]
            at, how[fact] = _decide(fact, values, found)
            chosen[fact] = values[at]
        if chosen == before:
            break
    return chosen, how


def _options(match: LayoutMatch, hints: UserHints) -> dict[str, list[Value]]:
    """The values of every fact that neither the user nor a file says, the usual one first."""
    options: dict[str, list[Value]] = {}
    if hints.own_config is not None:
        return options
    if match.layout.model == "mlp":
        return {} if hints.activation is not None else {ACTIVATION: [*NAMES]}
    if match.open:
        width = match.merged_heads
        options[HEADS] = [h for h in range(1, min(width, MOST_HEADS) + 1) if width % h == 0]
    if hints.attention_temperature is None and hints.score_divisor is None:
        options[SCALE] = [*SCALES]
    if hints.activation is None:
        options[ACTIVATION] = [*TABLE]
    if hints.layer_norm_eps is None and match.norms:
        options[EPSILON] = [*EPSILONS]
    return options | _builds(match, hints)


def _builds(match: LayoutMatch, hints: UserHints) -> dict[str, list[Value]]:
    """The values of what tells builds of one set of shapes apart.

    What a file says of the mask stands first and is tried like the rest: a public config of a network whose
    attention sees all positions says that it is causal.
    """
    options: dict[str, list[Value]] = {}
    if match.dims["x"] == N_CTX - 1 and hints.attention_rate is None:
        options[RATE] = [*RATES]
    if match.n_layers > 1:
        stated = hints.attention_dir or CAUSAL
        options[MASK] = [stated, *(other for other in DIRECTIONS if other != stated)]
    if match.norms and hints.norm_kind is None and f"{match.norms[0]}_b" not in match.keys:
        options[KIND] = [RMS, LAYER]
    if len(possible_places(match)) > 1 and match.norms and hints.norm_places is None:
        options[PLACES] = [*possible_places(match)]
    return options


def _decide(fact: str, values: Sequence[Value], found: Sequence[FitScores]) -> tuple[int, str]:
    """The index of the value to take, and why."""
    best = max(each.accuracy for each in found)
    left = [i for i, each in enumerate(found) if each.accuracy >= AS_ACCURATE * best]
    if len(left) == 1:
        others = sorted(set(range(len(found))) - set(left), key=lambda i: -found[i].accuracy)[:MOST_SHOWN]
        shown = ", ".join(f"{found[i].accuracy:.4f} with {_written(values[i])}" for i in others)
        return left[0], f"not in the file; chosen by accuracy, {best:.4f} against {shown}"
    if fact != HEADS and best < ACCURATE:
        rest = ", ".join(_written(values[i]) for i in left[1:])
        return left[0], (
            f"not in the file; what this network answers does not tell it from {rest}, so the "
            f"usual one is assumed; give {FLAGS[fact]} if you know it"
        )
    return _by_score(fact, values, found, left)


def _by_score(
    fact: str, values: Sequence[Value], found: Sequence[FitScores], left: Sequence[int]
) -> tuple[int, str]:
    """The same among those that accuracy does not tell apart. left: their indices."""
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


def _shown(taken: int, values: Sequence[Value], found: Sequence[FitScores], left: Sequence[int]) -> str:
    """The score of the value taken, against those that come nearest."""
    score = [each.loss if isinstance(values[0], int) else each.spread for each in found]
    others = sorted((i for i in left if i != taken), key=lambda i: score[i])[:MOST_SHOWN]
    words = (f"{score[i]:.3g} with {_written(values[i])}" for i in others)
    return f"{score[taken]:.3g} against {', '.join(words)}"


def _written(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
