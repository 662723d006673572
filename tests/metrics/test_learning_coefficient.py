"""The sampler on quadratics, whose stationary distribution is known in closed form."""

import numpy as np
import pytest
import torch

from grokking.errors import UserError
from grokking.metrics.learning_coefficient import SamplerSettings, local_learning_coefficient

N = 1000


def expected(curvatures: torch.Tensor, settings: SamplerSettings) -> float:
    """Of ½ Σ h w²: with a = nβh + γ, a step scales w by 1 - εa/2, so its variance settles at 1 / (a (1 -
    εa/4))."""
    scale = settings.n_beta(N)
    a = scale * curvatures + settings.localisation
    return float((scale * curvatures / (2 * a * (1 - settings.step_size * a / 4))).sum())


def test_a_quadratic_has_half_its_curved_directions() -> None:
    """40 of 45 directions are curved."""
    curvatures = torch.cat([torch.linspace(1.0, 3.0, 40), torch.zeros(5)]).double()
    settings = SamplerSettings(chains=2, steps=1200, burn_in=200, step_size=1e-3, localisation=1.0)
    start = torch.ones(len(curvatures), dtype=torch.float64)

    def loss(w: torch.Tensor) -> torch.Tensor:
        return 0.25 + (curvatures * (w - start).square()).sum() / 2

    found = local_learning_coefficient(loss, start, N, settings)
    assert found.value == pytest.approx(expected(curvatures, settings), rel=0.07)
    assert found.value == pytest.approx(20, rel=0.12)  # γ and ε move it a little
    assert found.loss == 0.25
    assert found.trace.shape == (2, 1200)
    assert found.standard_error < 1
    assert found.value == np.mean(found.by_chain)


def test_settings_that_no_sampler_can_have() -> None:
    with pytest.raises(UserError, match="chains is 1; accepted: 2 or more"):
        SamplerSettings(chains=1)
    with pytest.raises(UserError, match="burn_in is 400; accepted: 0 to 399"):
        SamplerSettings(burn_in=400)
    assert SamplerSettings(beta=0.5).n_beta(10) == 5
    assert SamplerSettings().n_beta(10) == pytest.approx(10 / np.log(10))


def test_a_chain_that_diverges_names_its_step() -> None:
    start = torch.ones(3, dtype=torch.float64)
    with pytest.raises(UserError, match="step_size is 100.0; accepted: a smaller one: a chain diverged"):
        local_learning_coefficient(
            lambda w: w.square().square().sum(),
            start,
            N,
            SamplerSettings(steps=30, burn_in=0, step_size=100.0),
        )
