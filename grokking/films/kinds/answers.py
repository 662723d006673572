"""The film of answers: every question of an operation, right or wrong, trained or held out."""

from collections.abc import Iterable

import numpy as np

from grokking.drawing.animated_figure import FigureText
from grokking.errors import UserError
from grokking.films.animations.answers import HELD_OUT, RIGHT, TRAINED, AnswersAnimation, AnswersData
from grokking.films.film import CYCLIC_FLAGS, Film, FilmOptions, curves_by_part
from grokking.films.milestones import Words, milestones_of
from grokking.metrics.activations import ActivationCache
from grokking.runs.run import Run
from grokking.runs.view import RunView


def has_pairs(run: Run) -> bool:
    """Whether a run's questions are pairs, and it is known which were trained."""
    return run.has_pairs and run.split is not None


def open_pairs(run: Run, options: FilmOptions) -> RunView:
    """The chosen operation; raises UserError for a run without pairs, or whose train pairs are unknown."""
    view = RunView(run, options.operation)
    if run.split is None:
        raise UserError(
            f"{run.directory.path} does not say which pairs were trained, which is what this film shows; "
            "grokking frames circle, clean and sine need not know"
        )
    return view


def choose(view: RunView, options: FilmOptions) -> None:
    """Nothing has to be chosen: all questions are shown."""


def collect(view: RunView, choice: None, epochs: Iterable[int]) -> AnswersData:  # noqa: ARG001
    """Ask the network of every epoch all questions of the operation."""
    pairs = view.run.pair_task.tokens[view.rows][:, :2] - view.run.pair_task.first_token(view.name)
    kinds = np.where(np.isin(view.rows, view.train_rows), TRAINED, HELD_OUT)
    frame_epochs, squares, shares = [], [], []
    for epoch in epochs:
        right = _correct(view.acts_at(epoch))[view.rows]
        grid = np.full(pairs.max(axis=0) + 1, np.nan)
        grid[tuple(pairs.T)] = kinds + RIGHT * right
        frame_epochs.append(epoch)
        squares.append(grid.astype(np.float32))
        shares.append([right[kinds == kind].mean() for kind in (TRAINED, HELD_OUT)])
    return AnswersData(
        np.array(squares),
        np.array(shares),
        np.array(frame_epochs),
        curves_by_part(view, "acc"),
        curves_by_part(view, "loss"),
        view.last_epoch,
        FigureText("A network answers what it never saw", view.config_line, CAPTION),
        milestones_of(view).timeline(frame_epochs, WORDS),
    )


def _correct(acts: ActivationCache) -> np.ndarray:
    return np.asarray(acts.losses_and_correct[1])


CAPTION = (
    "How to read: each square is one question, a to the right and b upwards. Dark squares are answered "
    "correctly, pale ones are not;\nblue squares were trained, orange ones were held out."
)
WORDS = Words(
    "Each square is one question. Blue ones are trained, orange ones held out. Pale means: wrong.",
    "",
    "All questions are answered. What has the network found?",
)
FILM = Film("answers", has_pairs, open_pairs, choose, collect, AnswersAnimation, CYCLIC_FLAGS)
