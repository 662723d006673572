"""The local learning coefficient by stochastic gradient Langevin dynamics (definitions, "Local learning
coefficient").

λ̂ = nβ (E[L] - L(w*)) with the mean over samples of exp(-nβ L(w) - γ/2 |w - w*|²) near the weights w*
(Lau et al. 2023, arXiv 2308.12108): half the number of directions in which the loss rises as a square,
fewer where it is flatter. The estimate depends on every setting of the sampler, so all of them belong to it.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64

from grokking.config_fields import require
from grokking.metrics.flat_loss import FlatLoss, Vector, value_and_gradient


@dataclass(frozen=True)
class SamplerSettings:
    """Of the sampler. Every step takes the gradient of all train pairs.

    chains: independent ones, each from w*.  steps: of each.  burn_in: of these, how many are left out.
    step_size: ε.  localisation: γ.  beta: inverse temperature, 0 for 1 / ln n.  seed: of the noise.

    Raises UserError, naming the setting.
    """

    chains: int = 4
    steps: int = 400
    burn_in: int = 100
    step_size: float = 1e-5
    localisation: float = 100.0
    beta: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check all settings."""
        require(self.chains >= 2, "chains", self.chains, "2 or more, so that they can be compared")
        require(self.steps >= 2, "steps", self.steps, "2 or more")
        require(0 <= self.burn_in < self.steps, "burn_in", self.burn_in, f"0 to {self.steps - 1}")
        for name in ("step_size", "localisation"):
            require(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        require(self.beta >= 0, "beta", self.beta, "0, for 1 / ln n, or above")

    def n_beta(self, n: int) -> float:
        """nβ for n train pairs."""
        return n * self.beta if self.beta else n / math.log(n)


@dataclass(frozen=True)
class LearningCoefficient:
    """An estimate.

    value: λ̂, mean over chains.  by_chain: float64 [chains].  trace: loss, nats, before every step of
    every chain, float64 [chains, steps].  loss: L(w*).  n: train pairs.
    """

    value: float
    by_chain: Float64[np.ndarray, "chains"]
    trace: Float64[np.ndarray, "chains steps"]
    loss: float
    n: int

    @property
    def standard_error(self) -> float:
        """Of the mean over chains."""
        return float(self.by_chain.std(ddof=1) / len(self.by_chain) ** 0.5)


def local_learning_coefficient(
    loss: FlatLoss, weights: Vector, n: int, settings: SamplerSettings = SamplerSettings()
) -> LearningCoefficient:
    """λ̂ of a mean loss over n pairs at ``weights``; negative where the sampler finds lower losses nearby.

    Raises UserError if a chain leaves the finite numbers.
    """
    scale = settings.n_beta(n)
    trace = np.stack([_chain(loss, weights, scale, settings, i) for i in range(settings.chains)])
    require(
        bool(np.isfinite(trace).all()), "step_size", settings.step_size, "a smaller one: a chain diverged"
    )
    at_weights = float(loss(weights))
    by_chain = scale * (trace[:, settings.burn_in :].mean(axis=1) - at_weights)
    return LearningCoefficient(float(by_chain.mean()), by_chain, trace, at_weights, n)


def _chain(
    loss: FlatLoss, weights: Vector, scale: float, settings: SamplerSettings, chain: int
) -> Float64[np.ndarray, "steps"]:
    """Losses before each step: w ← w - ε/2 (nβ ∇L + γ (w - w*)) + √ε noise."""
    generator = torch.Generator().manual_seed(settings.seed * 1000 + chain)
    w, losses = weights.clone(), np.empty(settings.steps)
    for t in range(settings.steps):
        noise = torch.randn(len(w), generator=generator, dtype=w.dtype)
        losses[t], slope = value_and_gradient(loss, w)
        pull = scale * slope + settings.localisation * (w - weights)
        w = w - settings.step_size / 2 * pull + settings.step_size**0.5 * noise
    return losses
