"""What the page measures, against the definitions and the readable forward pass."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.errors import UserError
from grokking.metrics.fixed_frequency_fit import fixed_sinusoids
from grokking.metrics.logits import cross_entropy
from grokking.models.activations import activation
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import neurons_and_logits
from grokking.page.along_waves import along_waves
from grokking.page.hidden_circuit import most_hidden
from grokking.page.measure import choose_steps, measure, page_views, sampled_pairs
from grokking.page.pack import choose_live, packed_weights, rounded, unpacked
from grokking.page.read_tables import attention_scores, neuron_inputs
from grokking.runs.run import Run
from grokking.tasks.modular import make_task

RECORDED = Path(__file__).parents[2] / "docs" / "recorded"


def test_few_epochs_are_all_steps_and_many_are_thinned_by_rank() -> None:
    assert choose_steps([0, 5, 9]) == [0, 5, 9]
    epochs = [i * i for i in range(500)]
    steps = choose_steps(epochs, 60)
    assert (len(steps), steps[0], steps[-1]) == (60, epochs[0], epochs[-1])
    assert set(np.diff([epochs.index(s) for s in steps])) <= {8, 9, 10}


def test_a_clock_needs_two_steps() -> None:
    with pytest.raises(UserError, match="1 epoch only"):
        choose_steps([7])


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_sampled_pairs_are_spread_evenly_over_answers(name: str) -> None:
    grid = make_task(23, name).grid(name)
    assert grid is not None
    pairs = sampled_pairs(grid, 5)
    assert grid.s[pairs].tolist() == np.repeat(np.arange(grid.n), 5).tolist()
    assert len(set(pairs.tolist())) == 5 * grid.n
    assert np.bincount(pairs // grid.n, minlength=grid.n).max() <= 6  # no operand much more often than others


def test_attention_scores_are_those_of_the_readable_forward_pass(drawn_weights) -> None:
    shape = ModelShape(7, 2, 16, 2, 8, 12, 7, attention_temperature=0.7)
    weights = drawn_weights(shape)
    scores = attention_scores(weights, shape, operation=1)
    a, b, operation = 3, 5, 8
    x = weights["W_E"][[a, b, operation]] + weights["W_pos"]
    q = torch.einsum("d,hde->he", x[2], weights["W_Q"])
    k = torch.einsum("sd,hde->hse", x, weights["W_K"])
    expected = torch.einsum("he,hse->hs", q, k) * shape.score_scale
    np.testing.assert_allclose(scores[:, [a, 7 + b, 14]], expected, rtol=1e-5)


def test_the_numbers_of_a_run_are_the_library_s(tiny_run: Path) -> None:
    run = Run(tiny_run)
    (view,) = page_views(run)
    seen = measure(view, run.epochs)
    m = len(seen.neurons)
    means = seen.stacked("means")
    assert means.shape == (len(run.epochs), 11, m)
    activations = run.observe(run.epochs[1]).neuron_grid(view.grid).reshape(121, -1)[:, seen.neurons]
    for answer in (0, 4):
        expected = activations[torch.from_numpy(view.grid.s == answer)].mean(dim=0)
        np.testing.assert_allclose(means[1, answer], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(seen.steps[1].samples, activations[torch.from_numpy(seen.pairs)].T)
    np.testing.assert_allclose(seen.stacked("spectrum").sum(axis=(1, 2)), 1)
    row = run.history["epochs"].index(run.epochs[-1])
    assert seen.steps[-1].strength == pytest.approx(run.history["fourier_strength"][row], rel=1e-4)


def test_a_neuron_is_fitted_at_its_best_frequency_of_the_moment(tiny_run: Path) -> None:
    """Not at the one that it has in the end: no other frequency fits the means better."""
    run = Run(tiny_run)
    (view,) = page_views(run)
    seen = measure(view, run.epochs)
    for step in seen.steps:
        for column, (k, sine) in enumerate(zip(step.own, step.sines, strict=True)):
            if k:
                others = fixed_sinusoids(np.repeat(step.means[:, [column]], 5, 1), np.arange(1, 6))
                assert others.r2.max() == pytest.approx(sine[3])
                assert others.r2.argmax() + 1 == k


def test_inputs_of_neurons_by_look_up_are_those_of_the_forward_pass(drawn_weights) -> None:
    shape = ModelShape(7, 2, 16, 2, 8, 12, 7, biases=("b_V", "b_O"), activation="gelu")
    weights = drawn_weights(shape)
    chosen, (a, b, operation) = np.array([3, 0]), (3, 5, 8)
    by_token, always = neuron_inputs(weights, shape, 1, chosen)
    scores = torch.from_numpy(attention_scores(weights, shape, 1)[:, [a, 7 + b, 14]])
    pattern = scores.softmax(dim=-1).numpy()
    inputs = always + np.einsum("ht,htm->m", pattern, by_token[:, [a, 7 + b, 14]])
    neurons, _ = neurons_and_logits(weights, shape, torch.tensor([[a, b, operation]]))
    np.testing.assert_allclose(
        activation("gelu").torch(torch.from_numpy(inputs)), neurons[0, -1, chosen], rtol=1e-4
    )


def test_the_waves_lead_where_they_are_furthest_ahead_of_the_network() -> None:
    assert most_hidden([0, 10, 20, 30], [None, 0.5, 1.0, 1.0], [0.0, 0.1, 0.3, 1.0]) == 20
    assert most_hidden([0, 10], [0.1, 1.0], [0.1, 1.0]) is None
    assert most_hidden([0, 10], [None, None], [0.1, 1.0]) is None


@pytest.mark.slow
def test_the_loss_is_steep_along_key_waves_only() -> None:
    """And at h = 0 it is the loss of the network as it is."""
    view = page_views(Run(RECORDED / "multiplication"))[0]
    found = along_waves(view)
    assert found is not None
    at = found["h"].index(0.0)
    logits = view.acts.logit_grid(view.grid).reshape(view.n**2, -1)
    expected = cross_entropy(logits, view.grid.s).mean()
    keys = [line for line in found["lines"] if line["key"]]
    (other,) = (line for line in found["lines"] if not line["key"])
    assert all(line["loss"][at] == pytest.approx(expected, rel=1e-3) for line in found["lines"])
    assert min(abs(line["slope"]) for line in keys) > abs(other["slope"])
    assert min(line["loss"][0] for line in keys) > 10 * other["loss"][0]


def test_live_steps_are_the_moments_that_matter() -> None:
    steps = list(range(0, 1000, 50))
    history = {"epochs": [0, 100, 200, 300], "train_acc": [0.1, 0.5, 1.0, 1.0], "grokking_epoch": 620}
    assert choose_live(steps, history, [330, None]) == [0, 200, 350, 650, 950]
    never = choose_live(steps, {"epochs": [0], "train_acc": [0.1], "grokking_epoch": None}, [])
    assert (never[0], never[-1], len(never)) == (0, 950, 5)


def test_packed_weights_are_the_rounded_ones(tiny_run: Path) -> None:
    run = Run(tiny_run)
    weights = run.weights(run.final_epoch)
    for name, record in packed_weights(weights, run.shape).items():
        np.testing.assert_array_equal(unpacked(record).astype(np.float32), rounded(weights, run.shape)[name])
