"""What the figures show of a network whose answer is known: heights of bars, values of maps."""

import re
from typing import Any

import numpy as np
import pytest

from grokking.drawing.style import Style
from grokking.figures.draw import draw_figure
from grokking.figures.over_training import OverTraining
from grokking.figures.registry import choose
from grokking.metrics.embedding import frequency_share
from grokking.runs.view import RunView
from tests.figures.conftest import AMPLITUDE, KEYS


def drawn(name: str, view: RunView, over: OverTraining | None = None) -> tuple[list[Any], str]:
    """The axes of a figure and its sentence of facts."""
    (spec,) = choose([name])
    with Style().context():
        canvas, facts = draw_figure(spec, view, over or OverTraining())
    return canvas.figure.axes, facts


def heights(axes: Any) -> np.ndarray:
    return np.array([bar.get_height() for bar in axes.patches])


def image(axes: Any) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def by_frequency(n: int, value: float) -> np.ndarray:
    expected = np.zeros(n // 2)
    expected[np.array(KEYS) - 1] = value
    return expected


def test_key_frequencies_are_those_of_the_neurons(cosines):
    assert sorted(cosines.keys) == list(KEYS)


def test_wave_coefficients_are_the_amplitude(cosines, cosines_over):
    axes, facts = drawn("logit_waves", cosines, cosines_over)
    np.testing.assert_allclose(heights(axes[0]), by_frequency(cosines.n, AMPLITUDE), atol=1e-4)
    assert "key frequencies 100.0 %" in facts


def test_logits_lie_on_the_diagonal(cosines):
    axes, facts = drawn("logit_spectrum", cosines)
    norms = image(axes[0])
    assert {tuple(at) for at in np.argwhere(norms > 1e-3 * norms.max())} == {(k, k) for k in KEYS}
    np.testing.assert_allclose(heights(axes[1]), by_frequency(cosines.n, 0.5), atol=1e-6)
    assert facts.startswith("100.0 %")


def test_restricted_is_everything_and_excluded_is_nothing(cosines):
    axes, _ = drawn("logit_parts", cosines)
    full, restricted, excluded = (image(panel) for panel in axes[:3])
    a, b = np.ogrid[: cosines.n, : cosines.n]
    at = cosines.n // 2
    wave = AMPLITUDE * sum(np.cos(2 * np.pi * k * (a + b - at) / cosines.n) for k in KEYS)
    np.testing.assert_allclose(full, wave.T, atol=1e-3)
    np.testing.assert_allclose(restricted, wave.T, atol=1e-3)
    np.testing.assert_allclose(excluded, 0, atol=1e-3)


def test_every_neuron_belongs_to_its_frequency(cosines):
    axes, facts = drawn("neuron_frequencies", cosines)
    shares, m = image(axes[0]), cosines.run.shape.d_mlp
    np.testing.assert_allclose(shares[KEYS[0] - 1, : m // 2], 1, atol=1e-6)
    np.testing.assert_allclose(shares[KEYS[1] - 1, m // 2 :], 1, atol=1e-6)
    np.testing.assert_allclose(shares.sum(), m, rtol=1e-6)
    assert facts.startswith(f"{m} of {m} neurons (100.0 %)")
    _, facts = drawn("neuron_clusters", cosines)
    assert facts == f"Neurons owned: {m // 2} by k = 2, {m // 2} by k = 5."


def test_a_neurons_spectrum_has_its_feet_on_the_axes(cosines):
    axes, _ = drawn("neuron_grids", cosines)
    spectrum = image(axes[3])  # below the first of three columns
    k = cosines.keys[0]
    assert {tuple(at) for at in np.argwhere(spectrum > 1e-3 * spectrum.max())} == {(0, k), (k, 0)}


def test_one_frequency_fewer_costs_what_the_wave_was_worth(cosines):
    axes, facts = drawn("paper_figure_6", cosines)
    losses = axes[0].collections[1].get_offsets()[:, 1]
    n = cosines.n
    for k, other in (KEYS, KEYS[::-1]):
        wave = AMPLITUDE * np.cos(2 * np.pi * other * np.arange(n) / n)
        expected = np.log(np.exp(wave - wave.max()).sum()) + wave.max() - wave[0]
        assert losses[k - 1] == pytest.approx(expected, rel=1e-5)
    rest = np.delete(losses, np.array(KEYS) - 1)
    np.testing.assert_allclose(rest, rest[0], rtol=1e-3, atol=1e-12)
    assert "2.41e-07 and 5.54e-08" in facts


def test_margins_and_correct_logits_of_pairs_outside_the_group_count(cosines):
    """Outside, all classes are equal, and margins are zero: too few to move the median."""
    n = cosines.n
    inside = AMPLITUDE * sum(np.cos(2 * np.pi * k * np.arange(n) / n) for k in KEYS)
    _, facts = drawn("margins", cosines)
    median = float(re.search(r"train: median (\S+),", facts)[1])
    assert median == pytest.approx(inside[0] - inside[1:].max(), rel=1e-2)


def test_bars_of_the_embedding_are_its_shares(cosines):
    axes, facts = drawn("embedding_spectrum", cosines)
    share = frequency_share(cosines.embedding)
    np.testing.assert_allclose(heights(axes[0]), share)
    assert len(axes[1].patches) == 11  # frequencies of 0, 1, 2 … 22
    assert f"k = {share.argmax() + 1}." in facts


def test_curves_are_the_measures(cosines, cosines_over):
    axes, _ = drawn("progress_measures", cosines, cosines_over)
    lines = {line.get_label(): line.get_ydata() for line in axes[0].lines}
    restricted = next(y for label, y in lines.items() if label.startswith("restricted"))
    np.testing.assert_array_equal(restricted, cosines_over.progress("restricted_loss"))
    assert restricted[-1] < 1e-6  # the final network is all cosines
    axes, _ = drawn("norms", cosines, cosines_over)
    np.testing.assert_array_equal(axes[0].lines[0].get_ydata(), cosines_over.progress("weight_norm"))
