"""Clock and pizza: answers known by hand, and values published for networks of Zhong et al. 2023.

The networks read two tokens and mix attention with constant attention; this test brings a plain forward
pass for them, as a model of its own.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from grokking.config_fields import Options
from grokking.from_config import shape_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.clock_and_pizza import (
    component_circularity,
    constant_attention_share,
    disc_share,
    distance_irrelevance,
    gradient_symmetricity,
    triples,
)
from grokking.metrics.norms import weight_norm
from grokking.metrics.registry import METRICS, Scope
from grokking.models import MODELS
from grokking.tasks.base import Vocabulary
from grokking.tasks.modular import make_task
from tests.audit.handbuilt import P, handbuilt_config, handbuilt_weights

NETWORKS = Path(__file__).parents[3] / "shared" / "networks" / "clock_and_pizza"
PUBLISHED = {
    "p99zdpze5l": (0.993665, 0.171736, 0.997818, 22.8538),
    "l8k1hzciux": (0.333638, 0.848260, 0.998907, 24.8139),
    "4asyr7ht1p": (0.995474, 0.907790, 0.965505, 16.21864),
}
"""Gradient symmetricity, distance irrelevance, circularity, weight norm."""


@dataclass(frozen=True)
class Shape:
    """Of a network on two tokens; coefficient: the share of softmax in its attention."""

    coefficient: float
    n_layers: int
    model: str = "two tokens"
    n_numbers: int = 59
    n_ctx: int = 3
    n_classes: int = 59


class TwoTokens:
    """Attention mixed with the constant 1, read at the second token; the operation's token is unused."""

    name = "two tokens"
    options = Options
    engines = ("reference",)

    def shape(self, options: Options, vocabulary: Vocabulary) -> Shape:
        raise NotImplementedError

    def initial_weights(self, shape: Shape, seed: int, scheme: str) -> dict[str, torch.Tensor]:
        raise NotImplementedError

    def logits(self, weights: Any, shape: Shape, tokens: torch.Tensor) -> torch.Tensor:
        return self.activations(weights, shape, tokens)["logits"]

    def embed(self, weights: Any, shape: Shape, tokens: torch.Tensor) -> torch.Tensor:
        return weights["W_E"][tokens[:, :2]]

    def logits_of_embedded(self, weights: Any, shape: Shape, embedded: torch.Tensor) -> torch.Tensor:
        return self.run(weights, shape, embedded)["logits"]

    def activations(self, weights: Any, shape: Shape, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.run(weights, shape, self.embed(weights, shape, tokens))

    def run(self, weights: Any, shape: Shape, embedded: torch.Tensor) -> dict[str, torch.Tensor]:
        x = neurons = embedded + weights["pos_embed.W_pos"]
        for i in range(shape.n_layers):
            block = {n.removeprefix(f"blocks.{i}."): w for n, w in weights.items()}
            q, k, v = (torch.einsum("hed,npd->nhpe", block[f"attn.W_{c}"], x) for c in "QKV")
            soft = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(-1)
            mixed = (shape.coefficient * soft + 1 - shape.coefficient) @ v
            x = x + mixed.transpose(1, 2).flatten(2) @ block["attn.W_O"].T
            neurons = torch.relu(x @ block["mlp.W_in"].T + block["mlp.b_in"])
            x = x + neurons @ block["mlp.W_out"].T + block["mlp.b_out"]
        return {"neurons": neurons[:, -1], "logits": x[:, -1] @ weights["unembed.W_U"]}


class Linear(TwoTokens):
    """Logits E_a U + E_b V, so the gradients are columns of U and V."""

    name = "linear"

    def run(self, weights: Any, shape: Shape, embedded: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = embedded[:, 0] @ weights["U"] + embedded[:, 1] @ weights["V"]
        return {"neurons": logits[:, :0], "logits": logits}


@pytest.fixture(autouse=True)
def models() -> Iterator[None]:
    for model in (TwoTokens(), Linear()):
        MODELS.register(model)
    yield
    for name in ("two tokens", "linear"):
        MODELS.unregister(name)


@pytest.mark.skipif(not NETWORKS.is_dir(), reason="the weights of others are not here")
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_have_their_published_values(name: str) -> None:
    config = json.loads((NETWORKS / f"config_{name}.json").read_text())
    stored = torch.load(NETWORKS / f"model_{name}.pt", map_location="cpu", weights_only=True)
    weights = {n: w for n, w in stored.items() if not n.endswith("mask")}
    weights["W_E"] = weights.pop("embed.W_E").T.contiguous()
    task = make_task(59, "add")
    acts = ActivationCache(weights, Shape(config["attn_coeff"], config["n_layers"]), task)
    scope = Scope(acts, None, "add", task.grid("add"), circle=1)
    row = {}
    for metric in ("gradient_symmetricity", "distance_irrelevance", "component_circularity", "disc_share"):
        row |= METRICS.get(metric).measure(scope)
    symmetricity, irrelevance, circularity, norm = PUBLISHED[name]
    assert row["gradient_symmetricity"] == pytest.approx(symmetricity, abs=2e-6)
    assert row["distance_irrelevance"] == pytest.approx(irrelevance, abs=2e-6)
    assert row["component_circularity"] == pytest.approx(circularity, abs=2e-6)
    assert weight_norm(weights) == pytest.approx(norm, rel=1e-5)
    assert acts.losses_and_correct[1].all()
    assert METRICS.get("constant_attention").measure(scope) == {"constant_attention": None}


def test_a_network_that_reads_both_operands_alike_is_symmetric() -> None:
    config = handbuilt_config()
    task, weights = make_task(P, "add"), handbuilt_weights(config)
    grid = task.grid("add")
    assert grid is not None
    assert gradient_symmetricity(ActivationCache(weights, shape_of(config), task), grid) == pytest.approx(1)


def test_symmetricity_of_a_linear_network_is_the_cosine_of_its_readings() -> None:
    task = make_task(5, "add")
    grid = task.grid("add")
    assert grid is not None
    weights = {"W_E": torch.eye(5), "U": torch.eye(5), "V": torch.ones(5, 5)}
    acts = ActivationCache(weights, Shape(1, 1, "linear"), task)
    assert gradient_symmetricity(acts, grid) == pytest.approx(5**-0.5)


def test_triples_are_the_published_ones() -> None:
    everything = list(product(range(5), repeat=3))
    Random(42).shuffle(everything)
    assert [tuple(t) for t in triples(5).tolist()] == everything[:100]


@pytest.mark.parametrize("n, sign", [(7, 1), (7, -1), (8, 1)])
def test_a_table_of_the_answer_alone_is_irrelevant_to_the_distance(n: int, sign: int) -> None:
    a, b = np.ogrid[:n, :n]
    values = np.random.default_rng(0).normal(size=n)
    assert distance_irrelevance(values[(a - sign * b) % n], sign) == pytest.approx(0)
    if n % 2:
        assert distance_irrelevance(values[(a + sign * b) % n], sign) == pytest.approx(1)


def test_sums_on_one_circle_fill_a_disc_and_free_phases_a_torus() -> None:
    n, k, m = 11, 3, 6
    w = 2 * np.pi * k * np.arange(n) / n
    phases = 2 * np.pi * np.arange(m) / m
    alike = np.cos(w[:, None, None] + phases) + np.cos(w[None, :, None] + phases)
    assert disc_share(torch.from_numpy(np.maximum(alike, 0)).float(), k) == pytest.approx(1, abs=1e-6)
    of_a, of_b = (x.ravel() for x in np.meshgrid(phases, phases))
    free = np.cos(w[:, None, None] + of_a) + np.cos(w[None, :, None] + of_b)
    assert disc_share(torch.from_numpy(free).float(), k) == pytest.approx(0.5, abs=1e-6)
    assert disc_share(torch.zeros(n, n, 2), k) is None


def test_attention_that_no_pair_changes_is_constant() -> None:
    same = torch.tensor([[0.5, 0.3, 0.2]]).expand(4, 1, 3)
    assert constant_attention_share(same) == pytest.approx(1)
    apart = torch.eye(2).view(2, 1, 2)
    assert constant_attention_share(apart) == pytest.approx(0.5)


def test_circles_have_components_of_one_frequency() -> None:
    n = 11
    w = 2 * np.pi * np.arange(n) / n
    circles = np.stack([np.cos(w), np.sin(w), 2 * np.cos(3 * w), 2 * np.sin(3 * w)], axis=1)
    assert component_circularity(circles) == pytest.approx(1)
    noise = np.random.default_rng(0).normal(size=(n, 20))
    assert component_circularity(noise - noise.mean(axis=0)) < 0.8
