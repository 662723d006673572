"""Draws from a seed: the published recipe step by step, and the statistics of our own."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from grokking.config import RunConfig, preset
from grokking.errors import UserError
from grokking.from_config import initial_weights, shape_of, split_of
from grokking.tasks.modular import make_task


def test_nanda_weights_are_the_published_draws() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        W_E = torch.randn(128, 114) / 128**0.5
        W_pos = torch.randn(3, 128) / 128**0.5
        W_K = torch.randn(4, 32, 128) / 128**0.5
        W_Q = torch.randn(4, 32, 128) / 128**0.5
        W_V = torch.randn(4, 32, 128) / 128**0.5
        W_O = torch.randn(128, 128) / 128**0.5
        W_in = torch.randn(512, 128) / 128**0.5
        W_out = torch.randn(128, 512) / 128**0.5
        W_U = torch.randn(128, 114) / 114**0.5
    weights = initial_weights(preset("nanda"))
    assert torch.equal(weights["W_E"], W_E.T)
    assert torch.equal(weights["W_pos"], W_pos)
    for h in range(4):
        assert torch.equal(weights["W_K"][h], W_K[h].T)
        assert torch.equal(weights["W_Q"][h], W_Q[h].T)
        assert torch.equal(weights["W_V"][h], W_V[h].T)
        # There, heads lie side by side in the columns of W_O.
        assert torch.equal(weights["W_O"][h], W_O[:, 32 * h : 32 * (h + 1)].T)
    assert torch.equal(weights["W_in"], W_in.T)
    assert torch.equal(weights["W_out"], W_out.T)
    assert torch.equal(weights["W_U"], W_U)
    assert not weights["b_in"].any()
    assert not weights["b_out"].any()


def test_nanda_split_is_the_published_shuffle() -> None:
    p = 113
    pairs = [(a, b, p) for a in range(p) for b in range(p)]
    order = list(pairs)
    random.Random(0).shuffle(order)
    n_train = int(0.3 * p * p)
    config = preset("nanda")
    task = make_task(p, "add")
    split = split_of(config, task)
    assert {tuple(t) for t in task.tokens[split.train].tolist()} == set(order[:n_train])
    assert {tuple(t) for t in task.tokens[split.test].tolist()} == set(order[n_train:])


def test_nanda_has_no_layer_norm() -> None:
    with pytest.raises(UserError, match="layer norm"):
        initial_weights(RunConfig(init_scheme="nanda", layer_norm=True))


def test_our_own_draws_have_the_documented_spread() -> None:
    config = RunConfig(layer_norm=True)
    shape = shape_of(config)
    weights = initial_weights(config)
    assert {n: tuple(w.shape) for n, w in weights.items()} == shape.parameter_shapes()
    for name, tensor in weights.items():
        assert tensor.dtype == torch.float32
        if name.startswith("W_"):
            deviation = (shape.d_vocab if name == "W_U" else shape.d_model) ** -0.5
            assert tensor.std().item() == pytest.approx(deviation, rel=0.2 if name == "W_pos" else 0.03)
            assert abs(tensor.mean().item()) < 0.1 * deviation
        else:
            assert (tensor == (1.0 if name.endswith("_w") else 0.0)).all()


def test_a_seed_repeats_and_another_differs() -> None:
    config = RunConfig(p=7)
    one, same, other = (initial_weights(replace(config, seed=s)) for s in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one if name.startswith("W_"))


def test_weights_leave_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    initial_weights(RunConfig(p=7))
    initial_weights(RunConfig(p=7, init_scheme="nanda"))
    split_of(RunConfig(p=7), make_task(7, "add"))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("recipe", ["standard", "nanda", "portable"])
@pytest.mark.parametrize("task, sizes", [("add", [121]), ("mul,div", [121, 110])])
def test_a_split_parts_the_pairs_of_every_operation(recipe: str, task: str, sizes: list[int]) -> None:
    config = RunConfig(p=11, task=task, train_frac=0.3, init_scheme=recipe)
    made = make_task(11, task)
    split = split_of(config, made)
    both = np.concatenate([split.train, split.test])
    assert sorted(both.tolist()) == list(range(sum(sizes)))
    for rows in (split.train, split.test):
        assert (np.diff(rows) > 0).all()
    assert np.bincount(made.operation_of_pair[split.train]).tolist() == [int(0.3 * n) for n in sizes]


@pytest.mark.parametrize("recipe", ["standard", "nanda", "portable"])
def test_splits_depend_on_the_seed(recipe: str) -> None:
    task = make_task(11, "add")
    trains = [split_of(RunConfig(p=11, seed=s, init_scheme=recipe), task).train.tolist() for s in (0, 0, 1)]
    assert trains[0] == trains[1]
    assert trains[0] != trains[2]


@pytest.mark.parametrize("recipe", ["standard", "nanda", "portable"])
def test_operations_are_split_independently(recipe: str) -> None:
    task = make_task(23, "add,sub")
    split = split_of(RunConfig(p=23, task="add,sub", train_frac=0.5, init_scheme=recipe), task)
    add, sub = (split.train[task.operation_of_pair[split.train] == i] - 529 * i for i in (0, 1))
    shared = len(set(add.tolist()) & set(sub.tolist()))
    # 264 of 529 each: independent halves share 132 ± 6 pairs.
    assert 100 < shared < 165


def accepted(seed: int) -> bool:
    try:
        RunConfig(seed=seed)
    except UserError:
        return False
    return True


def test_every_seed_that_is_accepted_is_a_seed_of_its_own() -> None:
    """PyTorch's CPU generator reads 32 bits of a seed: what lies above must count or be refused."""
    task = make_task(11, "add,sub")
    trains, embeddings = set(), set()
    seeds = [seed for seed in (0, 1, 2**31 - 1, 2**31, 2**32, 2**62 - 1) if accepted(seed)]
    assert {0, 1, 2**31 - 1} <= set(seeds)
    for seed in seeds:
        config = RunConfig(p=11, task="add,sub", seed=seed)
        trains.add(split_of(config, task).train.tobytes())
        embeddings.add(initial_weights(config)["W_E"].numpy().tobytes())
    assert len(trains) == len(seeds)
    assert len(embeddings) == len(seeds)


@pytest.mark.parametrize(
    "task, fraction, name", [("add", 0.02, "49 of add"), ("add,div", 0.022, "42 of div")]
)
def test_a_split_without_a_train_pair_is_refused(task: str, fraction: float, name: str) -> None:
    config = RunConfig(p=7, task=task, train_frac=fraction)
    with pytest.raises(UserError, match=f"no pair to train on among the {name}"):
        split_of(config, make_task(7, task))
