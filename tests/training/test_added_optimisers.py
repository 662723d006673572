"""An optimiser added from outside the package trains on every engine, resumes, and trains seeds together."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.engines.choose import ENGINES, choose_engine, make_trainer
from grokking.engines.parameters import Parameters
from grokking.from_config import initial_weights, shape_of
from grokking.optim import OPTIMISERS
from grokking.optim.base import OptimiserOptions, n_state_numbers, state_sizes
from grokking.storage.run_directory import RunDirectory
from grokking.training import disk_check, memory_check
from grokking.training.loop import Execution, Job, train
from tests import preloaded
from tests.training.exact import exact_gradient, train_pairs

Contents = Callable[[Path], dict[str, bytes]]
CPU = torch.device("cpu")
SIGN, ROWS = "sign_sgd", "row_scaled"


class RowScaled:
    """Not elementwise, with state of another shape: every row by its root mean square so far, and momentum
    for matrices alone."""

    name = ROWS
    options = OptimiserOptions
    elementwise = False

    def state_shapes(self, name: str, size: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        return {"row_sq": (*size[:-1], 1)} | ({"momentum": size} if len(size) > 1 else {})

    def step(
        self,
        weights: Mapping[str, Tensor],
        gradients: Mapping[str, Tensor],
        state: Mapping[str, Mapping[str, Tensor]],
        options: OptimiserOptions,
        lr: float | Tensor,
        n_updates: int | Tensor,
    ) -> None:
        for name, w in weights.items():
            g, row_sq = gradients[name], state["row_sq"][name]
            row_sq.mul_(0.9).add_(0.1 * g.square().mean(-1, keepdim=True))
            if name in state["momentum"]:
                g = state["momentum"][name].mul_(0.8).add_(g)
            correction = 1 - 0.9 ** (n_updates + 1)
            w.mul_(1 - lr * options.weight_decay)
            w.sub_(lr * g / ((row_sq / correction).sqrt() + 1e-12))


@pytest.fixture(autouse=True)
def _added() -> Iterator[None]:
    OPTIMISERS.names()  # the registry's own search comes first, as in any program
    OPTIMISERS.register(import_module("tests.training.sign_sgd").ENTRY)
    OPTIMISERS.register(RowScaled())
    yield
    for name in (SIGN, ROWS):
        OPTIMISERS.unregister(name)


def with_optimiser(config: RunConfig, name: str, **changes: object) -> RunConfig:
    record = {k: v for k, v in config.as_dict().items() if k != "betas"}
    return RunConfig.from_dict(record | {"optimiser": name, "lr": 3e-3} | changes)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_is_the_one_worked_out_by_hand(engine: str, tiny_config: RunConfig) -> None:
    """Every weight w becomes 0.9 w ± 0.1, where the exact gradient is not next to nothing."""
    config = with_optimiser(tiny_config, SIGN, lr=0.1, weight_decay=1.0)
    weights = initial_weights(config)
    parameters = Parameters(config, weights, CPU)
    make_trainer(engine, [(parameters, train_pairs(config))], 1).advance(1)
    assert parameters.n_updates == 1
    for name, g in exact_gradient(config, weights)[1].items():
        clear = g.abs() > 1e-6
        assert clear.any()
        expected = 0.9 * weights[name].double() - 0.1 * g.sign()
        torch.testing.assert_close(
            parameters.weights[name].double()[clear], expected[clear], rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("name", [SIGN, ROWS])
def test_the_fastest_engine_serves_it(name: str, tiny_config: RunConfig) -> None:
    config = with_optimiser(tiny_config, name)
    parameters = Parameters(config, initial_weights(config), CPU)
    assert choose_engine("auto", parameters) == "numba"


@pytest.mark.parametrize("threads", [1, 2])
def test_the_gradient_handed_over_is_that_of_the_compiled_updates(
    threads: int, tiny_config: RunConfig
) -> None:
    """AdamW as it is, and the same entry without its compiled step: the gradients agree to the bit."""
    given = Parameters(tiny_config, initial_weights(tiny_config), CPU)
    compiled = Parameters(tiny_config, initial_weights(tiny_config), CPU)
    given.optimiser = with_no_compiled_step()
    pairs = train_pairs(tiny_config)
    losses = make_trainer("numba", [(given, pairs)], threads).advance(1)
    assert losses == make_trainer("numba", [(compiled, pairs)], threads).advance(1)
    assert torch.equal(given.flat_gradient, compiled.flat_gradient)
    torch.testing.assert_close(given.flat, compiled.flat, rtol=2e-6, atol=2e-7)


def with_no_compiled_step() -> object:
    class Plain(type(OPTIMISERS.get("adamw"))):  # type: ignore[misc]
        compiled_step = ""

    return Plain()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [SIGN, ROWS])
def test_a_resumed_run_is_the_straight_one(
    engine: str,
    name: str,
    tiny_config: RunConfig,
    train_run: Callable[..., Path],
    tmp_path: Path,
    results: Contents,
) -> None:
    config = with_optimiser(tiny_config, name, warmup=45)
    straight = train_run(config, tmp_path / "straight", engine=engine, threads=1)
    resumed = tmp_path / "resumed"
    for n_epochs in (30, config.n_epochs):
        train_run(replace(config, n_epochs=n_epochs), resumed, engine=engine, threads=1)
    assert results(resumed) == results(straight)
    first, last = (RunDirectory(straight).load(epoch) for epoch in (0, config.n_epochs))
    assert set(last.optimiser) == set(Parameters(config, last.weights, CPU).optimiser_state())
    assert not torch.equal(first.weights["W_E"], last.weights["W_E"])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [SIGN, ROWS])
def test_seeds_train_together(
    engine: str, name: str, tiny_config: RunConfig, tmp_path: Path, results: Contents
) -> None:
    """Interrupted and resumed together to the same bits; and close to what each seed is alone."""
    base = with_optimiser(tiny_config, name, n_epochs=30)
    configs = [replace(base, seed=seed) for seed in (3, 4)]

    def train_into(folder: Path, wanted: list[RunConfig]) -> list[Path]:
        paths = [folder / str(config.seed) for config in wanted]
        jobs = [Job(c, RunDirectory(path)) for c, path in zip(wanted, paths, strict=True)]
        train(jobs, Execution(engine=engine, threads=1), shown=False)
        return paths

    straight = train_into(tmp_path / "straight", configs)
    train_into(tmp_path / "resumed", [replace(config, n_epochs=10) for config in configs])
    resumed = train_into(tmp_path / "resumed", configs)
    for config, one, other in zip(configs, straight, resumed, strict=True):
        assert results(one) == results(other)
        (alone,) = train_into(tmp_path / "alone", [config])
        mine, its = (RunDirectory(path).history()["train_loss"] for path in (one, alone))
        assert mine == pytest.approx(its, rel=1e-3)


def test_estimates_count_the_state_of_the_optimiser(tiny_config: RunConfig) -> None:
    sizes = shape_of(tiny_config).parameter_shapes()
    n = sum(torch.Size(size).numel() for size in sizes.values())
    counted = {name: n_state_numbers(OPTIMISERS.get(name), sizes) for name in ("adamw", SIGN, ROWS)}
    rows = sum(torch.Size(size[:-1]).numel() for size in sizes.values())
    biases = tiny_config.d_mlp + tiny_config.d_model
    assert counted == {"adamw": 2 * n, SIGN: 0, ROWS: n - biases + rows}
    other = with_optimiser(tiny_config, SIGN)
    memory = [memory_check.bytes_of_run(c, "numba") for c in (tiny_config, other)]
    assert memory[0] - memory[1] == 4 * 2 * n
    assert disk_check.bytes_of_run(tiny_config) - disk_check.bytes_of_run(other) == 3 * 4 * 2 * n


def test_an_elementwise_optimiser_has_state_like_its_parameters() -> None:
    class Wrong(RowScaled):
        elementwise = True

    with pytest.raises(ValueError, match="row_scaled is elementwise, so its row_sq"):
        state_sizes(Wrong(), {"W": (2, 3)})


def test_a_state_that_is_not_finite_is_named(tiny_config: RunConfig) -> None:
    config = with_optimiser(tiny_config, ROWS)
    parameters = Parameters(config, initial_weights(config), CPU)
    assert parameters.not_finite() is None
    parameters.state["momentum"]["W_E"][1, 1] = float("nan")
    assert parameters.not_finite() == "row_scaled's momentum"


def test_a_plugin_file_serves_the_command_line(tiny_flags: list[str], root: Path, tmp_path: Path) -> None:
    command = ["train", *tiny_flags, "--output_dir", str(tmp_path)]
    command += ["--run_name", "signs", "--optimiser", SIGN, "--dead_zone", "1e-7", "--threads", "1"]
    plugins = str(root / "tests" / "training" / "sign_sgd.py")
    for n_epochs in ("30", "60"):
        ended = preloaded.run([*command, "--n_epochs", n_epochs], root, GROKKING_PLUGINS=plugins)
        assert ended.returncode == 0, ended.stderr
    record = json.loads((tmp_path / "signs" / "config.json").read_text())
    assert record["config"]["optimiser"] == SIGN
    assert record["config"]["dead_zone"] == 1e-7
    assert "betas" not in record["config"]
    directory = RunDirectory(tmp_path / "signs")
    assert directory.history()["epochs"][-1] == directory.epochs()[-1] == 60
