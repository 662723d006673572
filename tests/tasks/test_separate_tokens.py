"""Operand tokens of their own for each operation: the same questions and answers, other tokens."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.engines.outputs import Evaluator, losses_and_correct, numba_applies
from grokking.errors import UserError
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.circuit_overlap import directions_of, token_waves
from grokking.models.transformer.network import forward
from grokking.page.measure import page_views
from grokking.runs.progress_measures import measure_and_write, read_progress
from grokking.runs.run import Run
from grokking.tasks.modular import SEPARATE, make_task

CONFIG = RunConfig(
    p=11,
    task="add,mul",
    operand_tokens=SEPARATE,
    d_model=16,
    n_heads=2,
    d_mlp=32,
    train_frac=0.5,
    n_epochs=20,
    log_every=10,
    checkpoint_every=10,
)


def test_questions_are_the_same_in_other_tokens() -> None:
    shared, separate = make_task(7, "add,div"), make_task(7, "add,div", separate=True)
    assert np.array_equal(separate.answers, shared.answers)
    assert np.array_equal(separate.operation_of_pair, shared.operation_of_pair)
    assert np.array_equal(separate.operands, shared.tokens[:, :2])
    assert separate.tokens[0].tolist() == [0, 0, 14]
    assert separate.tokens[-1].tolist() == [13, 13, 15]
    assert not set(separate.tokens[separate.operation_of_pair == 0, 0]) & set(separate.tokens[49:, 0])
    for name in ("add", "div"):
        mine, theirs = separate.grid(name), shared.grid(name)
        assert np.array_equal(mine.rows, theirs.rows)
        assert np.array_equal(separate.tokens[mine.rows], mine.tokens)
        assert np.array_equal(mine.s, theirs.s)


def test_only_the_embedding_grows_and_the_split_stays() -> None:
    shared = replace(CONFIG, operand_tokens="shared")
    ours, theirs = shape_of(CONFIG), shape_of(shared)
    assert ours.parameter_shapes() == theirs.parameter_shapes() | {"W_E": (24, 16)}
    assert ours.n_answers == theirs.n_answers == 11
    for part in ("train", "test"):
        splits = [getattr(split_of(c, task_of(c)), part) for c in (CONFIG, shared)]
        assert np.array_equal(*splits)
    spread = [initial_weights(replace(c, p=113, d_model=64))["W_U"].std().item() for c in (CONFIG, shared)]
    assert spread[0] == pytest.approx(spread[1], rel=0.05)  # W_U is drawn alike


def test_of_one_operation_nothing_changes() -> None:
    alone = replace(CONFIG, task="mul")
    assert shape_of(alone) == shape_of(replace(alone, operand_tokens="shared"))
    assert np.array_equal(task_of(alone).tokens, make_task(11, "mul").tokens)


@pytest.mark.parametrize("changes", [{}, {"activation": "gelu", "layer_norm": True}])
def test_short_cuts_are_the_plain_forward(changes: dict, drawn_weights: Callable) -> None:
    config = replace(CONFIG, **changes)
    task, shape = task_of(config), shape_of(config)
    weights = drawn_weights(shape)
    plain = forward(weights, shape, torch.from_numpy(task.tokens))[:, -1]
    acts = ActivationCache(weights, shape, task)
    assert numba_applies(weights, shape) is (not changes)
    torch.testing.assert_close(acts.outputs.logits, plain, rtol=1e-4, atol=1e-4)
    losses, hits = Evaluator(shape, task.tokens, task.answers, task.n_answers).losses_and_correct(weights)
    expected, right = losses_and_correct(plain, task.answers, 11)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert np.array_equal(hits, right)


def test_each_operation_has_an_embedding_of_its_own(drawn_weights: Callable) -> None:
    shape, task = shape_of(CONFIG), task_of(CONFIG)
    weights = drawn_weights(shape)
    for name, first, k, axis in (("add", 0, 2, 3), ("mul", 11, 4, 9)):
        waves = torch.from_numpy(token_waves(task.group(name), k))
        weights["W_E"][first : first + 11] = 0
        weights["W_E"][first : first + 11, axis : axis + 2] = waves.float()
    acts = ActivationCache(weights, shape, task)
    assert np.array_equal(acts.number_rows("mul"), weights["W_E"][11:22].double().numpy())
    found = directions_of(acts, {"add": (task.group("add"), [2]), "mul": (task.group("mul"), [4])})
    np.testing.assert_allclose(found["add"][2], np.eye(16)[3:5], atol=1e-6)
    np.testing.assert_allclose(found["mul"][4], np.eye(16)[9:11], atol=1e-6)


def test_a_run_trains_and_is_measured(train_run: Callable, tmp_path: Path) -> None:
    run = Run(train_run(CONFIG, tmp_path / "run"))
    assert run.config == CONFIG
    assert len(run.history["test_acc_mul"]) == len(run.history["gini_add"]) == 3
    measure_and_write(run.directory.path)
    assert len(read_progress(Run(run.directory.path))["neurons_serving_add+mul"]) == len(run.epochs)
    with pytest.raises(UserError, match="--operand_tokens separate; the page reads"):
        page_views(run)


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(UserError, match="unknown operand_tokens 'own'; known: shared, separate"):
        RunConfig(operand_tokens="own")
    with pytest.raises(UserError, match="belongs to modular tasks"):
        RunConfig(task="kinematics", operand_tokens=SEPARATE)
