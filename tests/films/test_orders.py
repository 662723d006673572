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
from grokking.metrics.embedding import circle_coordinates, dominant_circle, frequency_share
from grokking.metrics.token_ordering import orders_of, relabelled
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


def test_each_order_has_its_strongest_circle(multiplied: Run) -> None:
    x, final = numbers(multiplied), multiplied.observe(multiplied.final_epoch)
    for name, part in zip(("additive", "multiplicative"), (x.additive, x.logarithmic), strict=True):
        embedding = final.embedding_in(orders_of(13)[name], "mul")
        assert part.k == dominant_circle(embedding)
        assert np.array_equal(part.plane.coordinates[-1], circle_coordinates(embedding, part.k))
    assert sorted(x.additive.plane.members) == list(range(13))
    assert sorted(x.logarithmic.plane.members) == list(range(1, 13))


def test_unfolded_joins_in_phase_order_and_source_as_one_counts(multiplied: Run) -> None:
    unfolded, source = numbers(multiplied).logarithmic, numbers(multiplied, "source").logarithmic
    assert (np.diff(unfolded.plane.phase[unfolded.plane.order]) >= 0).all()
    assert list(source.plane.members[source.plane.order]) == list(range(1, 13))


def test_another_primitive_root_changes_labels_only(multiplied: Run) -> None:
    """2 and 6 are primitive roots of 13: the same shares and the same circle, at other frequencies."""
    two, six = (numbers(multiplied, generator=root).logarithmic for root in (2, 6))
    assert not np.allclose(two.share, six.share)
    np.testing.assert_allclose(np.sort(two.share), np.sort(six.share))
    np.testing.assert_allclose(two.gini, six.gini)
    np.testing.assert_allclose(two.null, six.null, atol=0.03)  # other shuffles of the same tokens
    assert relabelled(two.k, 2, 6, 13) == six.k


@pytest.mark.parametrize("view", ["unfolded", "source"])
def test_axes_stand_still(added: Run, view: str) -> None:
    picture = OrderingsAnimation(numbers(added, view), Style((480, 320)))
    first = picture.rgb(0)
    limits = [axes.axis() for axes in picture.figure.axes]
    assert limits[0][2:] == limits[2][2:]  # one scale of shares
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
