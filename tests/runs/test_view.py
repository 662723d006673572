"""One operation of a run: what a view says, and what views of one run share."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError
from grokking.metrics.embedding import dominant_circle
from grokking.metrics.neurons import key_frequencies, variance_shares
from grokking.runs.run import Run, logged_series
from grokking.runs.view import RunView, all_views


@pytest.fixture(scope="module")
def several(
    tmp_path_factory: pytest.TempPathFactory, tiny_config: RunConfig, train_run: Callable[..., Path]
) -> Run:
    """Sums of squares, which have no group, and multiplication mod 11, whose group has order 10."""
    config = replace(tiny_config, task="x2+y2,mul", n_epochs=25)
    return Run(train_run(config, tmp_path_factory.mktemp("views") / "several"))


def test_the_first_operation_with_a_group_is_shown(several: Run) -> None:
    view = RunView(several)
    assert (view.name, view.operation_index, view.suffix, view.n) == ("mul", 1, "_mul", 10)
    assert view.index_label("x") == "log₂(x)"
    assert view.answer_label("3") == "3 · log₂(a · b) mod 10"
    assert np.array_equal(view.rows, np.arange(121, 242))
    assert sorted(np.concatenate(list(view.parts.values()))) == list(view.rows)


def test_an_operation_without_a_group_has_no_waves(several: Run) -> None:
    view = RunView(several, "x2+y2")
    assert (view.keys, view.group, view.index_label("a")) == ((), None, "a")
    assert view.attention.shape == (11, 11, 2, 3)
    with pytest.raises(UserError, match=r"x2\+y2 has no cyclic group"):
        _ = view.grid


def test_views_of_one_run_share_their_networks(several: Run) -> None:
    squares, products = all_views(several)
    assert [squares.name, products.name] == ["x2+y2", "mul"]
    assert squares.final_acts is products.final_acts is products.acts
    assert squares.acts_at(0) is not squares.acts_at(0)  # not of the view's epoch, so not held in memory


def test_the_final_model_decides_for_every_epoch(several: Run) -> None:
    early, final = RunView(several, "mul", 0), several.observe(several.final_epoch)
    assert not early.at_end
    shares = variance_shares(final.neuron_grid(early.grid))
    assert list(early.keys) == key_frequencies(shares)
    assert np.array_equal(early.final_shares.fve, shares.fve)
    assert early.circle == dominant_circle(final.embedding("mul"))
    late = RunView(several, "mul")
    assert late.final_fit is late.fit
    assert np.array_equal(late.fit.r2, early.final_fit.r2, equal_nan=True)


def test_what_was_logged(several: Run) -> None:
    view = RunView(several)
    assert list(view.logged("test_acc").values) == several.history["test_acc_mul"]
    assert list(view.logged("test_acc").epochs) == several.history["epochs"]
    assert view.last_epoch == 25
    with pytest.raises(DamagedFile, match="the history has no nonsense_mul"):
        view.logged("nonsense")
    several.history["words"] = ["a"] * len(several.history["epochs"])
    with pytest.raises(DamagedFile, match="words in the history is damaged"):
        logged_series(several, "words")


@pytest.mark.parametrize(
    "operation, epoch, message",
    [("div", None, "not trained on 'div'; it knows x2"), ("mul", 7, "no weights of epoch 7; nearest: 10")],
)
def test_what_cannot_be_opened(several: Run, operation: str, epoch: int | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        RunView(several, operation, epoch)


def test_key_frequencies_in_words(several: Run) -> None:
    view = RunView(several)
    for keys, words in (
        ((), "no key frequency"),
        ((3,), "final key frequency 3"),
        ((3, 1), "final key frequencies 3, 1"),
        (tuple(range(1, 8)), "final key frequencies 1, 2, 3, 4, 5, 6, …"),
    ):
        view.keys = keys
        assert view.key_text == words
