"""Every engine's gradient is that of the plain forward pass, taken in float64."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.engines.choose import choose_device, choose_engine, make_trainer
from grokking.engines.parameters import Parameters
from grokking.errors import UserError
from grokking.from_config import shape_of
from grokking.storage.run_directory import RunDirectory
from tests.training.exact import engine_gradient, exact_gradient, train_pairs

TOLERANCE = 1e-5
THREADS = 2
Draw = Callable[..., dict[str, Tensor]]
CPU = torch.device("cpu")
BASE = RunConfig(p=13, d_model=16, n_heads=2, d_mlp=32, train_frac=0.5)
FOLDABLE = {
    "add": BASE,
    "mul": replace(BASE, task="mul", n_heads=4, d_mlp=20),
    "add+mul": replace(BASE, task="add,mul", d_model=24, n_heads=1, d_mlp=33),
    "x2+y2": replace(BASE, task="x2+y2", p=11),
    "div+sub with an extra class": replace(
        BASE, task="div,sub", equals_class=True, attention_temperature=0.5
    ),
    "separate operand tokens": replace(BASE, task="add,mul,div", p=11, operand_tokens="separate"),
    "more than a block": replace(BASE, p=37, d_mlp=50),
    "wide heads": replace(BASE, n_heads=3, head_width=11),
}
OTHERS = {
    "layer norm": replace(BASE, layer_norm=True),
    "gelu": replace(BASE, task="add,mul", activation="gelu"),
    "biases": replace(BASE, biases="b_Q,b_V,b_O,b_U"),
    "all at once": replace(
        BASE,
        task="mul,x3+xy",
        activation="gelu",
        layer_norm=True,
        equals_class=True,
        attention_temperature=2.0,
    ),
}
ALL = FOLDABLE | OTHERS


def errors(found: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, float]:
    """Norm of the error over the norm of the gradient, by parameter."""
    return {name: float((found[name].double() - g).norm() / g.norm()) for name, g in expected.items()}


@pytest.mark.parametrize(
    "name, engine",
    [
        *[(name, engine) for name in ALL for engine in ("batched", "reference")],
        *[(name, "numba") for name in FOLDABLE],
    ],
)
def test_gradients_agree(name: str, engine: str, drawn_weights: Draw) -> None:
    config = ALL[name]
    weights = drawn_weights(shape_of(config), seed=1)
    loss, expected = exact_gradient(config, weights)
    found_loss, found = engine_gradient(engine, config, weights, THREADS)
    assert found_loss == pytest.approx(loss, rel=1e-6)
    assert found.keys() == expected.keys()
    for parameter, error in errors(found, expected).items():
        assert error <= TOLERANCE, f"{parameter}: {error:.1e}"


@pytest.mark.parametrize("engine", ["batched", "reference"])
def test_a_bias_of_the_keys_changes_nothing_and_gets_no_gradient(engine: str, drawn_weights: Draw) -> None:
    config = replace(BASE, biases="b_K")
    weights = drawn_weights(shape_of(config), seed=1)
    without = {name: tensor for name, tensor in weights.items() if name != "b_K"}
    loss, gradient = engine_gradient(engine, config, weights, THREADS)
    assert loss == pytest.approx(exact_gradient(BASE, without)[0], rel=1e-6)
    assert gradient["b_K"].norm() <= TOLERANCE * gradient["W_K"].norm()


@pytest.mark.parametrize("threads", [1, 3, 64])
def test_threads_do_not_change_the_gradient(threads: int, drawn_weights: Draw) -> None:
    config = FOLDABLE["add+mul"]
    weights = drawn_weights(shape_of(config), seed=1)
    loss, expected = exact_gradient(config, weights)
    found_loss, found = engine_gradient("numba", config, weights, threads)
    assert found_loss == pytest.approx(loss, rel=1e-6)
    assert max(errors(found, expected).values()) <= TOLERANCE


@pytest.fixture(scope="module")
def converged(
    tmp_path_factory: pytest.TempPathFactory, train_run: Callable[..., Path]
) -> tuple[RunConfig, dict[str, Tensor]]:
    """A network whose train loss is all but gone, where gradients are small differences."""
    config = replace(
        BASE, p=11, d_mlp=64, lr=1e-2, weight_decay=0.1, n_epochs=300, log_every=300, checkpoint_every=300
    )
    folder = train_run(config, tmp_path_factory.mktemp("converged") / "run")
    return config, RunDirectory(folder).load(300).weights


def nudged(weights: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    """The same network for all that matters, with rounding errors of its own."""
    generator = torch.Generator().manual_seed(seed)
    return {n: w * (1 + 1e-3 * torch.randn(w.shape, generator=generator)) for n, w in weights.items()}


@pytest.mark.slow
def test_near_convergence_short_cuts_round_no_worse_than_twice_the_plain_forward(
    converged: tuple[RunConfig, dict[str, Tensor]],
) -> None:
    """Root mean squares over eight nudged networks: one rounding error is no measure of another."""
    config, weights = converged
    squares: dict[str, list[list[float]]] = {"reference": [], "numba": [], "batched": []}
    for seed in range(8):
        here = nudged(weights, seed)
        loss, expected = exact_gradient(config, here)
        assert loss < 1e-3
        for engine, found in squares.items():
            found_loss, gradient = engine_gradient(engine, config, here, THREADS)
            assert found_loss == pytest.approx(loss, rel=1e-4)
            found.append([error**2 for error in errors(gradient, expected).values()])
    plain = np.array(squares["reference"])
    for engine in ("numba", "batched"):
        found = np.array(squares[engine])
        assert found.mean() <= 2**2 * plain.mean(), engine
        assert (found.mean(0) <= 3**2 * plain.mean(0)).all(), engine  # and no parameter stands out


def test_a_gradient_is_the_slope_of_the_loss(drawn_weights: Draw) -> None:
    """Autograd itself against a finite difference, so that not all can be wrong together."""
    config = replace(BASE, p=5, task="add,mul", d_model=4, d_mlp=6)
    weights = {n: w.double() for n, w in drawn_weights(shape_of(config), seed=1).items()}
    _, gradient = exact_gradient(config, weights)
    for name in weights:
        step = 1e-6 * torch.randn(
            weights[name].shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
        )
        up, down = (exact_gradient(config, weights | {name: weights[name] + s * step})[0] for s in (1, -1))
        assert (up - down) / 2 == pytest.approx((gradient[name] * step).sum().item(), rel=1e-4, abs=1e-13)


def test_several_runs_are_as_many_single_ones(drawn_weights: Draw) -> None:
    """Splits of different sizes, so that a batch has to pad."""
    runs = [replace(BASE, seed=seed, train_frac=frac, lr=0.0) for seed, frac in ((0, 0.5), (1, 0.3))]
    drawn = [drawn_weights(shape_of(c), seed=c.seed) for c in runs]
    for engine in ("numba", "batched", "reference"):
        together = [Parameters(c, w, CPU) for c, w in zip(runs, drawn, strict=True)]
        pairs = [(p, train_pairs(c)) for p, c in zip(together, runs, strict=True)]
        losses = make_trainer(engine, pairs, 2).advance(2)
        assert losses.shape == (2, 2)
        for r, config in enumerate(runs):
            loss, expected = exact_gradient(config, drawn[r])
            assert losses[:, r] == pytest.approx([loss, loss], rel=1e-6)
            assert max(errors(together[r].gradient, expected).values()) <= TOLERANCE
            assert together[r].n_updates == 2


# The update


def test_the_first_update_is_that_of_adamw_by_hand(drawn_weights: Draw) -> None:
    """Bias-corrected moments of one gradient g are g and g², so the step is lr · g / (|g| + eps)."""
    config = replace(BASE, lr=0.01, weight_decay=0.5)
    weights = drawn_weights(shape_of(config))
    parameters = Parameters(config, weights, CPU)
    make_trainer("reference", [(parameters, train_pairs(config))]).advance(1)
    for name, g in exact_gradient(config, weights)[1].items():
        expected = weights[name].double() * (1 - 0.01 * 0.5) - 0.01 * g / (g.abs() + 1e-8)
        settled = g.abs() > 1e-5  # below, float32 may not know the sign
        np.testing.assert_allclose(parameters.weights[name].double()[settled], expected[settled], atol=1e-5)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_compiled_updates_are_those_of_torch_adamw(threads: int, drawn_weights: Draw) -> None:
    """From the same weights and gradients, over a warm-up and beyond, also for moments of before."""
    config = replace(BASE, lr=0.01, weight_decay=0.7, warmup=3, betas=(0.8, 0.95))
    compiled, torch_s = (Parameters(config, drawn_weights(shape_of(config)), CPU) for _ in range(2))
    pairs = train_pairs(config)
    trainer = make_trainer("numba", [(compiled, pairs)], threads)
    for _ in range(7):
        trainer.advance(1)
        torch_s.flat_gradient.copy_(compiled.flat_gradient)
        torch_s.update()
        assert torch_s.n_updates == compiled.n_updates
        # Beside what was there before: a small difference of large numbers keeps few digits.
        torch.testing.assert_close(compiled.flat, torch_s.flat, rtol=2e-6, atol=2e-7)
        for moment, ours in compiled.flat_state.items():
            theirs = torch_s.flat_state[moment]
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6 * float(theirs.abs().max()))
        torch_s.load(compiled.weights, compiled.optimiser_state(), compiled.n_updates)


@pytest.mark.parametrize("threads", [1, 2])
def test_updates_made_together_are_those_made_one_by_one(threads: int, drawn_weights: Draw) -> None:
    config = replace(BASE, lr=0.01)
    together, apart = (Parameters(config, drawn_weights(shape_of(config)), CPU) for _ in range(2))
    pairs = train_pairs(config)
    losses = make_trainer("numba", [(together, pairs)], threads).advance(5)
    one_by_one = make_trainer("numba", [(apart, pairs)], threads)
    assert np.array_equal(losses, np.concatenate([one_by_one.advance(1) for _ in range(5)]))
    assert torch.equal(together.flat, apart.flat)
    assert all(torch.equal(together.flat_state[moment], flat) for moment, flat in apart.flat_state.items())


def test_warm_up_starts_from_rate_zero(drawn_weights: Draw) -> None:
    """min(step / 4, 1) with steps counted from 0; Adam's step is about the rate itself."""
    config = replace(BASE, lr=0.01, weight_decay=0.0, warmup=4, betas=(0.0, 0.0))
    parameters = Parameters(config, drawn_weights(shape_of(config)), CPU)
    trainer = make_trainer("reference", [(parameters, train_pairs(config))])
    for rate in (0.0, 0.0025, 0.005, 0.0075, 0.01, 0.01):
        before = parameters.flat.clone()
        trainer.advance(1)
        # With both betas zero every step is lr · g / (|g| + eps).
        step = (parameters.flat - before).abs().max().item()
        assert step == pytest.approx(rate, rel=1e-3, abs=1e-9)


# Which engine


def test_the_fastest_engine_that_applies_is_taken(drawn_weights: Draw) -> None:
    for name, config in ALL.items():
        parameters = Parameters(config, drawn_weights(shape_of(config)), CPU)
        assert choose_engine("auto", parameters) == ("numba" if name in FOLDABLE else "batched")
        assert choose_engine("reference", parameters) == "reference"
        if name in OTHERS:
            with pytest.raises(UserError, match="neither layer norm nor GELU nor extra biases"):
                choose_engine("numba", parameters)


def test_unknown_engines_and_devices_are_refused(drawn_weights: Draw) -> None:
    parameters = Parameters(BASE, drawn_weights(shape_of(BASE)), CPU)
    with pytest.raises(UserError, match=r"unknown engine 'fast'.*numba"):
        choose_engine("fast", parameters)
    for device in ("tpu", "gpu", "", "mps:0"):
        with pytest.raises(UserError, match=r"unknown device.*cuda:N"):
            choose_device(device)
    assert choose_device("cpu") == CPU


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:9"])
def test_a_gpu_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(UserError, match="not available"):
        choose_device(device)
