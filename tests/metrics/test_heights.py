"""Numbers of a kinematics run, on answers known by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.heights import Baselines, measure_heights, parts_of, score
from grokking.metrics.probes import TARGETS, probe, value_folds
from grokking.tasks.kinematics import KINEMATICS

CONFIG = RunConfig(
    task=KINEMATICS,
    n_angles=12,
    n_speeds=11,
    n_distances=10,
    heldout_angles=2,
    heldout_speeds=2,
    n_bins=16,
    d_model=16,
    n_heads=2,
    d_mlp=32,
    train_frac=0.5,
)
TASK = task_of(CONFIG)
SPLIT = split_of(CONFIG, TASK)
ROWS = TASK.candidates()
BY_NAME = {target.name: target for target in TARGETS}


def test_scores_known_by_hand() -> None:
    right = TASK.answers
    assert score(right, TASK, ROWS) == {
        "acc": 1.0,
        "within_one": 1.0,
        "mae": pytest.approx(np.abs(TASK.bin_centres(right) - TASK.heights)[ROWS].mean()),
    }
    # Heights fall anywhere in a bin of 2 m: half a metre off on average, and two more per bin.
    assert score(right, TASK, ROWS)["mae"] == pytest.approx(0.5, abs=0.05)
    off = score(right + 1, TASK, ROWS)
    assert (off["acc"], off["within_one"]) == (0, 1)
    assert off["mae"] == pytest.approx(2.0, abs=0.05)
    far = score(right + 2, TASK, ROWS)
    assert far["within_one"] == 0
    assert far["mae"] == pytest.approx(4.0, abs=0.05)


def test_a_row_agrees_with_the_logits() -> None:
    acts = ActivationCache(initial_weights(CONFIG), shape_of(CONFIG), TASK)
    row = measure_heights(acts, SPLIT)
    logits = acts.outputs.logits.double()
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(TASK.answers), reduction="none").numpy()
    for part, rows in parts_of(TASK, SPLIT).items():
        assert row[f"{part}_loss"] == pytest.approx(loss[rows].mean())
        assert row[f"{part}_acc"] == (logits.argmax(1).numpy() == TASK.answers)[rows].mean()
    assert all(np.isfinite(value) for value in row.values())


def test_parts_without_rows_are_left_out() -> None:
    config = replace(CONFIG, heldout_angles=0)
    task = task_of(config)
    assert set(parts_of(task, split_of(config, task))) == {"train", "test", "speeds"}


def test_a_look_up_table_knows_what_it_saw_and_guesses_the_rest() -> None:
    found = Baselines.of(TASK, SPLIT)
    assert np.array_equal(found.nearest[SPLIT.train], TASK.answers[SPLIT.train])
    near, chance = (score(bins, TASK, SPLIT.test)["acc"] for bins in (found.nearest, found.commonest))
    assert chance < near < 1
    assert len(np.unique(found.commonest)) == 1
    assert score(found.middle, TASK, SPLIT.test)["mae"] < score(found.commonest, TASK, SPLIT.test)["mae"]


# Probes


def true_values(name: str) -> np.ndarray:
    return BY_NAME[name].of(*(v[i] for v, i in zip(TASK.values, TASK.indices[ROWS].T, strict=True)))


def padded(column: np.ndarray, seed: int = 0) -> np.ndarray:
    """Vectors in which a number hides among directions that have nothing to do with it."""
    rng = np.random.default_rng(seed)
    noise = 0.1 * rng.standard_normal((len(column), 7))
    hidden = np.concatenate([column[:, None] / column.std(), noise], axis=1)
    return hidden @ np.linalg.qr(rng.standard_normal((8, 8)))[0]


@pytest.mark.parametrize("name", list(BY_NAME))
def test_what_is_there_is_read(name: str) -> None:
    found = probe(padded(true_values(name)), TASK.indices[ROWS], TASK, [BY_NAME[name]])[name]
    assert found.r2 > 0.99
    assert found.shuffled < 0.5


def test_a_token_per_value_carries_no_function() -> None:
    """Random embeddings hold every function of seen values exactly, and none of unseen ones."""
    tokens = np.random.default_rng(0).standard_normal((12, 64))
    vectors, target = tokens[TASK.indices[ROWS, 0]], BY_NAME["tan θ"]
    wanted = true_values("tan θ")
    fitted = vectors @ np.linalg.lstsq(vectors, wanted, rcond=None)[0]
    assert np.allclose(fitted, wanted)  # a probe that holds out rows would call this R² = 1
    assert probe(vectors, TASK.indices[ROWS], TASK, [target])["tan θ"].r2 < 0.1


def test_a_sum_is_no_product() -> None:
    """From x and tan θ alone their product cannot be read in full; a linear map has no products."""
    vectors = np.stack([true_values("x"), true_values("tan θ")], axis=1)
    found = probe(vectors, TASK.indices[ROWS], TASK, [BY_NAME["x tan θ"], BY_NAME["x²/cos² θ"]])
    assert 0.5 < found["x tan θ"].r2 < 0.95
    assert found["x²/cos² θ"].r2 < 0.9


def test_folds_hold_out_values() -> None:
    indices = TASK.indices[ROWS]
    folds = value_folds(indices)
    for column, fold in zip(indices.T, folds.T, strict=True):
        assert all(len(set(fold[column == value])) == 1 for value in np.unique(column))
        assert set(fold) == {0, 1, 2, 3}


def test_too_few_values_to_hold_out() -> None:
    rows = TASK.indices[ROWS][:, 0] < 3
    with pytest.raises(ValueError, match="too few values"):
        probe(np.ones((rows.sum(), 2)), TASK.indices[ROWS][rows], TASK, [BY_NAME["tan θ"]])
