"""Optimisers, filters, losses and the norm clamp together: on every engine, to the bit after a stop."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from grokking.config import RunConfig, differing_keys
from grokking.engines.choose import ENGINES, choose_engine, make_trainer
from grokking.engines.parameters import Parameters
from grokking.errors import UserError
from grokking.from_config import initial_weights, n_state_numbers_of, shape_of, state_sizes_of
from grokking.gradient_filters import GRADIENT_FILTERS
from grokking.losses import LOSSES
from grokking.optim import OPTIMISERS
from grokking.optim.base import n_numbers
from grokking.storage.run_directory import RunDirectory
from grokking.sweep.grid import run_name
from grokking.training import disk_check
from grokking.training.loop import Execution, Job, train
from tests.training.exact import train_pairs

Contents = Callable[[Path], dict[str, bytes]]
CPU = torch.device("cpu")
METHODS: dict[str, dict[str, object]] = {
    "adam_l2": {"optimiser": "adam_l2"},
    "sgd": {"optimiser": "sgd", "norm_clamp": 9.0},
    "lion ⊥grad": {"optimiser": "lion", "gradient_filter": "orthogonal"},
    "muon ema stablemax": {"optimiser": "muon", "gradient_filter": "grokfast_ema", "loss": "stablemax"},
    "egalitarian ma": {"optimiser": "egalitarian", "gradient_filter": "grokfast_ma", "filter_window": 7},
    "adamw ma clamp": {"gradient_filter": "grokfast_ma", "filter_window": 7, "norm_clamp": 9.0},
}
BY_NAME = pytest.mark.parametrize("method", METHODS)


def config_of(tiny: RunConfig, method: str, **changes: object) -> RunConfig:
    kept = ("p", "d_model", "n_heads", "d_mlp", "train_frac", "n_epochs", "log_every", "checkpoint_every")
    return RunConfig(**({name: getattr(tiny, name) for name in kept} | METHODS[method] | changes))


def test_the_methods_cover_every_entry() -> None:
    used = {str(value) for options in METHODS.values() for value in options.values()}
    for registry in (OPTIMISERS, GRADIENT_FILTERS, LOSSES):
        assert set(registry.names()) - {"adamw", "none", "cross_entropy"} <= used


@BY_NAME
def test_the_compiled_gradient_serves_it(method: str, tiny_config: RunConfig) -> None:
    """Three updates by each engine end at the same weights, but for rounding."""
    config, found = config_of(tiny_config, method, lr=1e-3, warmup=2), {}
    for engine in ENGINES:
        parameters = Parameters(config, initial_weights(config), CPU)
        make_trainer(engine, [(parameters, train_pairs(config))], 1).advance(3)
        found[engine] = parameters
    assert choose_engine("auto", found["numba"]) == "numba"
    assert not torch.equal(found["numba"].flat, Parameters(config, initial_weights(config), CPU).flat)
    for parameters in found.values():
        # A sign may turn, and a direction of almost no gradient, where gradients differ by rounding.
        apart = (parameters.flat - found["reference"].flat).abs() > 2e-5
        assert float(apart.float().mean()) < 0.02
        if clamp := config.norm_clamp:
            assert float(parameters.flat.norm()) == pytest.approx(clamp, rel=1e-5)


@pytest.mark.slow
@BY_NAME
@pytest.mark.parametrize("engine", ENGINES)
def test_a_resumed_run_is_the_straight_one(
    engine: str,
    method: str,
    tiny_config: RunConfig,
    train_run: Callable[..., Path],
    tmp_path: Path,
    results: Contents,
) -> None:
    config = config_of(tiny_config, method, n_epochs=40)
    straight = train_run(config, tmp_path / "straight", engine=engine, threads=1)
    for n_epochs in (20, 40):
        train_run(replace(config, n_epochs=n_epochs), tmp_path / "resumed", engine=engine, threads=1)
    assert results(tmp_path / "resumed") == results(straight)
    last = RunDirectory(straight).load(40)
    expected = {f"{s}.{key}": size for s, of in state_sizes_of(config).items() for key, size in of.items()}
    assert {key: tuple(t.shape) for key, t in last.optimiser.items()} == expected


@pytest.mark.slow
@BY_NAME
def test_seeds_train_together(method: str, tiny_config: RunConfig, tmp_path: Path, results: Contents) -> None:
    """On the replica axis: resumed to the same bits, and near what each seed is alone."""
    configs = [config_of(tiny_config, method, n_epochs=30, seed=seed, lr=1e-3) for seed in (3, 4)]

    def trained(folder: str, wanted: list[RunConfig]) -> list[Path]:
        paths = [tmp_path / folder / str(c.seed) for c in wanted]
        jobs = [Job(c, RunDirectory(path)) for c, path in zip(wanted, paths, strict=True)]
        train(jobs, Execution(engine="batched", threads=1), shown=False)
        return paths

    straight = trained("straight", configs)
    trained("resumed", [replace(c, n_epochs=10) for c in configs])
    for one, other in zip(straight, trained("resumed", configs), strict=True):
        assert results(one) == results(other)
    for config, path in zip(configs, straight, strict=True):
        (alone,) = trained("alone", [config])
        mine, its = (RunDirectory(each).history()["train_loss"] for each in (path, alone))
        assert mine == pytest.approx(its, rel=5e-3)


def test_a_record_names_only_what_is_not_as_it_was(tiny_config: RunConfig) -> None:
    """Config.json of a run with the defaults has the keys that it always had."""
    late = {"gradient_filter", "loss", "norm_clamp"}
    assert not late & set(tiny_config.as_dict())
    assert RunConfig.from_dict(tiny_config.as_dict()) == tiny_config
    for method in METHODS:
        config = config_of(tiny_config, method)
        record = json.loads(json.dumps(config.as_dict()))
        assert RunConfig.from_dict(record) == config
        assert differing_keys(config, tiny_config)
    named = RunConfig(optimiser="muon", gradient_filter="grokfast_ema", loss="stablemax")
    words = "optimiser=muon_train_frac=0.3_gradient_filter=grokfast_ema_loss=stablemax"
    assert run_name(named) == f"p=113_{words}_seed=0"


def test_an_option_of_another_filter_is_refused() -> None:
    with pytest.raises(UserError, match="filter_window is 7, but with .* means nothing.*grokfast_ma"):
        RunConfig(filter_window=7)
    with pytest.raises(UserError, match="gradient filter 'grokfast_ema'.* means nothing"):
        RunConfig(gradient_filter="grokfast_ema", filter_window=7)
    with pytest.raises(UserError, match="unknown gradient filter 'slow'; known: none, grokfast_ema"):
        RunConfig(gradient_filter="slow")
    with pytest.raises(UserError, match="unknown loss 'mse'; known: cross_entropy, stablemax"):
        RunConfig(loss="mse")


def test_estimates_count_what_the_filter_remembers(tiny_config: RunConfig) -> None:
    n = n_numbers(shape_of(tiny_config).parameter_shapes())
    config = replace(tiny_config, gradient_filter="grokfast_ma", filter_window=7)
    assert n_state_numbers_of(config) == n_state_numbers_of(tiny_config) + 9 * n
    more = disk_check.bytes_of_run(config) - disk_check.bytes_of_run(tiny_config)
    assert more == 3 * 4 * 9 * n


def test_a_history_says_when_a_run_diverged(tiny_config: RunConfig, tmp_path: Path) -> None:
    config = replace(tiny_config, lr=1e30, n_epochs=20)
    with pytest.raises(UserError, match="diverged: the train loss is not finite at epoch 1"):
        train([Job(config, RunDirectory(tmp_path / "run"))], Execution(threads=1), shown=False)
    assert RunDirectory(tmp_path / "run").history()["diverged_epoch"] == 1


def test_a_filter_s_state_that_is_not_finite_is_named(tiny_config: RunConfig) -> None:
    config = replace(tiny_config, gradient_filter="grokfast_ema")
    parameters = Parameters(config, initial_weights(config), CPU)
    assert parameters.not_finite() is None
    parameters.state["filter_mean"]["W_E"][1, 1] = float("nan")
    assert parameters.not_finite() == "grokfast_ema's mean"
