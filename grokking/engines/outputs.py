"""Neurons and logits of any questions at the last position, by the fastest exact way at hand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grokking.engines import lookup
from grokking.engines.numba.tables import fits_tables, matrices, new_tables, new_workspace
from grokking.engines.numba.tiles import LabelledPairs, PairTable, partition
from grokking.engines.parameters import Tensors
from grokking.engines.threads import shared_workers
from grokking.models import MODELS
from grokking.models.base import activations_of
from grokking.models.transformer import ModelShape

try:
    from grokking.engines.numba import kernels, passes
    from grokking.engines.numba.blas import SGEMM
    from grokking.engines.numba.thread_team import compiled, new_team
except ImportError:  # numba is an optional speed-up
    SGEMM = 0

CHUNK = 4096
"""Questions at a time without the tables: bounds the memory to some tens of MiB."""
LARGEST_HELD = 2**28
"""Numbers of the logits of a task that are held together: 1 GiB, which a group of order 645 stays below."""
PART = 2**16
"""Questions at a time whose logits are held for a task that has more."""


@dataclass(frozen=True)
class PairOutputs:
    """What the network does on N questions, in the order of their tokens.

    neurons: float32 [N, d_mlp], after the activation; [N, 0] for a model that has none.
    logits: float32 [N, n_classes].
    """

    neurons: Tensor
    logits: Tensor

    @property
    def has_neurons(self) -> bool:
        """Whether there are neurons to measure."""
        return self.neurons.shape[1] > 0


class OutputsInParts:
    """``PairOutputs`` of so many questions that their logits are computed a part at a time.

    weights, shape, tokens: as for ``task_outputs``.
    """

    def __init__(self, weights: Tensors, shape: Any, tokens: np.ndarray) -> None:
        self.weights, self.shape, self.tokens = weights, shape, tokens
        self._neurons: Tensor | None = None

    @property
    def has_neurons(self) -> bool:
        """As of ``PairOutputs``, by one question."""
        return task_outputs(self.weights, self.shape, self.tokens[:1]).has_neurons

    @property
    def neurons(self) -> Tensor:
        """As of ``PairOutputs``; a pass over all parts where none was made."""
        if self._neurons is None:
            for _ in self.parts():
                pass
        assert self._neurons is not None
        return self._neurons

    @cached_property
    def logits(self) -> Tensor:
        """As of ``PairOutputs``, for a measure that needs all together; held from then on."""
        return torch.cat([logits for _, logits in self.parts()])

    def parts(self) -> Iterator[tuple[slice, Tensor]]:
        """The logits of one part of the questions after the other, with where they lie; keeps the neurons."""
        held: Tensor | None = None
        for at in range(0, len(self.tokens), PART):
            some = slice(at, min(at + PART, len(self.tokens)))
            found = task_outputs(self.weights, self.shape, self.tokens[some])
            held = found.neurons.new_empty(len(self.tokens), found.neurons.shape[1]) if held is None else held
            held[some] = found.neurons
            yield some, found.logits
            del found  # before the next part is made
        self._neurons = held


def outputs_of(weights: Tensors, shape: Any, tokens: np.ndarray) -> PairOutputs | OutputsInParts:
    """``task_outputs``, in parts where the logits are more than ``LARGEST_HELD`` numbers."""
    if len(tokens) * shape.n_classes > LARGEST_HELD:
        return OutputsInParts(weights, shape, tokens)
    return task_outputs(weights, shape, tokens)


def task_outputs(weights: Tensors, shape: Any, tokens: np.ndarray) -> PairOutputs:
    """Neurons and logits for tokens int64 [N, n_ctx], of any model (``grokking.models.base.Shape``)."""
    if numba_applies(weights, shape):
        neurons, logits = (torch.empty(len(tokens), n) for n in (shape.d_mlp, shape.n_classes))
        _TablePass(shape, tokens).outputs(weights, neurons.numpy(), logits.numpy())
        return PairOutputs(neurons, logits)
    if lookup.serves(shape):
        neurons, logits = lookup.outputs(weights, shape, tokens)
        return PairOutputs(neurons.float(), logits.float())
    return _readable_outputs(weights, shape, tokens)


def _readable_outputs(weights: Tensors, shape: Any, tokens: np.ndarray) -> PairOutputs:
    """By the model's readable forward pass."""
    model, device = MODELS.get(shape.model), next(iter(weights.values())).device
    with torch.no_grad():
        found = [
            activations_of(model, weights, shape, torch.as_tensor(tokens[at : at + CHUNK], device=device))
            for at in range(0, len(tokens), CHUNK)
        ]
    neurons, logits = (torch.cat([part[name] for part in found]) for name in ("neurons", "logits"))
    return PairOutputs(neurons.float(), logits.float())


def numba_applies(weights: Tensors, shape: Any) -> bool:
    """Whether the compiled kernels can serve this model where it lies."""
    if not SGEMM or not fits_tables(shape):
        return False
    w = weights["W_E"]
    return w.device.type == "cpu" and w.dtype == torch.float32


def losses_and_correct(logits: Tensor, answers: np.ndarray, n_answers: int) -> tuple[np.ndarray, np.ndarray]:
    """Per question: cross-entropy by a float64 log-softmax (float64 [N]), and whether it is right.

    The loss counts every class; an answer is right if it wins among the first ``n_answers``.
    """
    losses, correct = np.empty(len(answers)), np.empty(len(answers), dtype=bool)
    if SGEMM and logits.device.type == "cpu" and logits.is_contiguous():
        columns = slice(0, logits.shape[1])
        kernels.losses_and_correct(logits.numpy(), columns, answers, n_answers, losses, correct)
        return losses, correct
    target = torch.as_tensor(answers, device=logits.device)
    for at in range(0, len(answers), CHUNK):
        chunk, part = slice(at, at + CHUNK), logits[at : at + CHUNK].double()
        loss = torch.nn.functional.cross_entropy(part, target[chunk], reduction="none")
        losses[chunk] = loss.cpu().numpy()
        correct[chunk] = (part[:, :n_answers].argmax(1) == target[chunk]).cpu().numpy()
    return losses, correct


class Evaluator:
    """Losses and correctness of the same questions, evaluated again and again during training.

    shape: of any model.  tokens: int64 [N, n_ctx].  answers: int64 [N].
    n_answers: classes that can be right.
    """

    def __init__(self, shape: Any, tokens: np.ndarray, answers: np.ndarray, n_answers: int) -> None:
        self.shape, self.tokens, self.answers, self.n_answers = shape, tokens, answers, n_answers
        self._table_pass: _TablePass | None = None

    def accuracy(self, weights: Tensors) -> float:
        """Share of the questions answered right."""
        return float(self.losses_and_correct(weights)[1].mean())

    def losses_and_correct(self, weights: Tensors) -> tuple[np.ndarray, np.ndarray]:
        """As the function of that name, without keeping logits."""
        if not numba_applies(weights, self.shape):
            logits = task_outputs(weights, self.shape, self.tokens).logits
            return losses_and_correct(logits, self.answers, self.n_answers)
        if self._table_pass is None:
            self._table_pass = _TablePass(self.shape, self.tokens, self.answers)
        return self._table_pass.losses_and_correct(weights, self.n_answers)


class _TablePass:
    """The compiled forward pass on pairs in their order, with its tables and scratch memory."""

    def __init__(self, shape: ModelShape, tokens: np.ndarray, answers: np.ndarray | None = None) -> None:
        self.shape, self.workers = shape, shared_workers()
        self.tables, self.workspace = new_tables(shape), new_workspace(shape)
        self.order = (table := PairTable(shape, tokens)).order
        expected = np.zeros(len(table), np.int64) if answers is None else answers[self.order]
        self.pairs = LabelledPairs(table.rows, expected, np.ones(len(table)))
        self.threads = partition(table, new_team(self.workers.n), shape)
        self.compiled: set[Callable[..., None]] = set()

    def losses_and_correct(self, weights: Tensors, n_answers: int) -> tuple[np.ndarray, np.ndarray]:
        """As the function of that name."""
        n = len(self.order)
        found, losses, correct = (np.empty(n), np.empty(n, bool)), np.empty(n), np.empty(n, bool)
        self._run(passes.evaluate, weights, n_answers, *found)
        losses[self.order], correct[self.order] = found
        return losses, correct

    def outputs(self, weights: Tensors, neurons: np.ndarray, logits: np.ndarray) -> None:
        """Write neurons and logits (shapes of ``PairOutputs``)."""
        self._run(passes.output, weights, self.order, neurons, logits)

    def _run(self, kernel: Callable[..., None], weights: Tensors, what: object, *out: np.ndarray) -> None:
        w = matrices(weights)
        pieces = [
            partial(
                kernel,
                team,
                SGEMM,
                self.shape.score_scale,
                w,
                self.workspace,
                self.tables,
                self.pairs,
                what,
                tiles,
                scratch,
                *out,
            )
            for team, tiles, scratch in self.threads
        ]
        if kernel not in self.compiled:
            compiled(pieces)
            self.compiled.add(kernel)
        self.workers.run_together(pieces)
