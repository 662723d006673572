import numpy as np
import pytest
import torch

from grokking.from_config import shape_of
from grokking.metrics.robustness import (
    Moved,
    flip,
    flipped_share,
    nearest_token_distance,
    random_flips,
    random_subspace,
)
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import OneLayerTransformer
from grokking.tasks.modular import make_task
from tests.audit.handbuilt import handbuilt_config, handbuilt_weights

P = 5


def linear_network() -> tuple[dict, ModelShape]:
    """Logits = x_a alone: no neurons, attention gives each position a third, W_O trebles it."""
    shape = ModelShape(P, 1, P, 1, P, 1, P)
    weights = {name: torch.zeros(size) for name, size in shape.parameter_shapes().items()}
    weights["W_E"][:P] = torch.eye(P)
    weights["W_pos"][1] = 0
    weights["W_V"][0], weights["W_O"][0], weights["W_U"] = torch.eye(P), 3 * torch.eye(P), torch.eye(P)
    return weights, shape


def test_on_a_linear_network_the_smallest_flip_is_the_distance_to_the_boundary():
    weights, shape = linear_network()
    # Pairs (a, a): logits 2·e_a. The margin 2 closes at distance 2/√2.
    tokens = np.array([[a, a, P] for a in range(P)])
    moved, answers = Moved(weights, shape, tokens), torch.arange(P)
    np.testing.assert_allclose(flip(moved, answers).length, 2**0.5, rtol=0.01)


def test_within_a_subspace_it_stays_there_and_is_no_shorter():
    weights, shape = linear_network()
    tokens = np.array([[a, a, P] for a in range(2)])
    moved, answers = Moved(weights, shape, tokens), torch.arange(2)
    subspace = torch.eye(P)[:1]
    found = flip(moved, answers, subspace)
    assert not found.delta[:, 1:].any()
    # Along the first axis alone a margin of 2 takes a move of 2, down for 0 and up for 1.
    np.testing.assert_allclose(found.length, 2.0, rtol=0.01)
    nowhere = flip(moved, answers[:2], torch.zeros(1, P))
    assert np.isinf(nowhere.length).all()


def test_what_it_returns_flips_and_a_little_less_does_not():
    config = handbuilt_config()
    shape, task = shape_of(config), make_task(config.p, "add")
    weights = handbuilt_weights(config)
    rows = np.arange(0, len(task.tokens), 41)
    moved, answers = Moved(weights, shape, task.tokens[rows]), torch.from_numpy(task.answers[rows])
    delta = flip(moved, answers).delta
    assert (moved.logits(delta).argmax(1) != answers).all()
    assert (moved.logits(0.98 * delta).argmax(1) == answers).all()
    chance = random_flips(moved, answers, 3)
    assert (chance.min(axis=1) > 0.95 * delta.norm(dim=1).numpy()).all()
    assert flipped_share(moved, answers, delta.norm(dim=1).numpy(), 3) < 0.2
    # A move onto another token is a flip, so no smallest one is longer than the shortest of those.
    assert (delta.norm(dim=1).numpy() <= nearest_token_distance(weights, config.p, task.tokens[rows])).all()


@pytest.mark.parametrize("layer_norm", [False, True])
def test_no_move_leaves_the_logits_as_they_are_and_a_token_s_way_makes_that_token(drawn_weights, layer_norm):
    shape = ModelShape(7, 2, 8, 2, 4, 16, 8, layer_norm=layer_norm)
    weights, tokens = drawn_weights(shape), make_task(7, "add,mul").tokens[[3, 20, 60, 90]]
    network = OneLayerTransformer(shape, weights)
    moved = Moved(weights, shape, tokens)
    expected = network(torch.from_numpy(tokens))[:, :7]
    torch.testing.assert_close(moved.logits(torch.zeros(4, 8)), expected, atol=1e-5, rtol=1e-5)
    other = tokens.copy()
    other[:, 0] = 5
    way = weights["W_E"][other[:, 0]] - weights["W_E"][tokens[:, 0]]
    expected = network(torch.from_numpy(other))[:, :7]
    torch.testing.assert_close(moved.logits(way), expected, atol=1e-5, rtol=1e-5)


def test_distances_and_subspaces_by_hand():
    embed = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [9.0, 9.0]])
    found = nearest_token_distance({"W_E": embed}, 3, np.array([[0, 1, 3], [1, 1, 3]]))
    np.testing.assert_allclose(found, [1.0, 18**0.5])
    rows = random_subspace(3, 8)
    torch.testing.assert_close(rows @ rows.T, torch.eye(3), atol=1e-6, rtol=0)
