"""The sine film: which neurons it shows, and what it says of all of them."""

from collections import Counter

import numpy as np
import pytest

from grokking.drawing.style import Style
from grokking.films.animations.sine import BINS, SineAnimation, SineData
from grokking.films.film import FilmOptions
from grokking.films.kinds.sine import choose, collect, spread_out
from grokking.metrics.neurons import SinusoidFit, fit_sinusoids, mean_by_answer
from grokking.runs.run import Run
from grokking.runs.view import RunView


def numbers(run: Run, **options) -> SineData:
    view = RunView(run)
    return collect(view, choose(view, FilmOptions(**options)), run.epochs)


def made(frequencies: list[int]) -> SinusoidFit:
    """Neurons of these frequencies, the best first; frequency 0 is dead."""
    r2 = np.linspace(1, 0.1, len(frequencies))
    frequency = np.array(frequencies)
    return SinusoidFit(np.where(frequency > 0, r2, np.nan), frequency)


@pytest.mark.parametrize(
    "frequencies, keys, expected",
    [
        ([5, 5, 5, 5, 5, 5, 7, 9, 9], (9, 5, 7), [0, 1, 2, 6, 7, 8]),  # two of 5, then of 7 and 9 all
        ([5, 5, 5, 5, 5, 5, 7, 9], (), [0, 1, 2, 3, 6, 7]),  # no key: the best neurons' own
        ([5, 5, 5, 5, 5, 5, 7, 9], (5,), [0, 1, 2, 3, 6, 7]),  # one key: two more beside it
        ([5, 5, 5, 5, 5, 5, 5], (5,), [0, 1, 2, 3, 4, 5]),  # the run has no second frequency
        ([1, 2, 3, 4, 5, 6, 7, 8], tuple(range(8, 0, -1)), [2, 3, 4, 5, 6, 7]),
        ([0, 3, 0, 2], (), [3, 1]),  # fewer live neurons than places
        ([2, 2, 2, 3, 4], (9, 2, 3), [0, 1, 2, 3, 4]),  # a key frequency of no best neuron
    ],
)
def test_choice(frequencies: list[int], keys: tuple[int, ...], expected: list[int]) -> None:
    assert spread_out(made(frequencies), keys) == expected


def test_at_least_three_frequencies_where_there_are(added: Run, multiplied: Run) -> None:
    for run in (added, multiplied):
        choice = choose(RunView(run), FilmOptions())
        assert len(set(choice.neurons.tolist())) == 6
        assert len(Counter(choice.frequencies.tolist())) >= 3


@pytest.mark.parametrize("run", ["added", "multiplied"])
def test_numbers_are_those_of_the_metrics(run: str, request: pytest.FixtureRequest) -> None:
    seen: Run = request.getfixturevalue(run)
    view, x = RunView(seen), numbers(seen)
    means = mean_by_answer(seen.observe(60).neuron_grid(view.grid), view.grid.s)
    fit, chosen = fit_sinusoids(means), x.choice.neurons
    assert np.allclose(x.means[-1], means[:, chosen] - means[:, chosen].mean(0))
    assert np.allclose(x.r2[-1], fit.r2[chosen])
    assert x.strength[-1] == fit.fourier_strength == pytest.approx(seen.history["fourier_strength"][-1])
    assert x.counts[-1].sum() == fit.alive.sum()
    assert np.array_equal(x.counts[-1], np.histogram(fit.r2[fit.alive], BINS)[0])
    assert list(x.null.y) == seen.history["fourier_strength_null"]
    assert [list(curve.y) for curve in x.losses] == [seen.history["train_loss"], seen.history["test_loss"]]


def test_waves_pass_where_the_fit_of_the_moment_says(added: Run) -> None:
    x = numbers(added)
    assert (x.k[-1] == x.choice.frequencies).all()
    for number in range(len(x.epochs)):
        for i, k in enumerate(x.k[number]):
            assert list(x.places[number, i]) == [k * s % 11 for s in range(11)]
            drawn = np.interp(x.places[number, i], x.wave_x, x.waves[number, i])
            rest = x.means[number][:, i] - drawn
            explained = 1 - (rest**2).sum() / (x.means[number][:, i] ** 2).sum()
            assert explained == pytest.approx(x.r2[number, i], abs=1e-3)


@pytest.mark.parametrize("view", ["unfolded", "source"])
def test_picture(multiplied: Run, view: str) -> None:
    x = numbers(multiplied, view=view)
    picture = SineAnimation(x, Style((480, 320)))
    picture.rgb(3)  # epoch 30, between rows 20 and 40 of the history
    assert x.epochs[3] == 30
    assert picture.title.get_text() == f"{x.counts[3].sum()} live neurons"
    assert picture.readout.get_text() == f"mean {x.strength[3]:.2f}"
    assert picture.null.get_xdata()[0] == multiplied.history["fourier_strength_null"][1]
    for i, (dots, _, readout, frequency) in enumerate(picture.neurons):
        assert np.array_equal(dots.get_ydata(), x.means[3][:, i])
        assert readout.get_text() == f"R² {x.r2[3, i]:.2f}"
        before, now = x.k[2, i], x.k[3, i]
        assert frequency.get_text() == (f"k = {now}" if before == now else f"k {before} → {now}")


def test_everything_dead_at_some_epoch(added: Run) -> None:
    x = numbers(added)
    x.r2[0], x.strength[0], x.counts[0] = np.nan, np.nan, 0
    picture = SineAnimation(x, Style((480, 320)))
    picture.rgb(0)
    assert picture.readout.get_text() == "all dead"
    assert picture.title.get_text() == "0 live neurons"
    assert {readout.get_text() for *_, readout, _ in picture.neurons} == {"dead"}
