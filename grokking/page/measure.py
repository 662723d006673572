"""What the page shows of one operation of a run, step by step; every number by ``grokking.metrics``."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from grokking.errors import UserError
from grokking.films.sine import spread_out
from grokking.metrics.activations import ActivationCache
from grokking.metrics.diagonal import energy_spectrum
from grokking.metrics.embedding import dominant_circle
from grokking.metrics.fixed_frequency_fit import fixed_sinusoids
from grokking.metrics.neurons import (
    SinusoidFit,
    fit_sinusoids,
    key_frequencies,
    mean_by_answer,
    variance_shares,
)
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights, normalise, plus_bias
from grokking.progress_bar import shown
from grokking.runs.run import Run
from grokking.tasks.pairs import GroupGrid, Operation

MAX_STEPS = 54
SAMPLES_PER_ANSWER = 8
"""Pairs of each answer whose single activations are shown, of n there are."""


@dataclass(frozen=True)
class Final:
    """What the last kept model decides for every step.

    keys: key frequencies, most neurons first.  circle: dominant frequency with a circle.
    neurons: up to six, int64 [m]; their frequencies alike.
    """

    keys: list[int]
    circle: int | None
    neurons: np.ndarray
    frequencies: np.ndarray


@dataclass(frozen=True)
class Subject:
    """One operation of a run; grid is None where it has no cyclic group, and Fourier parts are absent."""

    run: Run
    operation: Operation
    grid: GroupGrid | None

    @property
    def suffix(self) -> str:
        """What this operation's values in history and progress end in."""
        return f"_{self.operation.name}" if len(self.run.pair_task.names) > 1 else ""

    @property
    def operation_index(self) -> int:
        """Which operation token asks for it."""
        return self.run.pair_task.names.index(self.operation.name)


def subjects(run: Run) -> list[Subject]:
    """Every operation of a run, in the order of its task.

    Raises UserError where each has operand tokens of its own, which the page's network cannot read.
    """
    run.need_shared_tokens("the page")
    return [Subject(run, op, run.pair_task.grid(op.name)) for op in run.pair_task.operations]


def choose_steps(epochs: Sequence[int], most: int = MAX_STEPS, imported: bool = False) -> list[int]:
    """At most ``most`` of the kept epochs, evenly by rank, so that they stay dense where things change.

    imported: whether the run was, so that it cannot be trained.  Raises UserError for fewer than two: a
    clock needs something to run over.
    """
    if len(epochs) < 2:
        more = "import a folder with files of several epochs" if imported else "train it further"
        raise UserError(f"the run keeps weights of {len(epochs)} epoch only; two or more are needed: {more}")
    at = np.unique(np.round(np.linspace(0, len(epochs) - 1, min(most, len(epochs)))).astype(int))
    return [epochs[i] for i in at]


@dataclass(frozen=True)
class Measured:
    """The numbers of a subject at E steps; group order n, m neurons chosen, S sampled pairs.

    means: float64 [E, n, m], m_j[s].  sines: [E, m, 4], offset, cosine, sine, R² (NaN where dead).
    samples: [E, m, S] activations.  r2: [E, d_mlp], best R² per neuron, NaN where dead.
    pairs: int64 [S], rows of the grid.  strength: [E], their mean R².
    spectrum: [E, ⌊n/2⌋+1, ⌊n/2⌋+1], energy of
    the logits per pair of frequencies, as shares without the constant's.
    """

    final: Final
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


def decide(seen: ActivationCache, subject: Subject) -> Final:
    """Key frequencies, circle and neurons of the last model."""
    assert subject.grid is not None
    grid = seen.neuron_grid(subject.grid)
    keys = key_frequencies(variance_shares(grid))
    fit = fit_sinusoids(mean_by_answer(grid, subject.grid.s))
    neurons = np.array(spread_out(fit, keys), dtype=np.int64)
    circle = dominant_circle(seen.embedding(subject.operation.name))
    return Final(keys, circle, neurons, fit.frequency[neurons])


def sampled_pairs(grid: GroupGrid, per_answer: int = SAMPLES_PER_ANSWER) -> np.ndarray:
    """Rows of the grid, int64 [n · per_answer]: for each answer, pairs spread evenly over a."""
    n, kept = grid.n, min(per_answer, grid.n)
    a = np.round(np.arange(kept) * n / kept).astype(int) % n
    s = np.arange(n)
    # s = a ± b, so b = ±(s - a); each answer starts at another a, or the same few would always show.
    a_of = (a[None, :] + s[:, None]) % n
    b_of = (grid.sign * (s[:, None] - a_of)) % n
    return (a_of * n + b_of).ravel()


def measure(subject: Subject, steps: Sequence[int]) -> Measured:
    """Look at every step once. Costs one observation of the network each."""
    assert subject.grid is not None
    grid = subject.grid
    run, title = subject.run, f"{subject.run.name} {subject.operation.name}: page"
    final, pairs = decide(run.observe(run.final_epoch), subject), sampled_pairs(grid)
    rows = [_measure_step(run.observe(epoch), grid, final, pairs) for epoch in shown(steps, title)]
    means, sines, samples, fits, spectra = zip(*rows, strict=True)
    strengths = [fit.fourier_strength for fit in fits]
    return Measured(
        final,
        pairs,
        np.array(means),
        np.array(sines),
        np.array(samples),
        np.array([fit.r2 for fit in fits]),
        strengths,
        np.array(spectra),
    )


_StepRow = tuple[np.ndarray, np.ndarray, np.ndarray, SinusoidFit, np.ndarray]


def _measure_step(seen: ActivationCache, grid: GroupGrid, final: Final, pairs: np.ndarray) -> _StepRow:
    neurons = seen.neuron_grid(grid)
    all_means = mean_by_answer(neurons, grid.s)
    means = all_means[:, final.neurons]
    sine = fixed_sinusoids(means, final.frequencies)
    flat = neurons.reshape(grid.n**2, -1)[torch.from_numpy(pairs)][:, torch.from_numpy(final.neurons)]
    energy = energy_spectrum(seen.logit_grid(grid))
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
