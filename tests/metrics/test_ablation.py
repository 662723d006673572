import numpy as np
import pytest

from grokking.config import RunConfig
from grokking.from_config import split_of
from grokking.metrics.logits import GroupLogits
from grokking.metrics.mean_ablation import (
    excluded_scores,
    full_scores,
    heldout_scores,
    other_frequencies,
    restricted_scores,
)
from tests.metrics.handmade import cosine_cube, observe

KEYS = [2, 5, 11]


def group_logits(cube_of, train_frac=0.4):
    seen, grid = observe(23, "mul", np.zeros((22, 22, 22)))
    split = split_of(RunConfig(p=23, task="mul", train_frac=train_frac), seen.task)
    trained = np.isin(grid.rows, split.train).reshape(22, 22)
    seen, grid = observe(23, "mul", cube_of(trained))
    return GroupLogits.of(seen, grid, split)


def test_waves_are_all_there_is_with_the_keys_and_nothing_without_them():
    logits = group_logits(lambda _: cosine_cube(22, +1, KEYS, amplitude=50.0))
    loss, accuracy = heldout_scores(logits, KEYS)
    assert accuracy == 1.0
    assert loss == pytest.approx(full_scores(logits, "_test")[0], abs=1e-4)
    loss, _ = excluded_scores(logits, KEYS, "_train")
    assert loss == pytest.approx(np.log(22), abs=1e-4)
    for other in other_frequencies(22, KEYS, 3):
        assert not set(other) & set(KEYS)
        assert excluded_scores(logits, other, "_train")[1] == 1.0


def test_what_is_memorised_restores_answers_by_the_plain_average_but_not_on_held_out_pairs():
    def memorised(trained):
        noise = np.random.default_rng(0).normal(size=(22, 22, 22))
        right = cosine_cube(22, +1, list(range(1, 12)), amplitude=1.0)
        return noise + 3 * trained[..., None] * right

    logits = group_logits(memorised)
    s = logits.s[logits.parts["_test"]]
    assert full_scores(logits, "_train")[1] > 0.99
    assert restricted_scores(logits.table, KEYS, s)[1] > 0.8
    assert heldout_scores(logits, KEYS)[1] < 0.3


def test_held_out_scores_are_the_projection_where_nothing_depends_on_the_split():
    logits = group_logits(lambda _: cosine_cube(22, +1, KEYS, amplitude=5.0))
    s = logits.s[logits.parts["_test"]]
    assert set(s) == set(range(22))
    for frequencies in (KEYS, [1, 2], [], list(range(1, 12))):
        plain = restricted_scores(logits.table, frequencies, s)
        np.testing.assert_allclose(heldout_scores(logits, frequencies), plain, atol=1e-4)


def answers_held_out(train_frac):
    logits = group_logits(lambda _: cosine_cube(22, +1, KEYS, amplitude=50.0), train_frac=train_frac)
    return len(set(logits.s[logits.parts["_test"]])), logits


def test_waves_are_fitted_to_the_answers_that_have_held_out_pairs():
    n_answers, logits = answers_held_out(0.93)
    assert 14 <= n_answers < 22
    assert heldout_scores(logits, KEYS)[1] == 1.0
    assert heldout_scores(logits, [1, 4, 8])[1] < 0.5


def test_too_few_answers_with_held_out_pairs_cannot_be_asked():
    n_answers, logits = answers_held_out(0.99)
    assert n_answers < 14
    assert heldout_scores(logits, KEYS) is None


def test_draws_repeat_and_stop_where_there_are_too_few():
    assert list(other_frequencies(22, KEYS, 4)) == list(other_frequencies(22, KEYS, 4))
    assert list(other_frequencies(22, [], 4)) == []
    assert list(other_frequencies(5, [1, 2], 4)) == []
