"""The film of answers: every question at its place, right or wrong, trained or held out."""

import numpy as np
import pytest

from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.films.animations.answers import HELD_OUT, RIGHT, TRAINED, AnswersAnimation, percent
from grokking.films.film import FilmOptions
from grokking.films.kinds.answers import collect, open_pairs
from grokking.runs.run import Run


@pytest.mark.parametrize("run", ["added", "multiplied"])
def test_every_question_has_its_square(run: str, request: pytest.FixtureRequest) -> None:
    seen: Run = request.getfixturevalue(run)
    view = open_pairs(seen, FilmOptions())
    x = collect(view, None, [0, 60])
    last = x.squares[-1]
    tokens, right = seen.task.tokens, seen.observe(60).losses_and_correct[1]
    for row in view.rows:
        a, b = tokens[row][:2]
        kind = TRAINED if row in seen.split.train else HELD_OUT
        assert last[a, b] == kind + RIGHT * right[row]
    assert np.isfinite(last).sum() == len(view.rows)
    assert x.shares[-1] == pytest.approx([seen.history["train_acc"][-1], seen.history["test_acc"][-1]])


def test_the_picture_says_both_shares(added: Run) -> None:
    x = collect(open_pairs(added, FilmOptions()), None, [0, 60])
    picture = AnswersAnimation(x, Style((480, 320)))
    first, last = picture.rgb(0), picture.rgb(1)
    assert [text.get_text() for text in picture.counts] == [
        f"trained: {percent(x.shares[1][0])} % right",
        f"held out: {percent(x.shares[1][1])} % right",
    ]
    assert (first != last).any()


def test_a_run_of_unknown_split_is_refused(added: Run) -> None:
    unknown = Run(added.directory.path)
    unknown.split = None
    with pytest.raises(UserError, match="does not say which pairs were trained"):
        open_pairs(unknown, FilmOptions())
