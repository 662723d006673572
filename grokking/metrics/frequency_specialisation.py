"""Which frequency each part of the network carries, and what that part does to the answer.

Descriptive: shares of variance, of neurons and of attention heads, in their own frequency.
Causal: neurons of one frequency are silenced (held at their mean over all pairs), and the change is
read in every frequency of the logits: the cross-talk matrix.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from grokking.engines.lookup import head_outputs, last_readout, stack
from grokking.groups.basis import BlockBasis, fourier_basis
from grokking.metrics.activations import ActivationCache
from grokking.metrics.neurons import mean_by_answer, variance_shares
from grokking.metrics.reductions import grid_sums
from grokking.tasks.pairs import GroupGrid

SHUFFLE_SEED = 0
N_SHUFFLES = 20
MAX_SHUFFLED = 64
"""Neurons that stand for all in the null."""
CHUNK = 4096


def shuffled_shares(
    grid: Float[Tensor, "n n m"], n_shuffles: int = N_SHUFFLES, basis: BlockBasis | None = None
) -> Float64[np.ndarray, "n_shuffles"]:
    """Null of the mean largest variance share: float64 [n_shuffles].

    The tokens of a and of b are renamed at random, each in its own way; a sum f(a) + g(b) stays
    one, only its order along the circle is lost. grid: [n, n, m], of which at most 64 evenly
    spaced columns are used.
    """
    n, _, m = grid.shape
    chosen = np.unique(np.linspace(0, m - 1, min(m, MAX_SHUFFLED)).astype(int))
    part = grid.cpu()[:, :, torch.from_numpy(chosen)]
    rng = np.random.default_rng(SHUFFLE_SEED)
    found = []
    for _ in range(n_shuffles):
        a, b = (torch.from_numpy(rng.permutation(n)) for _ in range(2))
        fve = variance_shares(part[a][:, b].contiguous(), basis).fve
        found.append(fve[fve > 0].mean() if (fve > 0).any() else 0.0)
    return np.array(found)


def head_shares(acts: ActivationCache, grid: GroupGrid) -> Float64[np.ndarray, "n_heads n_frequencies"]:
    """Share of the variance of what each head writes, by frequency: float64 [n_heads, ⌊n/2⌋].

    The variance is added up over the d_model channels that a head writes to.
    """
    tokens = torch.from_numpy(grid.tokens)[None]
    with torch.no_grad():
        written = head_outputs(stack(_on_cpu(acts)), acts.shape, tokens)[0]
    return np.array(
        [
            _pooled_shares(written[:, h].reshape(grid.n, grid.n, -1).contiguous(), grid.group.basis)
            for h in range(acts.shape.n_heads)
        ]
    )


class MeanAblation:
    """What the logits lose when a group of neurons is held at its mean over all pairs.

    Calling it on neuron numbers, int64, gives float64 [n, n], by answer index s and class, averaged
    over pairs of equal s; classes are centred, since a shift of all of them changes no answer.
    """

    def __init__(self, acts: ActivationCache, grid: GroupGrid) -> None:
        self.acts, self.grid = acts, grid
        self.exact = acts.shape.layer_norm
        if not self.exact:
            # Without a final layer norm the logits are linear in the neurons, so their means suffice.
            means = mean_by_answer(acts.neuron_grid(grid), grid.s)
            self.means = torch.from_numpy(means - means.mean(axis=0))
            w = {name: acts.weights[name].cpu().double() for name in ("W_out", "W_U")}
            readout = w["W_out"] @ w["W_U"][:, torch.from_numpy(grid.group.members.copy())]
            self.readout = readout - readout.mean(dim=1, keepdim=True)

    def __call__(self, group: Int64[np.ndarray, "neurons"]) -> Float64[np.ndarray, "n n"]:
        """The table of one group."""
        if self.exact:
            return _exact_table(self.acts, self.grid, group)
        chosen = torch.from_numpy(group)
        # By PyTorch, so that one thread count rules all products of this project.
        return np.asarray((self.means[:, chosen] @ self.readout[chosen]).numpy())


def energy_by_frequency(
    table: Float64[np.ndarray, "n n_classes"], basis: BlockBasis | None = None
) -> Float64[np.ndarray, "blocks"]:
    """Energy of a table [n, n_classes] at every frequency of s, summed over classes: float64 [⌊n/2⌋].

    With the basis of another group: in every block but the trivial one, float64 [n_blocks - 1].
    """
    basis = basis or fourier_basis(len(table))
    return np.asarray(basis.energy_per_block(basis.transform(table)).sum(axis=1))


def cross_talk(
    silence: MeanAblation, groups: Sequence[Int64[np.ndarray, "_"]]
) -> Float64[np.ndarray, "groups n_frequencies"]:
    """Rows: silenced groups. Columns: frequencies of the logits. Entries: energy of the change."""
    return np.array([energy_by_frequency(silence(group), silence.grid.group.basis) for group in groups])


def diagonal_share(matrix: Float64[np.ndarray, "groups n_frequencies"], keys: Sequence[int]) -> float | None:
    """Share of all change that falls on the silenced group's own frequency; None if nothing changes.

    matrix: of ``cross_talk``, its i-th row for the neurons of keys[i].
    """
    total = matrix.sum()
    own = sum(matrix[i, k - 1] for i, k in enumerate(keys))
    return float(own / total) if total > 0 else None


def _exact_table(
    acts: ActivationCache, grid: GroupGrid, group: Int64[np.ndarray, "neurons"]
) -> Float64[np.ndarray, "n n"]:
    flat = acts.neuron_grid(grid).reshape(grid.n**2, -1).cpu()
    held = flat[:, torch.from_numpy(group)].mean(dim=0)
    table, weights = np.zeros((grid.n, grid.n)), stack(_on_cpu(acts))
    before = acts.logit_grid(grid).reshape(grid.n**2, grid.n).cpu()
    for at in range(0, grid.n**2, CHUNK):
        neurons = flat[at : at + CHUNK].clone()
        neurons[:, torch.from_numpy(group)] = held
        tokens = torch.from_numpy(grid.tokens[at : at + CHUNK])[None]
        with torch.no_grad():
            after = last_readout(weights, acts.shape, tokens, neurons[None])[0]
        change = (before[at : at + CHUNK] - after[:, torch.from_numpy(grid.group.members.copy())]).double()
        np.add.at(table, grid.s[at : at + CHUNK], (change - change.mean(1, keepdim=True)).numpy())
    return table / grid.n


def _pooled_shares(grid: Float[Tensor, "n n m"], basis: BlockBasis) -> Float64[np.ndarray, "blocks"]:
    """``variance_shares`` with the variance added up over the columns of grid [n, n, m]."""
    every = np.arange(len(grid))
    by_answer, squares = grid_sums(grid.numpy(), np.add.outer(every, every) % len(grid))
    variance = np.maximum(squares - by_answer.sum(axis=0) ** 2 / len(grid) ** 2, 0.0)
    pooled = variance_shares(grid, basis).by_frequency @ variance
    return np.asarray(pooled / max(variance.sum(), np.finfo(float).tiny))


def _on_cpu(acts: ActivationCache) -> dict[str, Tensor]:
    return {name: tensor.cpu() for name, tensor in acts.weights.items()}
