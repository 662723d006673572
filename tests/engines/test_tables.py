"""The short cut and the plain forward pass are one function."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.engines import lookup as general
from grokking.engines.numba.blas import SGEMM, matmul
from grokking.engines.numba.build_tables import build_tables
from grokking.engines.numba.compiling import from_python
from grokking.engines.numba.kernels import cross_entropy
from grokking.engines.numba.tables import LINE, Tables, fits_tables, matrices, new_tables, new_workspace
from grokking.engines.numba.thread_team import new_team
from grokking.engines.numba.tiles import TILE, PairTable
from grokking.engines.outputs import Evaluator, losses_and_correct, numba_applies, task_outputs
from grokking.from_config import shape_of
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import activate, forward, normalise
from grokking.models.transformer.network import attention as attend
from grokking.tasks.modular import make_task
from grokking.tasks.pairs import PairTask

TOLERANCE = 1e-5
Draw = Callable[..., dict[str, Tensor]]
CROSS_ENTROPY, MATMUL = from_python(cross_entropy), from_python(matmul)

FOLDABLE = {
    "add": RunConfig(p=13, d_model=16, n_heads=2, d_mlp=32),
    "mul": RunConfig(p=13, task="mul", d_model=16, n_heads=4, d_mlp=20),
    "div, one head": RunConfig(p=11, task="div", d_model=8, n_heads=1, d_mlp=7),
    "two operations": RunConfig(p=13, task="add,mul", d_model=24, n_heads=2, d_mlp=33),
    "three operations, an extra class": RunConfig(
        p=11, task="div,x2+y2,sub", d_model=16, n_heads=4, d_mlp=48, equals_class=True
    ),
    "classes fill a line": RunConfig(p=31, d_model=16, n_heads=2, d_mlp=16, equals_class=True),
    "more than a block": RunConfig(p=37, d_model=12, n_heads=3, d_mlp=50),
    "temperature": RunConfig(p=11, d_model=16, n_heads=2, d_mlp=16, attention_temperature=0.25),
    "wide heads": RunConfig(p=7, d_model=8, n_heads=3, d_mlp=9, head_width=5),
    "three odd heads": RunConfig(p=7, d_model=15, n_heads=5, d_mlp=1),
}
OTHERS = {
    "layer norm": RunConfig(p=13, d_model=16, n_heads=2, d_mlp=20, layer_norm=True),
    "gelu": RunConfig(p=13, task="add,mul", d_model=16, n_heads=4, d_mlp=20, activation="gelu"),
    "biases": RunConfig(p=13, d_model=16, n_heads=2, d_mlp=20, biases="b_Q,b_K,b_V,b_O,b_U"),
    "some biases, wide heads": RunConfig(p=13, d_model=16, n_heads=2, d_mlp=9, biases="b_O", head_width=9),
    "all at once": RunConfig(
        p=11,
        task="sub,x3+xy",
        d_model=16,
        n_heads=2,
        d_mlp=33,
        activation="gelu",
        layer_norm=True,
        attention_temperature=3.0,
        equals_class=True,
    ),
}
ALL = FOLDABLE | OTHERS


def reference(weights: dict[str, Tensor], shape: ModelShape, tokens: np.ndarray) -> tuple[Tensor, Tensor]:
    """Neurons and logits at the last position by the plain code in float64."""
    w = {name: tensor.double() for name, tensor in weights.items()}
    t = torch.from_numpy(tokens)
    x = w["W_E"][t] + w["W_pos"]
    x = x + attend(w, shape, normalise(x, w, "ln1", shape))
    neurons = activate(normalise(x, w, "ln2", shape) @ w["W_in"] + w["b_in"], shape)
    return neurons[:, -1], forward(w, shape, t)[:, -1]


def close(found: Tensor, expected: Tensor) -> bool:
    return bool((found.double() - expected).norm() <= TOLERANCE * expected.norm())


def case(config: RunConfig) -> tuple[ModelShape, PairTask]:
    return shape_of(config), make_task(config.p, config.task)


# Outputs


def test_what_folds_is_served_by_the_compiled_kernels(drawn_weights: Draw) -> None:
    for name, config in ALL.items():
        shape = shape_of(config)
        assert fits_tables(shape) == (name in FOLDABLE)
        assert numba_applies(drawn_weights(shape), shape) == (name in FOLDABLE)
    assert not numba_applies(
        {n: w.double() for n, w in drawn_weights(shape).items()}, shape_of(FOLDABLE["add"])
    )


@pytest.mark.parametrize("name", ALL)
def test_outputs_are_those_of_the_plain_forward(name: str, drawn_weights: Draw) -> None:
    shape, task = case(ALL[name])
    weights = drawn_weights(shape)
    found = task_outputs(weights, shape, task.tokens)
    neurons, logits = reference(weights, shape, task.tokens)
    assert close(found.neurons, neurons)
    assert close(found.logits, logits)


@pytest.mark.parametrize("name", ALL)
def test_the_general_path_serves_every_model(name: str, drawn_weights: Draw) -> None:
    shape, task = case(ALL[name])
    weights = drawn_weights(shape)
    tokens = torch.from_numpy(task.tokens)[None]
    found = general.last_position(general.stack(weights), shape, tokens)
    for ours, plain in zip(found, reference(weights, shape, task.tokens), strict=True):
        assert close(ours[0], plain)


def test_outputs_come_in_the_order_of_their_tokens(drawn_weights: Draw) -> None:
    shape, task = case(FOLDABLE["two operations"])
    weights = drawn_weights(shape)
    shuffled = np.random.default_rng(0).permutation(task.tokens)[:200]
    assert close(task_outputs(weights, shape, shuffled).logits, reference(weights, shape, shuffled)[1])


def test_replicas_do_not_mix(drawn_weights: Draw) -> None:
    shape, task = case(OTHERS["all at once"])
    drawn = [drawn_weights(shape, seed) for seed in (1, 2)]
    stacked = {name: torch.stack([w[name] for w in drawn]) for name in drawn[0]}
    tokens = [task.tokens[:50], task.tokens[-50:]]
    neurons, logits = general.last_position(stacked, shape, torch.from_numpy(np.stack(tokens)))
    for r in (0, 1):
        plain = reference(drawn[r], shape, tokens[r])
        assert close(neurons[r], plain[0])
        assert close(logits[r], plain[1])


def folded(shape: ModelShape, weights: dict[str, Tensor], tables: Tables | None = None) -> Tables:
    """The tables of these weights, in memory of their own unless it is given."""
    tables = new_tables(shape) if tables is None else tables
    build_tables(new_team(1)[0], SGEMM, shape.score_scale, matrices(weights), new_workspace(shape), tables)
    return tables


def test_the_tables_follow_the_weights(drawn_weights: Draw) -> None:
    """Their memory is made once and filled anew from other weights."""
    shape, _ = case(FOLDABLE["add"])
    weights = drawn_weights(shape)
    tables = folded(shape, weights)
    first = [part.copy() for part in tables]
    for tensor in weights.values():
        tensor *= 1.5
    second = folded(shape, weights, tables)
    fresh = folded(shape, weights)
    for before, after, expected in zip(first, second, fresh, strict=True):
        assert np.array_equal(after, expected)
        assert not np.array_equal(before, after)


@pytest.mark.parametrize("name", OTHERS)
def test_what_the_tables_cannot_compute_is_refused(name: str) -> None:
    shape = shape_of(OTHERS[name])
    with pytest.raises(ValueError, match="cannot be computed by tables"):
        new_tables(shape)


# Attention


@pytest.mark.parametrize("name", ALL)
def test_attention_sums_to_one(name: str, drawn_weights: Draw) -> None:
    shape, task = case(ALL[name])
    tokens = torch.from_numpy(task.tokens)[None]
    pattern = general.attention_pattern(general.stack(drawn_weights(shape)), shape, tokens)
    assert pattern.shape == (1, len(task.tokens), shape.n_heads, 3)
    assert (pattern >= 0).all()
    torch.testing.assert_close(pattern.sum(-1), torch.ones(pattern.shape[:-1]))


def test_attention_is_the_softmax_of_query_and_key(drawn_weights: Draw) -> None:
    shape, task = case(FOLDABLE["temperature"])
    w = {name: tensor.double() for name, tensor in drawn_weights(shape).items()}
    pattern = general.attention_pattern(general.stack(w), shape, torch.from_numpy(task.tokens)[None])[0]
    for pair in (0, 17, 120):
        x = w["W_E"][task.tokens[pair]] + w["W_pos"]
        for h in range(2):
            scores = (x @ w["W_K"][h]) @ (x[2] @ w["W_Q"][h]) / (8**0.5 * 0.25)
            torch.testing.assert_close(pattern[pair, h], scores.softmax(0))


def test_a_hot_softmax_attends_evenly(drawn_weights: Draw) -> None:
    shape, task = case(replace(FOLDABLE["add"], attention_temperature=1e9))
    pattern = general.attention_pattern(
        general.stack(drawn_weights(shape)), shape, torch.from_numpy(task.tokens)[None]
    )
    torch.testing.assert_close(pattern, torch.full_like(pattern, 1 / 3))


# Losses and accuracy


@pytest.mark.parametrize("name", ["add", "three operations, an extra class", "more than a block", "gelu"])
def test_losses_and_hits_are_those_of_the_plain_forward(name: str, drawn_weights: Draw) -> None:
    config = ALL[name]
    shape, task = case(config)
    weights = drawn_weights(shape)
    logits = reference(weights, shape, task.tokens)[1]
    rows = np.arange(len(task.answers))
    expected = -logits.log_softmax(1).numpy()[rows, task.answers]
    correct = logits[:, : config.p].argmax(1).numpy() == task.answers
    evaluator = Evaluator(shape, task.tokens, task.answers, task.n_answers)
    for _ in range(2):  # the second time from its own tables
        losses, found = evaluator.losses_and_correct(weights)
        assert losses.dtype == np.float64
        np.testing.assert_allclose(losses, expected, rtol=1e-4, atol=1e-5)
        assert np.array_equal(found, correct)
        assert evaluator.accuracy(weights) == correct.mean()
    losses, found = losses_and_correct(
        task_outputs(weights, shape, task.tokens).logits, task.answers, config.p
    )
    np.testing.assert_allclose(losses, expected, rtol=1e-4, atol=1e-5)
    assert np.array_equal(found, correct)


def constant_answer(config: RunConfig, logits: list[float]) -> dict[str, Tensor]:
    """Weights that give every pair these logits."""
    weights = {name: torch.zeros(size) for name, size in shape_of(config).parameter_shapes().items()}
    weights["b_out"][0] = 1.0
    weights["W_U"][0] = torch.tensor(logits)
    return weights


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_the_extra_class_counts_in_the_loss_and_not_in_accuracy(activation: str) -> None:
    config = RunConfig(p=5, d_model=8, n_heads=2, d_mlp=8, equals_class=True, activation=activation)
    shape, task = case(config)
    weights = constant_answer(config, [0, 0, 2, 0, 0, 9])
    losses, correct = Evaluator(shape, task.tokens, task.answers, task.n_answers).losses_and_correct(weights)
    total = np.log(4 + np.exp(2.0) + np.exp(9.0))
    np.testing.assert_allclose(losses, np.where(task.answers == 2, total - 2, total), rtol=1e-6)
    assert np.array_equal(correct, task.answers == 2)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_network_that_says_nothing_is_right_once_in_p(activation: str) -> None:
    config = RunConfig(p=7, d_model=8, n_heads=2, d_mlp=8, activation=activation)
    shape, task = case(config)
    weights = constant_answer(config, [0] * 7)
    losses, correct = Evaluator(shape, task.tokens, task.answers, task.n_answers).losses_and_correct(weights)
    np.testing.assert_allclose(losses, np.log(7), rtol=1e-12)
    assert np.array_equal(correct, task.answers == 0)  # the smaller class wins a tie


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_a_confident_loss_does_not_round_to_zero(activation: str) -> None:
    """exp(-25) is lost beside 1 in float32; a float64 log-softmax keeps it."""
    config = RunConfig(p=3, d_model=8, n_heads=2, d_mlp=8, activation=activation)
    shape, task = case(config)
    losses, _ = Evaluator(shape, task.tokens, task.answers, task.n_answers).losses_and_correct(
        constant_answer(config, [25, 0, 0])
    )
    np.testing.assert_allclose(losses[task.answers == 0], np.log1p(2 * np.exp(-25.0)), rtol=1e-4)
    np.testing.assert_allclose(losses[task.answers == 1], 25, rtol=1e-9)


@pytest.mark.parametrize("gap", [0.0, 0.1, 7.0, 40.0, 690.0, 3000.0])
def test_cross_entropy_of_two_classes_is_known(gap: float) -> None:
    """-log p = log(1 + exp(-gap)) for the leader, plus the gap for the other."""
    logits = np.array([[gap, 0, 99], [gap, 0, 99]], dtype=np.float32)
    gap = float(logits[0, 0])
    gradient = np.zeros_like(logits)
    answers = np.array([0, 1])
    loss = CROSS_ENTROPY(logits, slice(0, 2), answers, 0.5, gradient)
    assert loss == pytest.approx(np.log1p(np.exp(-gap)) + gap / 2, rel=1e-12)
    low = np.exp(-gap) / (1 + np.exp(-gap))
    # The leader's own entry is p - 1, of which float64 keeps 1e-16.
    np.testing.assert_allclose(gradient[0, 0], -low / 2, rtol=1e-6, atol=1e-16)
    # Exponentials stop at exp(-700), far below any float32.
    np.testing.assert_allclose(gradient[0, 1], low / 2, rtol=1e-6, atol=1e-44)
    np.testing.assert_allclose(gradient[1, :2], [(1 - low) / 2, (low - 1) / 2], rtol=1e-6)
    assert not gradient[:, 2].any()


def test_a_loss_that_is_not_a_number_is_not_hidden() -> None:
    logits = np.array([[0, np.nan, 1]], dtype=np.float32)
    assert np.isnan(CROSS_ENTROPY(logits, slice(0, 3), np.array([0]), 1.0, np.zeros_like(logits)))


# Tiles and products


@pytest.mark.parametrize("n", [1, 2, 3, 7, 500])
@pytest.mark.parametrize("name", ["more than a block", "three operations, an extra class"])
def test_tiles_cover_every_pair_once_within_one_operation(name: str, n: int) -> None:
    shape, task = case(FOLDABLE[name])
    table = PairTable(shape, task.tokens)
    shards = table.shards(n)
    assert len(shards) == n
    tiles = np.concatenate(shards)
    covered = np.concatenate([np.arange(start, stop) for _, start, stop in tiles])
    assert covered.tolist() == list(range(len(task.tokens)))
    sizes = [sum(stop - start for _, start, stop in shard) for shard in shards]
    assert max(sizes) - min(sizes) <= 1
    for operation, start, stop in tiles:
        assert 0 < stop - start <= TILE
        assert (table.operation[start:stop] == operation).all()
    tokens = task.tokens[table.order]
    assert np.array_equal(table.rows, tokens[:, :2] + [0, shape.n_numbers])
    assert np.array_equal(table.operation, tokens[:, 2] - shape.n_numbers)


def test_table_rows_begin_on_cache_lines(drawn_weights: Draw) -> None:
    shape, _ = case(FOLDABLE["two operations"])
    tables = folded(shape, drawn_weights(shape))
    assert tables.mix.shape[-1] % LINE == 0
    assert tables.base.shape[-1] == tables.mix.shape[-1]


@pytest.mark.parametrize("a_transposed", [False, True])
@pytest.mark.parametrize("b_transposed", [False, True])
@pytest.mark.parametrize("accumulate", [False, True])
def test_the_blas_call_is_a_matrix_product(a_transposed: bool, b_transposed: bool, accumulate: bool) -> None:
    rng = np.random.default_rng(0)
    a, b, out = (rng.normal(size=size).astype(np.float32) for size in ((5, 3), (3, 4), (5, 6)))
    expected = out.copy()
    expected[:, :4] = a @ b + (out[:, :4] if accumulate else 0)
    a, b = (np.ascontiguousarray(x.T if flip else x) for x, flip in ((a, a_transposed), (b, b_transposed)))
    MATMUL(SGEMM, a, a_transposed, b, b_transposed, out[:, :4], accumulate)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)
