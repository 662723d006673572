"""R runs of one shape as one batch, by autograd: the batched engine, and the way to train on a GPU.

One object serves R replicas of one shape; a single run is R = 1. The one-layer transformer goes through
attention look-ups (``engines.lookup``), any other model through its own ``logits``.

On CUDA one whole update (forward, float64 loss, backward, optimiser) of all runs is captured as a graph
and replayed; nothing waits for the device until ``advance`` returns. On the CPU the same code runs
eagerly.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grokking.config_fields import Options
from grokking.engines import lookup
from grokking.engines.parameters import DTYPES, Parameters, Tensors, learning_rate, views
from grokking.engines.train_pairs import TrainPairs
from grokking.losses import CROSS_ENTROPY, LOSSES
from grokking.models import MODELS


class BatchedLoss:
    """Train losses of R replicas as a differentiable function of their weights.

    shape: of the model (``grokking.models.base.Shape``).  dtype: of log-softmax and loss.
    losses: name and options of the loss of each replica, by default cross-entropy.
    Replicas with fewer pairs are padded with copies of their first pair, of weight zero.
    """

    def __init__(
        self,
        shape: Any,
        pairs: Sequence[TrainPairs],
        device: torch.device,
        dtype: torch.dtype = torch.float64,
        losses: Sequence[tuple[str, Options]] = (),
    ) -> None:
        self.shape, self.dtype = shape, dtype
        self.losses: dict[tuple[str, Options], list[int]] = {}
        for r, loss in enumerate(losses or [(CROSS_ENTROPY, Options())] * len(pairs)):
            self.losses.setdefault(loss, []).append(r)
        longest = max(len(p.answers) for p in pairs)
        rows = [[*range(len(p.answers)), *[0] * (longest - len(p.answers))] for p in pairs]
        self.tokens = _stacked([p.tokens[row] for p, row in zip(pairs, rows, strict=True)], device)
        self.answers = _stacked([p.answers[row] for p, row in zip(pairs, rows, strict=True)], device)
        self.weight = torch.zeros(len(pairs), longest, dtype=torch.float64)
        for r, p in enumerate(pairs):
            self.weight[r, : len(p.weight)] = torch.from_numpy(p.weight)
        self.weight = self.weight.to(device)

    def __call__(self, flat: Tensor) -> Tensor:
        """Losses float64 [R] at weights ``flat`` [R, n_parameters]."""
        logits = replica_logits(views(flat, self.shape.parameter_shapes()), self.shape, self.tokens)
        return (self._per_pair(logits.to(self.dtype)) * self.weight).sum(1)

    def _per_pair(self, logits: Tensor) -> Tensor:
        """The loss of every pair, [R, N]: one call for the replicas that share a loss."""
        found: dict[int, Tensor] = {}
        for (name, options), replicas in self.losses.items():
            some = slice(None) if len(replicas) == len(logits) else replicas
            part, answers = logits[some], self.answers[some]
            losses = LOSSES.get(name).per_pair(part.flatten(0, 1), answers.flatten(), options)
            if isinstance(some, slice):
                return losses.view_as(answers)
            found |= dict(zip(replicas, losses.view_as(answers), strict=True))
        return torch.stack([found[r] for r in range(len(logits))])

    def backward(self, flat: Tensor, gradient: Tensor) -> Tensor:
        """Losses [R]; ``gradient`` [R, n_parameters] is overwritten by theirs."""
        leaf = flat.detach().requires_grad_()
        losses = self(leaf)
        gradient.copy_(torch.autograd.grad(losses.sum(), leaf)[0])
        return losses.detach()


def _stacked(arrays: Sequence[Any], device: torch.device) -> Tensor:
    return torch.stack([torch.from_numpy(array) for array in arrays]).to(device)


def replica_logits(weights: Tensors, shape: Any, tokens: Tensor) -> Tensor:
    """Logits [R, N, n_classes] of R replicas, for weights with a leading axis R.

    tokens: int64 [R, N, n_ctx].

    One replica after the other for a model that has no short cut: its ``logits`` may do what
    ``torch.func.vmap`` cannot follow, and a run's bits then do not depend on how many runs there are.
    """
    if lookup.serves(shape):
        return lookup.last_position(weights, shape, tokens)[1]
    model = MODELS.get(shape.model)
    replicas = [{name: tensor[r] for name, tensor in weights.items()} for r in range(len(tokens))]
    return torch.stack([model.logits(w, shape, t) for w, t in zip(replicas, tokens, strict=True)])


WARM_UPS = 3
"""Eager rehearsals before a capture, as CUDA graphs require."""


class BatchTrainer:
    """As ``engines.choose.Trainer``; the runs' parameters become rows of one tensor."""

    def __init__(self, runs: Sequence[tuple[Parameters, TrainPairs]]) -> None:
        self.parameters = [p for p, _ in runs]
        shapes = {p.shape for p in self.parameters}
        if len(shapes) != 1:
            raise ValueError("runs of different shapes cannot be batched")
        dtypes = {DTYPES[p.config.loss_dtype] for p in self.parameters}
        if len(dtypes) != 1:
            raise ValueError("runs of different loss_dtype cannot be batched")
        self.flat = torch.stack([p.flat for p in self.parameters])
        self.gradient = torch.zeros_like(self.flat)
        device = self.flat.device
        self.losses = torch.zeros(len(runs), dtype=torch.float64, device=device)
        losses = [(p.config.loss, p.config.loss_options) for p in self.parameters]
        pairs = [pairs for _, pairs in runs]
        self.loss = BatchedLoss(self.parameters[0].shape, pairs, device, dtypes.pop(), losses)
        self.alike = _step_as_one(self.parameters)
        self.state = self._gathered_state()
        self.schedule = torch.zeros(2, len(runs), device=device)
        self.graph: torch.cuda.CUDAGraph | None = None
        if device.type == "cuda" and not any(map(_run_by_run, self.parameters)):
            for r, p in enumerate(self.parameters):
                p.rate, p.n_before = self.schedule[0, r], self.schedule[1, r]
            self._capture()

    def _gathered_state(self) -> dict[str, Tensor]:
        """Move all runs into the rows of common tensors; returns those of the state, where runs are alike."""
        names = self.parameters[0].state_sizes if self.alike else ()
        state = {name: torch.stack([p.flat_state[name] for p in self.parameters]) for name in names}
        for r, p in enumerate(self.parameters):
            of_run = {name: rows[r] for name, rows in state.items()}
            p.place(self.flat[r], self.gradient[r], p.flat_state | of_run)
        return state

    def advance(self, n: int) -> np.ndarray:
        """As ``Trainer.advance``."""
        losses = torch.empty(n, len(self.parameters), dtype=torch.float64, device=self.flat.device)
        schedule = self._schedule(n) if self.graph is not None else None
        for i in range(n):
            if self.graph is None or schedule is None:
                for p in self.parameters:
                    p.set_schedule()
                self._step()
            else:
                self.schedule.copy_(schedule[i])
                self.graph.replay()
            losses[i] = self.losses
            for p in self.parameters:
                p.n_updates += 1
        return losses.cpu().numpy()

    def _schedule(self, n: int) -> Tensor:
        """Rates and numbers of updates before each of the next ``n`` updates, [n, 2, R] on the device."""
        rows = [
            [[learning_rate(p.config, p.n_updates + i), p.n_updates + i] for p in self.parameters]
            for i in range(n)
        ]
        return torch.tensor(rows, device=self.flat.device).transpose(1, 2).contiguous()

    def _step(self) -> None:
        self.losses.copy_(self.loss.backward(self.flat, self.gradient))
        if self.alike:
            self._step_together()
        else:
            for p in self.parameters:
                p.step()

    def _step_together(self) -> None:
        """One step of the optimiser with the runs as leading axis of every tensor."""
        first = self.parameters[0]
        for p in self.parameters:
            p.filter_gradient()
        state = {name: views(self.state[name], sizes) for name, sizes in first.state_sizes.items()}
        first.optimiser.step(
            views(self.flat, first.sizes),
            views(self.gradient, first.sizes),
            state,
            first.config.optimiser_options,
            first.rate,
            first.n_before,
        )
        for p in self.parameters:
            p.clamp_norm()

    def _capture(self) -> None:
        """Record ``_step`` once; the rehearsals' effect on weights and state is undone."""
        before = [tensor.clone() for tensor in self._changing()]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self._step()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self._step()
        for tensor, value in zip(self._changing(), before, strict=True):
            tensor.copy_(value)

    def _changing(self) -> list[Tensor]:
        """The tensors that an update changes."""
        return [self.flat, *(flat for p in self.parameters for flat in p.flat_state.values())]


def _step_as_one(parameters: Sequence[Parameters]) -> bool:
    """Whether one call of the optimiser can serve all runs.

    An elementwise optimiser is called run by run, on flat tensors: a run's bits then do not depend on the
    others'. One that works on matrices gains much from a batch of them.
    """
    kinds = {(p.optimiser.name, p.config.optimiser_options, p.config.warmup, p.n_updates) for p in parameters}
    first = parameters[0]
    return len(kinds) == 1 < len(parameters) and not (first.optimiser.elementwise or _run_by_run(first))


def _run_by_run(parameters: Parameters) -> bool:
    return getattr(parameters.optimiser, "run_by_run", False)
