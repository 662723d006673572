"""The film of two orders: its numbers, its views, and what another primitive root changes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.films.animations.order import OrderingsAnimation, OrderingsData
from grokking.films.film import FilmOptions, make_frames
from grokking.films.kinds.order import FILM as ORDERS
from grokking.films.kinds.order import OrderingsChoice, choose, collect
from grokking.metrics.embedding import frequency_share
from grokking.runs.run import Run
from grokking.runs.view import RunView


def numbers(run: Run, layout: str = "unfolded", generator: int | None = None) -> OrderingsData:
    view = RunView(run)
    assert choose(view, FilmOptions(view=layout)) == OrderingsChoice(layout)
    return collect(view, OrderingsChoice(layout, generator), run.epochs)


def test_numbers_are_those_of_the_metrics(multiplied: Run) -> None:
    x, final = numbers(multiplied, "source"), multiplied.observe(multiplied.final_epoch)
    assert list(x.epochs) == multiplied.epochs
    assert np.array_equal(x.logarithmic.share[-1], frequency_share(final.embedding("mul")))
    logged = multiplied.history
    assert x.logarithmic.gini[-1] == logged["gini"][-1]
    assert x.logarithmic.null[-1] == logged["gini_null"][-1]
    rows = final.number_rows("mul")
    np.testing.assert_allclose(x.additive.share[-1], frequency_share(rows - rows.mean(axis=0)))
    assert "log₂(x)" in x.logarithmic.title


def test_unfolded_ranks_by_the_end_of_the_film(multiplied: Run) -> None:
    source, unfolded = numbers(multiplied, "source"), numbers(multiplied)
    for part in ("additive", "logarithmic"):
        ranked, plain = getattr(unfolded, part).share, getattr(source, part).share
        assert (np.diff(ranked[-1]) <= 0).all()
        order = np.argsort(-plain[-1], kind="stable")
        assert np.array_equal(ranked, plain[:, order])
        np.testing.assert_allclose(ranked.sum(axis=1), 1)


def test_another_primitive_root_changes_labels_only(multiplied: Run) -> None:
    """2 and 6 are primitive roots of 13: the same picture unfolded, other places in the source view."""
    for view, alike in (("unfolded", True), ("source", False)):
        two, six = numbers(multiplied, view, 2).logarithmic, numbers(multiplied, view, 6).logarithmic
        assert np.allclose(two.share, six.share) is alike
        np.testing.assert_allclose(two.gini, six.gini)
        np.testing.assert_allclose(two.null, six.null, atol=0.03)  # other shuffles of the same tokens


@pytest.mark.parametrize("view", ["unfolded", "source"])
def test_axes_stand_still(added: Run, view: str) -> None:
    picture = OrderingsAnimation(numbers(added, view), Style((480, 320)))
    first = picture.rgb(0)
    limits = [axes.axis() for axes in picture.figure.axes]
    assert limits[0] == limits[1] or limits[0][2:] == limits[1][2:]  # one scale of shares
    last = picture.rgb(len(added.epochs) - 1)
    assert limits == [axes.axis() for axes in picture.figure.axes]
    assert (first != last).any()
    assert np.array_equal(picture.rgb(0), first)


def test_frames(multiplied: Run, tmp_path: Path) -> None:
    options = FilmOptions(size=(480, 320), jobs=1, n_frames=2, theme="dark")
    make_frames(ORDERS, multiplied, tmp_path / "frames", options)
    assert sorted(p.name for p in (tmp_path / "frames").iterdir()) == [
        "frame_00000.png",
        "frame_00001.png",
        "frames.json",
        "manifest.json",
    ]


def test_a_modulus_that_is_no_odd_prime_is_refused(train: Callable[[int, str], Path], tmp_path: Path) -> None:
    run = Run(train(12, "add"))
    with pytest.raises(UserError, match="modulus of this run is 12, and only an odd prime"):
        make_frames(ORDERS, run, tmp_path / "frames", FilmOptions())
    assert not (tmp_path / "frames").exists()
    assert not ORDERS.applies(run)
