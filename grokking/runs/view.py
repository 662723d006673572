"""One operation of a run, opened for everything that shows or judges it.

Films, figures, the page, audits and progress measures all read a run through ``RunView``, so that a number
which two of them show is computed by the same line of code.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from torch import Tensor

from grokking.engines import lookup
from grokking.errors import UserError
from grokking.groups.base import Group
from grokking.groups.basis import BlockBasis
from grokking.groups.cyclic import CyclicGroup, required_cyclic
from grokking.metrics.activations import ActivationCache
from grokking.metrics.attention import attention_grid, attention_of
from grokking.metrics.block_names import block_names
from grokking.metrics.embedding import dominant_circle
from grokking.metrics.logits import GroupLogits
from grokking.metrics.neurons import (
    SinusoidFit,
    VarianceShares,
    fit_sinusoids,
    key_frequencies,
    mean_by_answer,
    variance_shares,
)
from grokking.metrics.readout import neuron_logit_map
from grokking.runs.run import Run, Series, last_epoch, logged_series
from grokking.tasks.pairs import GroupGrid, Operation

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
MOST_NAMED = 6
"""Key frequencies that are written out where space is short."""


class RunView:
    """One operation of a run, at one epoch. Everything is computed when it is first asked for.

    operation: a name, by default the first operation that has a group.  epoch: one with a checkpoint, by
    default the last.  networks: activations computed already, by epoch; views of one run may share them.

    Raises UserError for an operation that the run lacks or an epoch without a checkpoint.
    """

    def __init__(
        self,
        run: Run,
        operation: str | None = None,
        epoch: int | None = None,
        networks: dict[int, ActivationCache] | None = None,
    ) -> None:
        self.run = run
        with_group = [name for name in run.pair_task.names if run.pair_task.group(name) is not None]
        name = operation or (with_group or run.pair_task.names)[0]
        self.group: Group | None = run.pair_task.group(name)
        self.operation: Operation = next(op for op in run.pair_task.operations if op.name == name)
        self.epoch = run.final_epoch if epoch is None else epoch
        self._networks = {} if networks is None else networks
        if self.epoch not in run.epochs:
            run.weights(self.epoch)  # raises, naming the nearest epoch

    def for_operation(self, name: str) -> "RunView":
        """Another operation of the same run at the same epoch, sharing the networks."""
        return RunView(self.run, name, self.epoch, self._networks)

    # The operation and its pairs

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.operation.name

    @property
    def operation_index(self) -> int:
        """The operation's place in the task: which operation token asks for it."""
        return self.run.pair_task.names.index(self.name)

    @property
    def suffix(self) -> str:
        """What ends the names of this operation's values in the history and in progress.json."""
        return f"_{self.name}" if len(self.run.pair_task.names) > 1 else ""

    @property
    def grid(self) -> GroupGrid:
        """All pairs of the group; raises UserError if the operation has none."""
        grid = self.run.pair_task.grid(self.name)
        if grid is None:
            raise UserError(f"{self.name} has no cyclic group, so no waves")
        return grid

    @property
    def basis(self) -> BlockBasis:
        """The functions on the group, block after block; of Z_n the Fourier basis."""
        return self.grid.group.basis

    def need_circles(self) -> CyclicGroup | None:
        """The group, None without one; raises UserError for a group that is not cyclic."""
        return None if self.group is None else required_cyclic(self.group)

    def need_group(self) -> Group:
        """The group; raises UserError if the operation has none."""
        return self.grid.group

    @property
    def n(self) -> int:
        """Order of the group."""
        return self.grid.n

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of the task's pairs that ask for this operation, int64."""
        return np.flatnonzero(self.run.pair_task.operation_of_pair == self.operation_index)

    @cached_property
    def parts(self) -> dict[str, np.ndarray]:
        """Rows of this operation by part: train and test, or all where the split is unknown."""
        split = self.run.split
        if split is None:
            return {"all": self.rows}
        return {
            "train": np.intersect1d(self.rows, split.train),
            "test": np.intersect1d(self.rows, split.test),
        }

    @property
    def train_rows(self) -> np.ndarray:
        """Rows of this operation that were trained on; all of them where the split is unknown."""
        return self.parts.get("train", self.rows)

    # Networks

    def acts_at(self, epoch: int) -> ActivationCache:
        """The network of an epoch; those of the view's epoch and of the last one stay in memory."""
        if epoch not in (self.epoch, self.run.final_epoch):
            return self.run.observe(epoch)
        if epoch not in self._networks:
            self._networks[epoch] = self.run.observe(epoch)
        return self._networks[epoch]

    @property
    def acts(self) -> ActivationCache:
        """The network of the view's epoch."""
        return self.acts_at(self.epoch)

    @property
    def final_acts(self) -> ActivationCache:
        """The network of the last checkpoint."""
        return self.acts_at(self.run.final_epoch)

    @property
    def at_end(self) -> bool:
        """Whether the view's epoch is the last one."""
        return self.epoch == self.run.final_epoch

    # The final model, which decides for every epoch

    @cached_property
    def keys(self) -> tuple[int, ...]:
        """Key frequencies, or blocks, of the final model, most neurons first; () without a group."""
        return () if self.group is None else tuple(key_frequencies(self.final_shares))

    @cached_property
    def circle(self) -> int | None:
        """The final model's dominant frequency among those with a circle; None if there is none."""
        return dominant_circle(self.final_acts.embedding(self.name), self.basis)

    @cached_property
    def final_shares(self) -> VarianceShares:
        """Which frequency explains each neuron of the final model."""
        if self.at_end:
            return self.shares
        return variance_shares(self.final_acts.neuron_grid(self.grid), self.basis)

    @cached_property
    def final_fit(self) -> SinusoidFit:
        """The best sinusoid of each neuron's mean by answer, in the final model."""
        return self.fit if self.at_end else self._fit(self.final_acts)

    # The network of the view's epoch

    @cached_property
    def own_keys(self) -> list[int]:
        """Key frequencies of the view's own epoch, most neurons first."""
        return key_frequencies(self.shares)

    @cached_property
    def shares(self) -> VarianceShares:
        """Which frequency explains each neuron."""
        return variance_shares(self.acts.neuron_grid(self.grid), self.basis)

    @cached_property
    def fit(self) -> SinusoidFit:
        """The best sinusoid of each neuron's mean by answer."""
        return self._fit(self.acts)

    def _fit(self, acts: ActivationCache) -> SinusoidFit:
        return fit_sinusoids(mean_by_answer(acts.neuron_grid(self.grid), self.grid.s), self.basis)

    @cached_property
    def logits(self) -> GroupLogits:
        """Logits on the group."""
        return GroupLogits.of(self.acts, self.grid, self.run.split)

    @cached_property
    def readout(self) -> np.ndarray:
        """The neuron-logit map W_L = W_out W_U on the group's classes, float64 [d_mlp, n]."""
        return neuron_logit_map(self.acts, self.grid)

    @cached_property
    def attention(self) -> Tensor:
        """Attention of the last position over all pairs, float32 [m, m, n_heads, 3].

        In group order, m = n, or over residues where there is no group, m = p.  Raises UserError for a
        network of another build than the plain transformer.
        """
        lookup.require(self.run.shape, "this")
        if self.group is not None:
            return attention_grid(self.acts, self.grid)
        pattern = attention_of(self.acts, self.run.pair_task.tokens[self.rows])
        return pattern.view(self.run.pair_task.p, -1, self.run.shape.n_heads, 3)

    @property
    def embedding(self) -> np.ndarray:
        """W_E in group order, centred over the tokens, float64 [n, d_model]."""
        return self.acts.embedding(self.name)

    # History

    def logged(self, name: str) -> Series:
        """A metric of the history, by its name without the suffix; raises DamagedFile if it is not there."""
        return logged_series(self.run, name + self.suffix)

    @property
    def last_epoch(self) -> int:
        """The right end of every epoch axis."""
        return last_epoch(self.run)

    @property
    def grokking_epoch(self) -> int | None:
        """As in the history; None if the run never grokked or it cannot be known."""
        return self.run.history.get("grokking_epoch" + self.suffix)

    # Words

    @property
    def config_line(self) -> str:
        """The run's config in words, on one line."""
        c = self.run.config
        others = [name for name in self.run.pair_task.names if name != self.name]
        parts = [
            self.run.pair_task.formula(self.name) + f" (trained with {', '.join(others)})" * bool(others),
            *c.in_words("train_frac", "weight_decay", "lr"),
            f"{c.d_mlp} neurons",
            *c.in_words("seed"),
        ]
        return "    ".join(parts)

    @property
    def key_text(self) -> str:
        """The key frequencies, or blocks, of the final model in words."""
        cyclic = self.group is None or self.group.is_cyclic
        if not self.keys:
            return "no key frequency" if cyclic else "no key block"
        some = ", ".join(self.names_of(self.keys[:MOST_NAMED])) + ", …" * (len(self.keys) > MOST_NAMED)
        if cyclic:
            return f"final key frequenc{'ies' if len(self.keys) > 1 else 'y'} {some}"
        return f"final key block{'s' * (len(self.keys) > 1)} {some}"

    @property
    def block_labels(self) -> tuple[str, ...]:
        """Labels of all blocks by number, for a group that is not cyclic; () for any other operation."""
        return () if self.group is None or self.group.is_cyclic else self.group.basis.labels

    def names_of(self, blocks: Sequence[int]) -> list[str]:
        """Frequencies, or the labels of blocks, as text."""
        return [str(name) for name in block_names(self.need_group(), blocks)]

    def index_label(self, residue: str) -> str:
        """The group index of a residue in words: ``x``, or ``log₃(x)``; without a cyclic group its number."""
        if self.group is None or not self.group.is_cyclic:
            return residue
        return (
            required_cyclic(self.group)
            .axis_label.replace("log_", "log")
            .translate(SUBSCRIPTS)
            .format(x=residue)
        )

    def answer_label(self, factor: str = "") -> str:
        """The answer's group index in words: ``(a + b) mod 113``, ``24 · log₃(a · b) mod 112``."""
        additive = self.grid.group.name == "additive"
        index = self.index_label(f"({self.operation.symbol})" if additive else self.operation.symbol)
        return f"{factor} · {index} mod {self.n}" if factor else f"{index} mod {self.n}"


def all_views(run: Run, epoch: int | None = None) -> list[RunView]:
    """A view of every operation of a run, in the order of its task; they share the networks."""
    first = RunView(run, run.pair_task.names[0], epoch)
    return [first.for_operation(name) for name in run.pair_task.names]
