"""The laboratory measures the circuit under the curve as ``grokking.page.hidden_circuit`` does."""

from typing import Any

import numpy as np
import pytest
import torch

from grokking.groups.families import cyclic
from grokking.metrics.logits import GroupLogits
from grokking.metrics.mean_ablation import excluded_scores, heldout_scores
from grokking.page.hidden_circuit import most_hidden, votes
from tests.page.laboratory import Visits

pytestmark = pytest.mark.slow
N, KEYS = 13, [2, 5]
ASK = """([n, logits, trained, keys]) => {
    const lab = Timeless.lab;
    const all = lab.grids({n, logits: Float32Array.from(logits)}, Uint8Array.from(trained));
    return {votes: lab.votes(all, keys), others: lab.otherFrequencies(n, keys), ...lab.wavesOnly(all, keys)};
}"""


def logits_of(trained: np.ndarray) -> GroupLogits:
    """Noise over two waves, the waves half as strong; pairs in group order."""
    a, b = np.divmod(np.arange(N * N), N)
    s, c = (a + b) % N, np.arange(N)
    waves = sum(np.cos(2 * np.pi * k * (s[:, None] - c) / N) for k in KEYS)
    noise = np.random.default_rng(0).normal(size=(N * N, N))
    logits = torch.tensor(0.5 * waves + noise, dtype=torch.float32)
    table = np.stack([logits[s == answer].double().mean(0).numpy() for answer in range(N)])
    parts = {"": np.ones(N * N, bool), "_train": trained, "_test": ~trained}
    return GroupLogits(logits, s, table, parts, cyclic(N))


def split(kind: str) -> np.ndarray:
    """bool [N²], the pairs trained on: held-out pairs for every answer, for all but two, for three alone."""
    s = np.add.outer(np.arange(N), np.arange(N)).ravel() % N
    if kind == "three answers":
        return s > 2
    chosen = np.random.default_rng(1).random(N * N) < 0.5
    return chosen | (s < 2) if kind == "some answers" else chosen


@pytest.mark.parametrize("kind", ["every answer", "some answers", "three answers"])
def test_the_waves_alone_and_the_rest_are_those_of_python(visit: Visits, kind: str) -> None:
    logits = logits_of(trained := split(kind))
    found = ask(visit(), logits, trained)
    assert len(found["others"]) == 5
    assert all(len(set(other) - set(KEYS)) == len(KEYS) for other in found["others"])
    held = [heldout_scores(logits, keys) for keys in (KEYS, *found["others"])]
    rest = [excluded_scores(logits, keys, "_train") for keys in (KEYS, *found["others"])]
    assert (held[0] is None) == (kind == "three answers")
    for name, scores in (("alone", held), ("without", rest)):
        own, *others = [None if one is None else one[1] for one in scores]
        assert found[name] == (None if own is None else pytest.approx(own)), name
        median = None if own is None else pytest.approx(np.median(others))
        assert found[f"{name}_others"] == median, name
    assert found["votes"] == pytest.approx(votes(logits.table, KEYS).ravel(), abs=1e-6)


def ask(v: Any, logits: GroupLogits, trained: np.ndarray) -> Any:
    return v.page.evaluate(ASK, [N, logits.logits.ravel().tolist(), trained.tolist(), KEYS])


def test_the_epoch_of_the_largest_lead_is_that_of_python(visit: Visits) -> None:
    epochs = [0, 10, 20, 30]
    v = visit()
    for alone, network in (
        ([0.1, 0.9, 0.9, 1.0], [0.1, 0.2, 0.2, 1.0]),
        ([0.1, None, 0.5, 1.0], [0.0, 0.1, 0.2, None]),
        ([0.1, 0.2, 0.3, 0.4], [0.2, 0.2, 0.4, 0.4]),
    ):
        found = v.page.evaluate("(lists) => Timeless.lab.mostHidden(...lists)", [epochs, alone, network])
        assert found == most_hidden(epochs, alone, network)
