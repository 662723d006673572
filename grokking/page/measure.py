"""What the page shows of one operation of a run, step by step; every number by ``grokking.metrics``."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from grokking.engines import lookup
from grokking.errors import UserError
from grokking.films.kinds.sine import spread_out
from grokking.metrics.fixed_frequency_fit import fixed_sinusoids
from grokking.metrics.logits import GroupLogits
from grokking.metrics.neurons import fit_sinusoids, mean_by_answer
from grokking.metrics.spectra2d import energy_spectrum
from grokking.page.hidden_circuit import WavesOnly, votes, waves_only
from grokking.progress_bar import shown
from grokking.runs.run import Run
from grokking.runs.view import RunView, all_views
from grokking.tasks.pairs import GroupGrid

MAX_STEPS = 54
SAMPLES_PER_ANSWER = 8
"""Pairs of each answer whose single activations are shown, of n there are."""


def page_views(run: Run) -> list[RunView]:
    """Every operation of a run, in the order of its task.

    Raises UserError where each has operand tokens of its own, which the page's network cannot read, and for
    a group that is not cyclic.
    """
    run.need_shared_tokens("the page")
    lookup.require(run.shape, "the page")
    views = all_views(run)
    for view in views:
        view.need_circles()
    return views


def choose_steps(epochs: Sequence[int], most: int = MAX_STEPS, imported: bool = False) -> list[int]:
    """At most ``most`` of the epochs, evenly by rank, so that they stay dense where things change.

    imported: whether the run was, so that it cannot be trained.  Raises UserError for fewer than two: a
    clock needs something to run over.
    """
    if len(epochs) < 2:
        more = "import a folder with files of several epochs" if imported else "train it further"
        raise UserError(
            f"the run has checkpoints of {len(epochs)} epoch only; two or more are needed: {more}"
        )
    at = np.unique(np.round(np.linspace(0, len(epochs) - 1, min(most, len(epochs)))).astype(int))
    return [epochs[i] for i in at]


@dataclass(frozen=True)
class Measured:
    """The numbers of an operation at E steps; group order n, m neurons chosen, S sampled pairs.

    neurons, frequencies: int64 [m], the neurons shown and their frequencies in the final model.
    pairs: int64 [S], rows of the grid.  steps: of each step, what ``StepMeasures`` says.
    """

    neurons: np.ndarray
    frequencies: np.ndarray
    pairs: np.ndarray
    steps: "tuple[StepMeasures, ...]"

    def stacked(self, name: str) -> np.ndarray:
        """A field of all steps, the step first."""
        return np.array([getattr(step, name) for step in self.steps])

    def pairs_ab(self) -> np.ndarray:
        """Group indices of the sampled pairs, int64 [S, 2]; S is n · samples per answer, by answer."""
        return np.stack(np.divmod(self.pairs, len(self.steps[0].means)), axis=1)


@dataclass(frozen=True)
class StepMeasures:
    """One step.

    means: float64 [n, m], m_j[s].  own: int64 [m], the frequency that fits each neuron best at this step, 0
    where it is dead.  sines: [m, 4], offset, cosine, sine, R² (NaN where dead) at that frequency.
    samples: [m, S] activations.  r2: [d_mlp], best R² per neuron, NaN where dead.
    strength: their mean.  spectrum: [⌊n/2⌋+1, ⌊n/2⌋+1], energy of the logits per pair of frequencies, as
    shares without the constant's.  waves: what the final key frequencies do alone.
    votes: [number of key frequencies, 2, n], see ``votes``.
    """

    means: np.ndarray
    own: np.ndarray
    sines: np.ndarray
    samples: np.ndarray
    r2: np.ndarray
    strength: float | None
    spectrum: np.ndarray
    waves: WavesOnly
    votes: np.ndarray


def choose_neurons(view: RunView) -> np.ndarray:
    """Up to six neurons of the final model, spread over its key frequencies: int64 [m]."""
    return np.array(spread_out(view.final_fit, view.keys), dtype=np.int64)


def sampled_pairs(grid: GroupGrid, per_answer: int = SAMPLES_PER_ANSWER) -> np.ndarray:
    """Rows of the grid, int64 [n · per_answer]: for each answer, pairs spread evenly over a."""
    n, n_shown = grid.n, min(per_answer, grid.n)
    a = np.round(np.arange(n_shown) * n / n_shown).astype(int) % n
    s = np.arange(n)
    # s = a ± b, so b = ±(s - a); each answer starts at another a, or the same few would always show.
    a_of = (a[None, :] + s[:, None]) % n
    b_of = (grid.sign * (s[:, None] - a_of)) % n
    return (a_of * n + b_of).ravel()


def measure(view: RunView, steps: Sequence[int]) -> Measured:
    """The numbers at every step. Costs one run of the network on all pairs for each."""
    neurons, pairs = choose_neurons(view), sampled_pairs(view.grid)
    title = f"{view.run.name} {view.name}: page"
    return Measured(
        neurons,
        view.final_fit.frequency[neurons],
        pairs,
        tuple(_measure_step(view, epoch, neurons, pairs) for epoch in shown(steps, title)),
    )


def _measure_step(view: RunView, epoch: int, chosen: np.ndarray, pairs: np.ndarray) -> StepMeasures:
    acts, grid = view.acts_at(epoch), view.grid
    neurons = acts.neuron_grid(grid)
    all_means = mean_by_answer(neurons, grid.s)
    fit, means = fit_sinusoids(all_means), all_means[:, chosen]
    own = fit.frequency[chosen]
    sine = fixed_sinusoids(means, np.maximum(own, 1))
    flat = neurons.reshape(grid.n**2, -1)[torch.from_numpy(pairs)][:, torch.from_numpy(chosen)]
    energy = energy_spectrum(acts.logit_grid(grid))
    energy[0, 0] = 0.0
    logits = GroupLogits.of(acts, grid, view.run.split)
    return StepMeasures(
        means,
        own,
        np.stack([sine.offset, sine.cosine, sine.sine, sine.r2], axis=1),
        flat.cpu().numpy().T,
        fit.r2,
        fit.fourier_strength,
        energy / max(energy.sum(), np.finfo(float).tiny),
        waves_only(logits, view.keys),
        votes(logits.table, view.keys),
    )
