"""What the page measures, against the definitions and the readable forward pass."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.errors import UserError
from grokking.models.transformer import ModelShape
from grokking.page.measure import attention_scores, choose_steps, measure, page_views, sampled_pairs
from grokking.page.pack import choose_live, packed_weights, rounded, unpacked
from grokking.runs.run import Run
from grokking.tasks.modular import make_task


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
    assert seen.means.shape == (len(run.epochs), 11, m)
    activations = run.observe(run.epochs[1]).neuron_grid(view.grid).reshape(121, -1)[:, seen.neurons]
    for answer in (0, 4):
        expected = activations[torch.from_numpy(view.grid.s == answer)].mean(dim=0)
        np.testing.assert_allclose(seen.means[1, answer], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(seen.samples[1], activations[torch.from_numpy(seen.pairs)].T)
    np.testing.assert_allclose(seen.spectrum.sum(axis=(1, 2)), 1)
    row = run.history["epochs"].index(run.epochs[-1])
    assert seen.strength[-1] == pytest.approx(run.history["fourier_strength"][row], rel=1e-4)


def test_live_steps_are_the_moments_that_matter() -> None:
    steps = list(range(0, 1000, 50))
    history = {"epochs": [0, 100, 200, 300], "train_acc": [0.1, 0.5, 1.0, 1.0], "grokking_epoch": 620}
    assert choose_live(steps, history, formed=330) == [0, 200, 350, 650, 950]
    never = choose_live(steps, {"epochs": [0], "train_acc": [0.1], "grokking_epoch": None}, None)
    assert (never[0], never[-1], len(never)) == (0, 950, 5)


def test_packed_weights_are_the_rounded_ones(tiny_run: Path) -> None:
    run = Run(tiny_run)
    weights = run.weights(run.final_epoch)
    for name, record in packed_weights(weights, run.shape).items():
        np.testing.assert_array_equal(unpacked(record).astype(np.float32), rounded(weights, run.shape)[name])
