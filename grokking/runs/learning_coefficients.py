"""Local learning coefficients of some checkpoints of a run, with every setting of the sampler."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from grokking.metrics.flat_loss import flat_weights, train_loss
from grokking.metrics.learning_coefficient import (
    LearningCoefficient,
    SamplerSettings,
    local_learning_coefficient,
)
from grokking.progress_bar import shown
from grokking.runs.run import Run

DIGITS = 6


@dataclass(frozen=True)
class OverCheckpoints:
    """Of one run. found: by epoch, in their order."""

    run: Run
    settings: SamplerSettings
    found: Mapping[int, LearningCoefficient]

    def record(self) -> dict[str, Any]:
        """JSON-ready: the run's config, the sampler's settings, and lists aligned with ``"epochs"``."""
        estimates = list(self.found.values())
        return {
            "config": self.run.config.as_dict(),
            "sampler": asdict(self.settings) | {"n_beta": self.settings.n_beta(estimates[0].n)},
            "train_pairs": estimates[0].n,
            "epochs": list(self.found),
            "learning_coefficient": [e.value for e in estimates],
            "standard_error": [e.standard_error for e in estimates],
            "by_chain": [e.by_chain.tolist() for e in estimates],
            "train_loss": [e.loss for e in estimates],
            "trace": [[[_short(x) for x in chain] for chain in e.trace] for e in estimates],
        }

    def table(self) -> str:
        """The settings in a line, then a line per checkpoint."""
        first = next(iter(self.found.values()))
        settings = ", ".join(f"{name} {value:g}" for name, value in asdict(self.settings).items())
        lines = [
            f"{self.run.name}: {settings}; n {first.n}, n·beta {self.settings.n_beta(first.n):.4g}",
            f"{'epoch':>8}  {'coefficient':>12}  {'std. error':>10}  {'train loss':>10}  by chain",
        ]
        for epoch, e in self.found.items():
            chains = " ".join(f"{value:.4g}" for value in e.by_chain)
            lines.append(
                f"{epoch:>8}  {e.value:>12.4g}  {e.standard_error:>10.2g}  {e.loss:>10.3g}  {chains}"
            )
        return "\n".join(lines)


def over_checkpoints(run: Run, epochs: Sequence[int], settings: SamplerSettings) -> OverCheckpoints:
    """λ̂ at each of the epochs.

    Raises UserError for an epoch without a checkpoint, and where the split is unknown.
    """
    split = run.known_split
    for epoch in epochs:
        run.weights(epoch)  # all are there before the first is sampled
    found = {}
    for epoch in shown(list(epochs), f"{run.name}: learning coefficients"):
        acts = run.observe(epoch)
        loss = train_loss(acts, split)
        found[epoch] = local_learning_coefficient(loss, flat_weights(acts), len(split.train), settings)
    return OverCheckpoints(run, settings, found)


def spread_epochs(epochs: Sequence[int], how_many: int) -> list[int]:
    """About evenly chosen ones of a run's epochs, with the first and the last.

    >>> spread_epochs([0, 10, 20, 30, 40], 3)
    [0, 20, 40]
    """
    if how_many >= len(epochs):
        return list(epochs)
    if how_many == 1:
        return [epochs[-1]]
    return [epochs[round(i * (len(epochs) - 1) / (how_many - 1))] for i in range(how_many)]


def _short(x: float) -> float:
    return float(f"{x:.{DIGITS}g}")
