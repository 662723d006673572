"""Neurons and logits of any pairs at the last position, by the fastest exact way at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from grokking.engines import lookup as general
from grokking.engines.numba.layout import foldable
from grokking.engines.numba.tables import matrices, new_tables, new_work
from grokking.engines.numba.tiles import LabelledPairs, PairTable, partition
from grokking.engines.threads import shared_workers
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights
from grokking.tasks.base import N_CTX

try:
    from grokking.engines.numba import evaluations, kernels
    from grokking.engines.numba.blas import SGEMM
    from grokking.engines.numba.thread_team import compiled, new_team
except ImportError:  # numba is an optional speed-up
    SGEMM = 0

CHUNK = 4096
"""Pairs at a time on the general path: bounds its memory to some tens of MiB."""


@dataclass(frozen=True)
class PairOutputs:
    """What the network does on N pairs, in the order of their tokens.

    neurons: float32 [N, d_mlp], after the activation.  logits: float32 [N, n_classes].
    """

    neurons: Tensor
    logits: Tensor


def pair_outputs(weights: Weights, shape: ModelShape, tokens: np.ndarray) -> PairOutputs:
    """Neurons and logits for tokens int64 [N, 3]."""
    n, device = len(tokens), weights["W_E"].device
    neurons = torch.empty(n, shape.d_mlp, device=device)
    logits = torch.empty(n, shape.n_classes, device=device)
    if compiled_applies(weights, shape):
        _Compiled(shape, tokens).outputs(weights, neurons.numpy(), logits.numpy())
        return PairOutputs(neurons, logits)
    with torch.no_grad():
        stacked = general.stack(weights)
        for at in range(0, n, CHUNK):
            chunk = torch.as_tensor(tokens[at : at + CHUNK], device=device)[None]
            (neurons[at : at + CHUNK],), (logits[at : at + CHUNK],) = general.last_position(
                stacked, shape, chunk
            )
    return PairOutputs(neurons, logits)


def task_outputs(weights: Weights, shape: ModelShape, tokens: np.ndarray) -> PairOutputs:
    """``PairOutputs`` for tokens int64 [N, n_ctx], of questions with any number of operands."""
    if shape.n_ctx != N_CTX:
        return PairOutputs(*general.outputs(weights, shape, tokens))
    return pair_outputs(weights, shape, tokens)


def compiled_applies(weights: Weights, shape: ModelShape) -> bool:
    """Whether the compiled kernels can serve this model where it lies."""
    w = weights["W_E"]
    return bool(SGEMM) and foldable(shape) and w.device.type == "cpu" and w.dtype == torch.float32


def losses_and_correct(logits: Tensor, answers: np.ndarray, n_answers: int) -> tuple[np.ndarray, np.ndarray]:
    """Per pair: cross-entropy by a float64 log-softmax (float64 [N]), and whether it is right.

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
    """Losses and hits of the same pairs again and again: what training looks at between rows."""

    def __init__(self, shape: ModelShape, tokens: np.ndarray, answers: np.ndarray) -> None:
        self.shape, self.tokens, self.answers = shape, tokens, answers
        self._compiled: _Compiled | None = None

    def accuracy(self, weights: Weights) -> float:
        """Share of the pairs answered right."""
        return float(self.losses_and_correct(weights)[1].mean())

    def losses_and_correct(self, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
        """As the function of that name, without keeping logits."""
        if not compiled_applies(weights, self.shape):
            outputs = pair_outputs(weights, self.shape, self.tokens)
            return losses_and_correct(outputs.logits, self.answers, self.shape.n_answers)
        if self._compiled is None:
            self._compiled = _Compiled(self.shape, self.tokens, self.answers)
        return self._compiled.losses_and_correct(weights)


class _Compiled:
    """The compiled way for pairs in their order, with its tables and scratch memory."""

    def __init__(self, shape: ModelShape, tokens: np.ndarray, answers: np.ndarray | None = None) -> None:
        self.shape, self.workers = shape, shared_workers()
        self.tables, self.work = new_tables(shape), new_work(shape)
        self.order = (table := PairTable(shape, tokens)).order
        expected = np.zeros(len(table), np.int64) if answers is None else answers[self.order]
        self.pairs = LabelledPairs(table.rows, expected, np.ones(len(table)))
        self.threads = partition(table, new_team(self.workers.n), shape)
        self.compiled: set[Callable[..., None]] = set()

    def losses_and_correct(self, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
        """As the function of that name."""
        n = len(self.order)
        found, losses, correct = (np.empty(n), np.empty(n, bool)), np.empty(n), np.empty(n, bool)
        self._run(evaluations.evaluate, weights, self.shape.n_answers, *found)
        losses[self.order], correct[self.order] = found
        return losses, correct

    def outputs(self, weights: Weights, neurons: np.ndarray, logits: np.ndarray) -> None:
        """Write neurons and logits (shapes of ``PairOutputs``)."""
        self._run(evaluations.output, weights, self.order, neurons, logits)

    def _run(self, kernel: Callable[..., None], weights: Weights, what: object, *out: np.ndarray) -> None:
        w = matrices(weights)
        pieces = [
            partial(
                kernel,
                team,
                SGEMM,
                self.shape.score_scale,
                w,
                self.work,
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
