"""Networks that others trained on groups: our numbers against those published with them.

Weights of Chughtai et al. 2023 (arXiv 2302.03025), read and run here by a plain forward pass of this test.
Which token is which element is in no file; the answers' multiplication table says it, up to an automorphism.
Skipped where the weights are not there.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.engines.outputs import PairOutputs
from grokking.from_config import initial_weights, shape_of
from grokking.groups.identify import read_table
from grokking.metrics.activations import ActivationCache
from grokking.metrics.embedding import frequency_share
from grokking.metrics.logit_measures import similarity_row
from grokking.metrics.logits import GroupLogits
from grokking.metrics.readout import neuron_logit_map
from grokking.tasks.finite_group import GroupTask, compose_in
from grokking.tasks.pairs import GroupGrid

NETWORKS = Path(__file__).parents[3] / "shared" / "networks" / "group_composition"
pytestmark = pytest.mark.skipif(not NETWORKS.is_dir(), reason="the weights of others are not here")
Weights = dict[str, torch.Tensor]

PUBLISHED: dict[str, tuple[dict[str, float], float]] = {
    "S5_T_seed1": ({"sign": 0.3488, "standard ⊗ sign": 0.7119}, 0.6285),
    "S5_MLP_seed1": ({"sign": 0.3090, "standard": 0.4109, "standard ⊗ sign": 0.2944}, 0.3905),
    "D59_T_seed1": ({"2": 0.3149, "5": 0.5290, "21": 0.1923, "sign": 0.2182}, 0.4636),
    "C118_T_seed1": ({"10": 0.7386, "16": 0.2552, "19": 0.2962, "37": 0.4641, "59": 0.2676}, 0.9855),
}
"""Cosines between logits and characters, and the share of the logits that they explain."""
UP_TO_RENAMING = ("D59_T_seed1", "C118_T_seed1")
"""Groups with automorphisms that permute frequencies: the table does not say which generator is 1."""
FIVE_DIMENSIONAL = 0.1990
"""The cosine of the remaining key representation of S5_MLP, one of the two of degree 5."""


def transformer_logits(w: Weights, a: np.ndarray, b: np.ndarray) -> torch.Tensor:
    """Logits [N, n] of the tokens [x, y, =], read at the last."""
    block = {name.removeprefix("blocks.0."): tensor for name, tensor in w.items()}
    tokens = torch.from_numpy(np.stack([a, b, np.full_like(a, len(w["embed.W_E"]) - 1)], axis=1))
    x = w["embed.W_E"][tokens] + w["pos_embed.W_pos"]

    def heads(name: str, at: torch.Tensor) -> torch.Tensor:
        return torch.einsum("npd,hdk->nhpk", at, block[f"attn.W_{name}"]) + block[f"attn.b_{name}"][:, None]

    scores = heads("Q", x[:, -1:]) @ heads("K", x).transpose(2, 3) / block["attn.W_Q"].shape[2] ** 0.5
    mixed = (scores.softmax(dim=-1) @ heads("V", x))[:, :, 0]
    last = x[:, -1] + torch.einsum("nhk,hkd->nd", mixed, block["attn.W_O"]) + block["attn.b_O"]
    hidden = torch.relu(last @ block["mlp.W_in"] + block["mlp.b_in"])
    return (last + hidden @ block["mlp.W_out"] + block["mlp.b_out"]) @ w["unembed.W_U"] + w["unembed.b_U"]


def mlp_logits(w: Weights, a: np.ndarray, b: np.ndarray) -> torch.Tensor:
    """Logits [N, n] of the two embeddings side by side."""
    return torch.relu(torch.cat([w["W_x"][a], w["W_y"][b]], dim=1) @ w["W"]) @ w["W_U"]


def opened(name: str) -> tuple[ActivationCache, GroupGrid]:
    """A network's logits and its (first) embedding as those of a task of ours."""
    weights = torch.load(NETWORKS / name / "model.pt", map_location="cpu", weights_only=True)
    n = weights["unembed.W_U" if "_T_" in name else "W_U"].shape[1]
    a, b = np.divmod(np.arange(n * n), n)
    logits = torch.cat(
        [
            (transformer_logits if "_T_" in name else mlp_logits)(weights, x, y)
            for x, y in zip(np.array_split(a, 8), np.array_split(b, 8), strict=True)
        ]
    )
    report = read_table(logits.argmax(dim=1).numpy().reshape(n, n))
    assert report.is_group
    assert report.group is not None
    task: GroupTask = compose_in(report.group, "answers")
    config = RunConfig(task=f"c{n}", d_model=128, d_mlp=4)
    acts = ActivationCache(initial_weights(config), shape_of(config), task)
    acts.__dict__["outputs"] = PairOutputs(torch.zeros(n * n, 4), logits)
    acts.weights["W_E"] = weights["embed.W_E" if "_T_" in name else "W_x"]
    acts.weights["W_U"] = weights["unembed.W_U" if "_T_" in name else "W_U"]
    acts.weights["W_out"] = weights["blocks.0.mlp.W_out"] if "_T_" in name else torch.eye(128)
    grid = task.grid("answers")
    assert grid is not None
    return acts, grid


def measured(name: str) -> tuple[dict[str, float], GroupLogits, ActivationCache, GroupGrid]:
    acts, grid = opened(name)
    logits = GroupLogits.of(acts, grid, None)
    row: dict[str, Any] = similarity_row(logits, [])
    return row["logit_similarity"], logits, acts, grid


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_cosines_between_logits_and_characters_are_the_published_ones(name: str) -> None:
    published, explained = PUBLISHED[name]
    found, logits, _, grid = measured(name)
    if name in UP_TO_RENAMING:
        largest = sorted(found.values(), reverse=True)[: len(published)]
        assert largest == pytest.approx(sorted(published.values(), reverse=True), abs=5.1e-5)
        names = sorted(found, key=lambda label: -found[label])[: len(published)]
    else:
        assert {label: found[label] for label in published} == pytest.approx(published, abs=5.1e-5)
        names = list(published)
    if name == "S5_MLP_seed1":
        names.append(max(("5a", "5b"), key=lambda label: found[label]))
        assert found[names[-1]] == pytest.approx(FIVE_DIMENSIONAL, abs=5.1e-5)
    keys = [grid.group.basis.block_of(label) for label in names]
    assert similarity_row(logits, keys)["logits_explained"] == pytest.approx(explained, abs=5.1e-5)


def test_embedding_and_readout_of_the_published_transformer_lie_in_its_two_representations() -> None:
    """Published: .998554 of W_E, of whose energy the mean over tokens has 6e-6; .999784 of W_out W_U."""
    _, _, acts, grid = measured("S5_T_seed1")
    basis = grid.group.basis
    keys = [basis.block_of(label) - 1 for label in ("sign", "standard ⊗ sign")]
    embedding, readout = acts.embedding("answers"), neuron_logit_map(acts, grid).T
    shares = [float(frequency_share(rows, basis)[keys].sum()) for rows in (embedding, readout)]
    assert shares[0] * (1 - 6.1243e-6) == pytest.approx(0.9985541701, abs=1e-7)
    assert shares[1] == pytest.approx(0.9997840524, abs=1e-6)


def test_the_loss_of_the_published_transformer() -> None:
    """Its authors' restricted and excluded losses project on the characters alone, not on all of a block."""
    _, logits, _, _ = measured("S5_T_seed1")
    assert logits.full_losses()["group_loss"] == pytest.approx(1.25837e-7, rel=1e-4)
