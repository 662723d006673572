"""The clean film: one neuron, its means, its sine on a fine grid, and its R²."""

from pathlib import Path

import numpy as np
import pytest

from grokking.config import RunConfig
from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.films.animations.clean import CleanAnimation, CleanData
from grokking.films.film import FilmOptions
from grokking.films.kinds.clean import answer_places, choose, collect, wave_grid
from grokking.from_config import initial_weights
from grokking.metrics.fixed_frequency_fit import fixed_sinusoids, mean_circle
from grokking.metrics.neurons import fit_sinusoids, mean_by_answer
from grokking.runs.run import Run
from grokking.runs.view import RunView

CONFIG = RunConfig(p=11, d_model=16, n_heads=2, d_mlp=8, n_epochs=20, train_frac=0.5)


def numbers(run: Run, **options) -> CleanData:
    view = RunView(run)
    return collect(view, choose(view, FilmOptions(**options)), run.epochs)


# --- one sinusoid at a given frequency -----------------------------------------------------------


@pytest.mark.parametrize("n, k", [(11, 1), (11, 5), (12, 5), (12, 6), (4, 2), (2, 1), (3, 1)])
def test_a_sinusoid_is_found_exactly(n: int, k: int) -> None:
    s = np.arange(n)
    phase = 0.0 if 2 * k == n else 0.7
    made = 3 + 2 * np.cos(2 * np.pi * k * s / n - phase)
    fit = fixed_sinusoids(made[:, None], np.array([k]))
    assert fit.r2 == pytest.approx([1])
    assert fit.offset == pytest.approx([3])
    assert np.hypot(fit.cosine, fit.sine) == pytest.approx([2])
    assert np.allclose(fit.at(s)[:, 0], made)
    between = np.linspace(0, n, 50)
    assert np.allclose(fit.at(between)[:, 0], 3 + 2 * np.cos(2 * np.pi * k * between / n - phase))


def test_another_frequency_explains_nothing() -> None:
    made = np.cos(2 * np.pi * 2 * np.arange(12) / 12)
    fit = fixed_sinusoids(np.stack([made] * 3, axis=1), np.array([1, 2, 6]))
    assert fit.r2 == pytest.approx([0, 1, 0], abs=1e-12)


@pytest.mark.parametrize("n", [11, 12])
def test_r2_is_neuron_r2_at_the_best_frequency_and_never_above(n: int) -> None:
    means = np.random.default_rng(3).normal(size=(n, 5))
    best = fit_sinusoids(means)
    assert fixed_sinusoids(means, best.frequency).r2 == pytest.approx(best.r2)
    for k in range(1, n // 2 + 1):
        assert (fixed_sinusoids(means, np.full(5, k)).r2 <= best.r2 + 1e-12).all()


def test_dead_neuron_has_no_r2() -> None:
    assert np.isnan(fixed_sinusoids(np.full((11, 1), 2.0), np.array([1])).r2).all()


@pytest.mark.parametrize("k", [0, 6])
def test_frequency_outside(k: int) -> None:
    with pytest.raises(ValueError, match=r"not all in 1 … 5 of Z_11"):
        fixed_sinusoids(np.zeros((11, 1)), np.array([k]))


def test_mean_circle() -> None:
    centre, radius = mean_circle(np.array([[3.0, 1], [1, 1], [2, 2], [2, 0]]))
    assert list(centre) == [2, 1]
    assert radius == 1


# --- where things lie ----------------------------------------------------------------------------


@pytest.mark.parametrize("n, k", [(113, 24), (112, 14), (12, 6), (11, 1)])
def test_unfolded_sine_is_one_period_through_the_same_values(n: int, k: int) -> None:
    assert list(answer_places(k, n, "source")) == list(range(n))
    places = answer_places(k, n, "unfolded")
    assert list(places) == [k * s % n for s in range(n)]
    means = np.random.default_rng(0).normal(size=(n, 1))
    fit = fixed_sinusoids(means, np.array([k]))
    s, grid = wave_grid(k, n, "unfolded")
    assert grid[0] == 0
    assert grid[-1] == n
    drawn = np.interp(places, grid, fit.at(s)[:, 0])
    assert np.allclose(drawn, fit.at(np.arange(n))[:, 0], atol=1e-3)


@pytest.mark.parametrize("n, k", [(113, 56), (113, 1), (112, 56)])
def test_source_sine_is_drawn_between_the_answers(n: int, k: int) -> None:
    s, grid = wave_grid(k, n, "source")
    assert s is grid
    assert s[0] == 0
    assert s[-1] == n - 1
    assert np.diff(s).max() * k / n < 1 / 35  # dozens of points to every turn


# --- the numbers of a run ------------------------------------------------------------------------


@pytest.mark.parametrize("run", ["added", "multiplied"])
def test_numbers_are_those_of_the_metrics(run: str, request: pytest.FixtureRequest) -> None:
    seen: Run = request.getfixturevalue(run)
    view, x = RunView(seen), numbers(seen)
    n, j = view.n, x.choice.neuron
    means = mean_by_answer(seen.observe(60).neuron_grid(view.grid), view.grid.s)
    fit = fit_sinusoids(means)
    assert j == np.nanargmax(fit.r2)
    assert x.choice.k == fit.frequency[j]
    assert x.r2[-1] == pytest.approx(fit.r2[j]) == x.final_r2[-1]
    assert (x.final_r2 <= x.r2 + 1e-12).all()
    assert x.k[-1] == x.choice.k
    assert np.allclose(x.means[-1], means[:, j], atol=1e-6)
    assert x.samples.shape == (len(seen.epochs), n * n)
    counts = np.bincount(x.answer, minlength=n)
    assert (counts == n).all()
    assert np.allclose(np.bincount(x.answer, x.samples[-1]) / n, x.means[-1], atol=1e-6)
    assert ((x.null > 0) & (x.null < 1)).all()


def test_labels(added: Run, multiplied: Run) -> None:
    assert numbers(added, view="source").axis == "(a + b) mod 11"
    x = numbers(multiplied)
    assert x.axis == "k · log₂(a · b) mod 12"
    assert x.text.right_note == RunView(multiplied).key_text


def test_given_neuron_keeps_its_own_final_frequency(added: Run) -> None:
    view = RunView(added)
    fit = fit_sinusoids(mean_by_answer(view.final_acts.neuron_grid(view.grid), view.grid.s))
    j = int(np.flatnonzero(fit.alive)[-1])
    choice = choose(view, FilmOptions(neuron=j))
    assert (choice.neuron, choice.k) == (j, fit.frequency[j])


@pytest.mark.parametrize("neuron", [-1, 32, 10**12])
def test_unknown_neuron(added: Run, neuron: int) -> None:
    with pytest.raises(UserError, match=f"neuron is {neuron}; this run has 0 to 31"):
        choose(RunView(added), FilmOptions(neuron=neuron))


def test_dead_neurons(tmp_path: Path, write_run) -> None:
    weights = initial_weights(CONFIG)
    weights["b_in"][2] = -1e3
    run = write_run(tmp_path / "one", CONFIG, {0: weights})
    assert numbers(run).choice.neuron != 2
    with pytest.raises(UserError, match="neuron 2 is dead in the final model.* of 8 are alive"):
        choose(RunView(run), FilmOptions(neuron=2))
    weights["b_in"][:] = -1e3
    with pytest.raises(UserError, match="all neurons of the final model are dead"):
        choose(RunView(write_run(tmp_path / "all", CONFIG, {0: weights})), FilmOptions())


def test_neuron_that_was_dead_before(tmp_path: Path, write_run) -> None:
    alive, dead = initial_weights(CONFIG), initial_weights(CONFIG)
    dead["b_in"][:] = -1e3
    x = numbers(write_run(tmp_path / "run", CONFIG, {0: dead, 20: alive}))
    assert np.isnan([x.r2[0], x.final_r2[0], x.null[0]]).all()
    assert x.r2[1] > 0
    picture = CleanAnimation(x, Style((480, 320)))
    picture.rgb(0)
    assert picture.readout.get_text() == "dead"
    picture.rgb(1)
    assert picture.readout.get_text() == f"{x.r2[1]:.3f}"


@pytest.mark.parametrize("view", ["unfolded", "source"])
def test_pairs_beyond_the_axis_are_counted(added: Run, view: str) -> None:
    x = numbers(added, view=view)
    x.samples[0][:5] = 1e6
    picture = CleanAnimation(x, Style((480, 320)))
    picture.rgb(0)
    assert picture.n_beyond.get_text() == "5 of 121 pairs lie beyond the axis"
    shown = picture.samples.get_ydata()
    assert len(shown) == 121
    assert shown.max() == picture.limits[1]
    assert np.array_equal(picture.means.get_ydata(), x.means[0])
    picture.rgb(len(x.epochs) - 1)
    assert picture.n_beyond.get_text() == ""


@pytest.mark.parametrize("view", ["unfolded", "source"])
def test_the_frequency_drawn_is_the_best_of_the_moment(added: Run, view: str) -> None:
    runs = (numbers(added, view=view, neuron=j) for j in range(32))
    x, n = next(x for x in runs if len(set(x.k)) > 1), 11
    picture = CleanAnimation(x, Style((480, 320)))
    for number, k in enumerate(x.k):
        fit = fit_sinusoids(x.means[number][:, None].astype(float))
        assert (k, x.r2[number]) == (fit.frequency[0], pytest.approx(fit.r2[0], abs=1e-6))
        assert list(x.x[number]) == list(answer_places(k, n, view))
        picture.rgb(number)
        before = x.k[max(number - 1, 0)]
        assert picture.frequency.get_text() == (f"k = {k}" if k == before else f"k = {k}, was {before}")
        drawn = np.interp(x.x[number], x.wave_x, x.wave[number])
        rest = ((x.means[number] - drawn) ** 2).sum() / (
            (x.means[number] - x.means[number].mean()) ** 2
        ).sum()
        assert 1 - rest == pytest.approx(x.r2[number], abs=2e-3)
