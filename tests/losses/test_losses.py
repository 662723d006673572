"""StableMax by hand, and both losses on every engine: value and gradient agree."""

import math
from dataclasses import replace

import pytest
import torch

from grokking.config import RunConfig
from grokking.engines.choose import ENGINES, choose_engine, make_trainer
from grokking.engines.numba.compiling import from_python
from grokking.engines.numba.losses import stablemax
from grokking.engines.parameters import Parameters
from grokking.errors import UserError
from grokking.from_config import initial_weights
from grokking.losses import LOSSES
from tests.training.exact import engine_gradient, train_pairs


def test_stablemax_by_hand() -> None:
    """s of 3, 0, -1 and -3 is 4, 1, 1/2 and 1/4."""
    logits = torch.tensor([[3.0, 0.0, -1.0, -3.0]] * 2, dtype=torch.float64)
    entry = LOSSES.get("stablemax")
    found = entry.per_pair(logits, torch.tensor([0, 3]), entry.options())
    assert found.tolist() == pytest.approx([-math.log(4 / 5.75), -math.log(0.25 / 5.75)])


def test_the_gradient_of_an_easy_pair_does_not_vanish() -> None:
    """Where the softmax of float64 is exactly 1, StableMax still has a slope of 1/s - 1/Σ s."""
    logits = torch.tensor([[800.0, 0.0]], dtype=torch.float64, requires_grad=True)
    for name, expected in (("cross_entropy", 0.0), ("stablemax", 1 / 802 - 1 / 801)):
        entry = LOSSES.get(name)
        loss = entry.per_pair(logits, torch.tensor([0]), entry.options()).sum()
        assert torch.autograd.grad(loss, logits)[0][0, 0].item() == pytest.approx(expected, rel=1e-12)


def test_the_compiled_stablemax_is_the_readable_one() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = (4 * torch.randn(20, 9, generator=generator)).requires_grad_()
    answers = torch.randint(0, 7, (20,), generator=generator)
    entry = LOSSES.get("stablemax")
    loss = 0.25 * entry.per_pair(logits[:, 1:8].double(), answers, entry.options()).sum()
    gradient = torch.autograd.grad(loss, logits)[0]
    out = torch.zeros(20, 9)
    value = from_python(stablemax)(logits.detach().numpy(), slice(1, 8), answers.numpy(), 0.25, out.numpy())
    assert value == pytest.approx(loss.item(), rel=1e-12)
    torch.testing.assert_close(out, gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_trains_with_stablemax(engine: str, tiny_config: RunConfig) -> None:
    config = replace(tiny_config, loss="stablemax")
    weights = initial_weights(config)
    loss, gradient = engine_gradient(engine, config, weights, 1)
    exact, expected = engine_gradient("reference", config, weights, 1)
    assert loss == pytest.approx(exact, rel=1e-6)
    for name, g in expected.items():
        torch.testing.assert_close(gradient[name], g, rtol=1e-3, atol=1e-6)
    assert loss != engine_gradient(engine, tiny_config, weights, 1)[0]


def test_runs_with_different_losses_make_one_batch(tiny_config: RunConfig) -> None:
    configs = [tiny_config, replace(tiny_config, loss="stablemax"), replace(tiny_config, seed=1)]
    runs = [(Parameters(c, initial_weights(c), torch.device("cpu")), train_pairs(c)) for c in configs]
    together = make_trainer("batched", runs, 1).advance(1)[0]
    alone = [engine_gradient("batched", c, initial_weights(c), 1)[0] for c in configs]
    assert together.tolist() == pytest.approx(alone, rel=1e-6)


class Hinge:
    """A loss that no engine has compiled."""

    name, options = "hinge", type(LOSSES.get("stablemax").options())

    def per_pair(self, logits: torch.Tensor, answers: torch.Tensor, options: object) -> torch.Tensor:
        return torch.nn.functional.multi_margin_loss(logits, answers, reduction="none")


def test_a_loss_that_is_not_compiled_trains_by_autograd(tiny_config: RunConfig) -> None:
    LOSSES.register(Hinge())
    try:
        config = replace(tiny_config, loss="hinge")
        parameters = Parameters(config, initial_weights(config), torch.device("cpu"))
        assert choose_engine("auto", parameters) == "batched"
        with pytest.raises(
            UserError, match="engine numba .*the loss hinge is not compiled; use --engine auto"
        ):
            choose_engine("numba", parameters)
        first = make_trainer("batched", [(parameters, train_pairs(config))], 1).advance(20)
        assert first[-1, 0] < first[0, 0]
    finally:
        LOSSES.unregister("hinge")
