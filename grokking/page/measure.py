"""What the page shows of one operation of a run, step by step; every number by ``grokking.metrics``."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from grokking.engines import lookup
from grokking.errors import UserError
from grokking.films.kinds.sine import spread_out
from grokking.metrics.activations import ActivationCache
from grokking.metrics.fixed_frequency_fit import fixed_sinusoids
from grokking.metrics.neurons import (
    SinusoidFit,
    fit_sinusoids,
    mean_by_answer,
)
from grokking.metrics.spectra2d import energy_spectrum
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights, normalise, plus_bias
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
    means: float64 [E, n, m], m_j[s].  sines: [E, m, 4], offset, cosine, sine, R² (NaN where dead).
    samples: [E, m, S] activations.  r2: [E, d_mlp], best R² per neuron, NaN where dead.
    pairs: int64 [S], rows of the grid.  strength: [E], their mean R².
    spectrum: [E, ⌊n/2⌋+1, ⌊n/2⌋+1], energy of
    the logits per pair of frequencies, as shares without the constant's.
    """

    neurons: np.ndarray
    frequencies: np.ndarray
    pairs: np.ndarray
    means: np.ndarray
    sines: np.ndarray
    samples: np.ndarray
    r2: np.ndarray
    strength: list[float | None]
    spectrum: np.ndarray

    def pairs_ab(self) -> np.ndarray:
        """Group indices of the sampled pairs, int64 [S, 2]; S is n · samples per answer, by answer."""
        return np.stack(np.divmod(self.pairs, self.means.shape[1]), axis=1)


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
    grid, neurons, pairs = view.grid, choose_neurons(view), sampled_pairs(view.grid)
    frequencies, title = view.final_fit.frequency[neurons], f"{view.run.name} {view.name}: page"
    rows = [
        _measure_step(view.acts_at(epoch), grid, neurons, frequencies, pairs) for epoch in shown(steps, title)
    ]
    means, sines, samples, fits, spectra = zip(*rows, strict=True)
    strengths = [fit.fourier_strength for fit in fits]
    return Measured(
        neurons,
        frequencies,
        pairs,
        np.array(means),
        np.array(sines),
        np.array(samples),
        np.array([fit.r2 for fit in fits]),
        strengths,
        np.array(spectra),
    )


_StepRow = tuple[np.ndarray, np.ndarray, np.ndarray, SinusoidFit, np.ndarray]


def _measure_step(
    acts: ActivationCache, grid: GroupGrid, chosen: np.ndarray, frequencies: np.ndarray, pairs: np.ndarray
) -> _StepRow:
    neurons = acts.neuron_grid(grid)
    all_means = mean_by_answer(neurons, grid.s)
    means = all_means[:, chosen]
    sine = fixed_sinusoids(means, frequencies)
    flat = neurons.reshape(grid.n**2, -1)[torch.from_numpy(pairs)][:, torch.from_numpy(chosen)]
    energy = energy_spectrum(acts.logit_grid(grid))
    energy[0, 0] = 0.0
    return (
        means,
        np.stack([sine.offset, sine.cosine, sine.sine, sine.r2], axis=1),
        flat.cpu().numpy().T,
        fit_sinusoids(all_means),
        energy / max(energy.sum(), np.finfo(float).tiny),
    )


def attention_scores(weights: Weights, shape: ModelShape, operation: int) -> np.ndarray:
    """Scores of the operation's query, float64 [n_heads, 2p + 1]: tokens at position 0, at 1, itself.

    The attention of a pair (a, b) is the softmax of entries a, p + b and 2p (``grokking.engines.numba``).
    """
    w = {name: tensor.double() for name, tensor in weights.items()}
    p = shape.n_numbers
    own = w["W_E"][p + operation] + w["W_pos"][2]
    x = torch.cat([w["W_E"][:p] + w["W_pos"][0], w["W_E"][:p] + w["W_pos"][1], own[None]])
    x = normalise(x, w, "ln1", shape)
    query = plus_bias(torch.einsum("d,hde->he", x[-1], w["W_Q"]), w, "b_Q", shape)
    # Without b_K, which shifts all scores alike: their softmax is the same.
    keys = torch.einsum("rd,hde->hre", x, w["W_K"])
    return np.asarray((torch.einsum("hre,he->hr", keys, query) * shape.score_scale).numpy())
