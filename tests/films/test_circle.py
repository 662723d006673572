"""The circle film: an embedding made of one circle must come out as that circle."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grokking.config import RunConfig
from grokking.drawing.plane import RIM, labelled
from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.films.animations.circle import CircleAnimation, CircleData
from grokking.films.film import FilmOptions, make_frames
from grokking.films.kinds.circle import FILM as CIRCLE
from grokking.films.kinds.circle import choose, collect
from grokking.metrics.embedding import dominant_circle, embedding_circularity, frequency_share
from grokking.runs.run import Run
from grokking.runs.view import RunView

CONFIG = RunConfig(p=11, d_model=16, n_heads=2, d_mlp=32, n_epochs=20, train_frac=0.5)


def numbers(run: Run, **options) -> CircleData:
    view = RunView(run)
    return collect(view, choose(view, FilmOptions(**options)), run.epochs)


@pytest.fixture
def circular(tmp_path: Path, write_run, circle_weights) -> Run:
    return write_run(
        tmp_path / "made", CONFIG, {0: circle_weights(CONFIG, 3, 1.0), 20: circle_weights(CONFIG, 3, 2.0)}
    )


@pytest.mark.parametrize("view", ["unfolded", "source"])
def test_a_circle_is_shown_as_that_circle(circular: Run, view: str) -> None:
    x = numbers(circular, view=view)
    angle = 2 * np.pi * 3 * np.arange(11) / 11
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert x.k == 3
    assert np.allclose(x.plane.coordinates, [1.0 * unit, 2.0 * unit], atol=1e-6)
    assert np.allclose(x.circularity, 1)
    assert np.allclose(x.share[:, 2], 1)
    assert np.allclose(x.plane.centre, 0, atol=1e-6)
    assert np.allclose(x.plane.radius, [1, 2])
    assert np.allclose(x.plane.phase, 3 * np.arange(11) % 11 / 11)


def test_unfolded_joins_in_phase_order_and_source_as_one_counts(circular: Run) -> None:
    unfolded, source = numbers(circular), numbers(circular, view="source")
    assert list(3 * unfolded.plane.order % 11) == list(range(11))
    assert np.all(np.diff(unfolded.plane.turn[unfolded.plane.order]) > 0)
    assert list(source.plane.order) == list(range(11))
    assert list(source.plane.turn) == [x / 11 for x in range(11)]
    steps = np.diff(unfolded.plane.coordinates[-1][unfolded.plane.order], axis=0)
    assert np.allclose(np.linalg.norm(steps, axis=1), 2 * 2 * np.sin(np.pi / 11))  # a regular polygon


def test_numbers_that_share_a_place_are_said_to(write_run, circle_weights, tmp_path: Path) -> None:
    config = replace(CONFIG, task="mul")  # a group of order 10
    run = write_run(tmp_path / "even", config, {0: circle_weights(config, 3, 1.0)})
    captions = {k: numbers(run, frequency=k).text.caption for k in (3, 4)}
    assert "2 numbers share each place, one is named." in captions[4]
    assert "share each place" not in captions[3]


def test_numbers_are_those_of_the_metrics(added: Run) -> None:
    x, final = numbers(added), added.observe(60).embedding("add")
    assert list(x.epochs) == [*added.epochs]
    assert x.epochs[-1] == 60
    assert x.k == dominant_circle(final)
    assert x.circularity[-1] == embedding_circularity(final, x.k)
    assert np.array_equal(x.share[-1], frequency_share(final))
    own, null = x.logged
    assert list(own.y) == added.history["embedding_circularity"]
    assert list(null.y) == added.history["embedding_circularity_null"]
    assert x.circularity[-1] == pytest.approx(own.y[-1])  # at its end the film's k is the epoch's own
    assert [curve.meaning for curve in x.accuracy] == ["train", "test"]


def test_even_order(multiplied: Run) -> None:
    for k in range(1, 6):
        x = numbers(multiplied, frequency=k)
        assert sorted(x.plane.order) == list(range(12))
        assert x.plane.coordinates.shape[1:] == (12, 2)
        assert np.all(np.diff(x.plane.phase[x.plane.order]) >= 0)
    assert list(x.plane.members[numbers(multiplied, view="source").plane.order]) == list(range(1, 13))
    assert "log₂(x) mod 12" in x.text.caption
    assert "from 1 to 12" in x.text.caption


@pytest.mark.parametrize("k", [0, -1, 6])
def test_frequency_without_a_circle(added: Run, multiplied: Run, k: int) -> None:
    for run in (added, multiplied):  # k = 6 is n/2 of 12, beyond that of 11
        with pytest.raises(UserError, match=f"frequency is {k}; with group order 1[12], circles are 1 to 5"):
            choose(RunView(run), FilmOptions(frequency=k))


def test_labels_are_spread_over_the_phases() -> None:
    phase = 24 * np.arange(113) % 113 / 113
    chosen = labelled(phase)
    assert len(chosen) == 16
    assert np.allclose(np.diff(phase[chosen]), 1 / 16, atol=1 / 113)
    assert labelled(14 * np.arange(112) % 112 / 112) == [0, 1, 2, 3, 4, 5, 6, 7]  # 14 tokens at each


def test_no_mirror_flip_and_no_rotation(circular: Run, write_run, circle_weights, tmp_path: Path) -> None:
    weights = circle_weights(CONFIG, 3, 1.0)
    weights["W_E"][:, [3, 5]] = weights["W_E"][:, [5, 3]] * -1  # the same circle, elsewhere in d_model
    turned = write_run(tmp_path / "turned", CONFIG, {0: weights})
    assert np.allclose(
        numbers(turned).plane.coordinates[0], numbers(circular).plane.coordinates[0], atol=1e-6
    )


def test_without_key_frequency(circular: Run, tmp_path: Path) -> None:
    view = RunView(circular)
    view.keys = ()
    x = collect(view, choose(view, FilmOptions()), circular.epochs)
    assert x.text.right_note == "no key frequency"
    frame = CircleAnimation(x, Style((480, 320))).rgb(0)
    assert frame.shape == (320, 480, 3)
    assert frame.std() > 5


def test_axes_and_rim_stand_still(added: Run) -> None:
    picture = CircleAnimation(numbers(added), Style((480, 320)))
    first = picture.rgb(0)
    limits = [axes.axis() for axes in picture.figure.axes]
    last = picture.rgb(3)
    assert limits == [axes.axis() for axes in picture.figure.axes]
    reach = picture.figure.axes[0].get_xlim()[1]
    for number in range(len(added.epochs)):
        picture.rgb(number)
        assert np.abs(picture.plane.dots.get_offsets()).max() < reach
    assert (first != last).any()
    assert np.array_equal(picture.rgb(0), first)


def test_the_last_ring_fills_its_rim_and_an_earlier_one_that_is_larger_is_drawn_smaller(
    write_run, circle_weights, tmp_path: Path
) -> None:
    weights = {0: circle_weights(CONFIG, 3, 8.0), 20: circle_weights(CONFIG, 3, 2.0)}
    picture = CircleAnimation(numbers(write_run(tmp_path / "made", CONFIG, weights)), Style((480, 320)))
    for number, ring in ((0, 8 * RIM), (1, 2 * RIM)):
        picture.rgb(number)
        distances = np.linalg.norm(picture.plane.dots.get_offsets(), axis=1)
        assert np.allclose(distances, 2.0, atol=1e-5)  # of a ring at 2 RIM
        assert picture.plane.scale.get_text() == f"ring at {ring:.2g}"


def test_frames(multiplied: Run, tmp_path: Path) -> None:
    options = FilmOptions(size=(480, 320), jobs=1, n_frames=2, theme="dark")
    make_frames(CIRCLE, multiplied, tmp_path / "frames", options)
    assert sorted(p.name for p in (tmp_path / "frames").iterdir()) == [
        "frame_00000.png",
        "frame_00001.png",
        "frames.json",
        "manifest.json",
    ]
