"""A row of the history, every value of it worked out again from definitions.md."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.from_config import shape_of, split_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.history_row import all_finite, measure_row
from grokking.metrics.losses import losses
from grokking.metrics.neurons import (
    fit_sinusoids,
    fourier_strength_null,
    key_frequencies,
    mean_by_answer,
    variance_shares,
)
from grokking.metrics.norms import weight_norm
from grokking.metrics.numerics import COLLAPSE
from grokking.models.transformer.network import activate, forward, normalise
from grokking.models.transformer.network import attention as attend
from grokking.tasks.modular import make_task
from grokking.tasks.pairs import PairTask
from grokking.tasks.split import Split

Draw = Callable[..., dict[str, Tensor]]
BASE = RunConfig(p=11, d_model=16, n_heads=2, d_mlp=40, train_frac=0.5)
CASES = {
    "add": BASE,
    "sub": replace(BASE, task="sub"),
    "mul": replace(BASE, task="mul"),
    "div": replace(BASE, task="div"),
    "several": replace(BASE, task="div,x2+y2,sub"),
    "x3+xy": replace(BASE, task="x3+xy"),
    "extra class": replace(BASE, equals_class=True),
    "general path": replace(BASE, task="add,mul", activation="gelu", layer_norm=True),
}
FOURIER = {
    "fourier_strength",
    "fourier_strength_null",
    "dead_neurons",
    "embedding_circularity",
    "embedding_circularity_null",
    "gini",
    "gini_null",
    "dominant_frequency",
    "key_frequencies",
    "frequency_share",
}
PLAIN = {"train_loss", "test_loss", "train_acc", "test_acc"}


def observe(config: RunConfig, weights: dict[str, Tensor]) -> tuple[ActivationCache, PairTask, Split]:
    task = make_task(config.p, config.task)
    return ActivationCache(weights, shape_of(config), task), task, split_of(config, task)


def in_double(config: RunConfig, weights: dict[str, Tensor], task: PairTask) -> tuple[np.ndarray, np.ndarray]:
    """Neurons and logits of all pairs by the plain forward in float64."""
    w, shape = {n: t.double() for n, t in weights.items()}, shape_of(config)
    tokens = torch.from_numpy(task.tokens)
    x = w["W_E"][tokens] + w["W_pos"]
    x = x + attend(w, shape, normalise(x, w, "ln1", shape))
    neurons = activate(normalise(x, w, "ln2", shape) @ w["W_in"] + w["b_in"], shape)[:, -1]
    return neurons.numpy(), forward(w, shape, tokens)[:, -1].numpy()


@pytest.mark.parametrize("name", CASES)
def test_names_carry_their_operation_where_there_are_several(name: str, drawn_weights: Draw) -> None:
    config = CASES[name]
    seen, task, split = observe(config, drawn_weights(shape_of(config)))
    grouped = [op for op in task.names if task.grid(op) is not None]
    if len(task.names) == 1:
        expected = PLAIN | (FOURIER if grouped else set())
    else:
        expected = PLAIN | {f"{value}_{op}" for value in PLAIN for op in task.names}
        expected |= {f"{value}_{op}" for value in FOURIER for op in grouped}
    assert set(measure_row(seen, split)) == expected | {"weight_norm", *COLLAPSE}


@pytest.mark.parametrize("name", CASES)
def test_losses_and_accuracies(name: str, drawn_weights: Draw) -> None:
    config = CASES[name]
    weights = drawn_weights(shape_of(config))
    seen, task, split = observe(config, weights)
    row = measure_row(seen, split)
    _, logits = in_double(config, weights, task)
    for part, rows in (("train", split.train), ("test", split.test)):
        by_operation = []
        for i, op in enumerate(task.names):
            mine = [r for r in rows if task.tokens[r, 2] == config.p + i]
            loss = np.mean([np.log(np.exp(logits[r]).sum()) - logits[r, task.answers[r]] for r in mine])
            correct = sum(logits[r, : config.p].argmax() == task.answers[r] for r in mine)
            by_operation.append((loss, correct / len(mine)))
            if len(task.names) > 1:
                assert row[f"{part}_loss_{op}"] == pytest.approx(loss, rel=1e-5)
                assert row[f"{part}_acc_{op}"] == correct / len(mine)
        loss, accuracy = np.mean(by_operation, axis=0)
        assert row[f"{part}_loss"] == pytest.approx(loss, rel=1e-5)
        assert row[f"{part}_acc"] == pytest.approx(accuracy, rel=1e-12)


@pytest.mark.parametrize("name", [name for name in CASES if name != "x3+xy"])
def test_fourier_values_are_those_of_the_group(name: str, drawn_weights: Draw) -> None:
    """Grids filled pair by pair; the measures themselves have tests of their own."""
    config = CASES[name]
    weights = drawn_weights(shape_of(config))
    seen, task, split = observe(config, weights)
    row = measure_row(seen, split)
    neurons, _ = in_double(config, weights, task)
    at = {tuple(tokens): i for i, tokens in enumerate(task.tokens.tolist())}
    for i, op in enumerate(task.names):
        group = task.group(op)
        if group is None:
            continue
        suffix = f"_{op}" if len(task.names) > 1 else ""
        members = group.members.tolist()
        grid = torch.from_numpy(
            np.array([[neurons[at[a, b, config.p + i]] for b in members] for a in members])
        ).float()
        torch.testing.assert_close(seen.neuron_grid(task.grid(op)), grid, rtol=1e-4, atol=1e-5)
        means = mean_by_answer(grid, task.grid(op).s)
        fit = fit_sinusoids(means)
        assert row["fourier_strength" + suffix] == pytest.approx(fit.fourier_strength, rel=1e-4)
        assert row["fourier_strength_null" + suffix] == pytest.approx(fourier_strength_null(means), rel=1e-3)
        assert row["dead_neurons" + suffix] == (~fit.alive).sum()
        assert row["key_frequencies" + suffix] == key_frequencies(variance_shares(grid))
        rows = weights["W_E"].double().numpy()[members]
        rows -= rows.mean(axis=0)
        spectrum = np.abs(np.fft.rfft(rows, axis=0)[1:]) ** 2
        if len(members) % 2 == 0:
            spectrum[-1] /= 2  # rfft counts the lone cosine twice beside the pairs
        energy = spectrum.sum(axis=1)
        np.testing.assert_allclose(row["frequency_share" + suffix], energy / energy.sum(), rtol=1e-5)
        assert row["dominant_frequency" + suffix] == energy.argmax() + 1
        assert 0 <= row["embedding_circularity" + suffix] <= 1
        assert 0 <= row["embedding_circularity_null" + suffix] <= 1
        x = np.sqrt(energy)
        double_sum = np.abs(x[:, None] - x).sum() / (2 * len(x) ** 2 * x.mean())
        assert row["gini" + suffix] == pytest.approx(double_sum, rel=1e-6)
        assert 0 < row["gini_null" + suffix] < 1


@pytest.mark.parametrize("name", ["add", "several", "extra class", "general path"])
def test_logit_grids_leave_out_what_lies_outside_the_group(name: str, drawn_weights: Draw) -> None:
    config = CASES[name]
    weights = drawn_weights(shape_of(config))
    seen, task, _ = observe(config, weights)
    _, logits = in_double(config, weights, task)
    op = task.names[0]
    grid, group = task.grid(op), task.group(op)
    assert grid is not None
    assert group is not None
    found = seen.logit_grid(grid)
    members = group.members.tolist()
    at = {tuple(tokens): i for i, tokens in enumerate(task.tokens.tolist())}
    expected = np.array([[logits[at[a, b, config.p]][members] for b in members] for a in members])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_without_a_split_all_pairs_stand_together(drawn_weights: Draw) -> None:
    seen, task, _ = observe(CASES["several"], drawn_weights(shape_of(CASES["several"])))
    row = losses(seen, None)
    by_name = {f"all_{value}_{op}" for value in ("loss", "acc") for op in task.names}
    assert set(row) == {"all_loss", "all_acc"} | by_name
    values, correct = seen.losses_and_correct
    by_operation = [task.operation_of_pair == i for i in range(3)]
    assert row["all_loss"] == pytest.approx(np.mean([values[rows].mean() for rows in by_operation]))
    assert row["all_acc_sub"] == correct[by_operation[2]].mean()


def test_a_perfect_network_by_hand() -> None:
    """One neuron for each unordered pair, and attention that hands over which two tokens there are."""
    p = 5
    config = RunConfig(p=p, d_model=p, n_heads=1, d_mlp=p * p, train_frac=0.5)
    w = {name: torch.zeros(size) for name, size in shape_of(config).parameter_shapes().items()}
    w["W_E"][:p] = torch.eye(p)
    w["W_V"][0] = w["W_O"][0] = w["W_U"][:] = torch.eye(p)
    # All scores are zero, so the last position receives a third of each token's unit vector.
    for a in range(p):
        for b in range(a, p):
            neuron = a * p + b
            w["W_in"][[a, b], neuron] = 3
            w["b_in"][neuron] = -1.5
            # The pair (a, a) excites all neurons of a by 1/2; its own must be louder.
            w["W_out"][neuron, (a + b) % p] = 400 if a == b else 100
    seen, _, split = observe(config, w)
    row = measure_row(seen, split)
    assert (row["train_acc"], row["test_acc"]) == (1.0, 1.0)
    assert row["train_loss"] < 1e-3
    assert row["test_loss"] < 1e-3


def test_weight_norm_is_over_all_parameters() -> None:
    weights = {"W_E": torch.full((3, 4), 2.0), "b_in": torch.tensor([1.0]), "W_O": torch.zeros(2, 2)}
    assert weight_norm(weights) == pytest.approx(7.0)


def test_weight_norm_does_not_depend_on_the_order_of_names(drawn_weights: Draw) -> None:
    weights = drawn_weights(shape_of(BASE))
    norm = weight_norm(weights)
    assert weight_norm(dict(sorted(weights.items()))) == norm
    assert weight_norm(dict(reversed(weights.items()))) == norm
    assert norm == pytest.approx(float(torch.cat([t.flatten() for t in weights.values()]).double().norm()))


def test_values_are_ready_for_json(drawn_weights: Draw) -> None:
    seen, _, split = observe(CASES["several"], drawn_weights(shape_of(CASES["several"])))
    for name, value in measure_row(seen, split).items():
        kinds = {type(v) for v in value} if isinstance(value, list) else {type(value)}
        assert kinds <= {int, float, type(None)}, name


@pytest.mark.parametrize("p, task", [(3, "add"), (3, "mul"), (3, "div"), (5, "mul")])
def test_the_smallest_groups_have_a_row(p: int, task: str, drawn_weights: Draw) -> None:
    """n = 2 has no circle; what does not exist is None, what exists is finite."""
    config = replace(BASE, p=p, task=task)
    seen, _, split = observe(config, drawn_weights(shape_of(config)))
    row = measure_row(seen, split)
    n = p if task == "add" else p - 1
    assert (row["embedding_circularity"] is None) == (row["embedding_circularity_null"] is None) == (n == 2)
    assert len(row["frequency_share"]) == n // 2
    for value in row.values():
        assert value is None or np.isfinite(value).all()


def test_measuring_leaves_the_weights_alone(drawn_weights: Draw) -> None:
    weights = drawn_weights(shape_of(BASE))
    before = {name: tensor.clone() for name, tensor in weights.items()}
    seen, _, split = observe(BASE, weights)
    measure_row(seen, split)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights.items())


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_one_number_that_is_not_finite_is_found(bad: float, drawn_weights: Draw) -> None:
    weights = drawn_weights(shape_of(BASE))
    assert all_finite(weights)
    weights["W_U"][3, 4] = bad
    assert not all_finite(weights)
