"""R runs of one shape as one batch: the engine ``lookup``, and the way to train on a GPU.

On CUDA one whole update (forward, float64 loss, backward, AdamW) of all runs is captured as a graph
and replayed; nothing waits for the device until ``advance`` returns. On the CPU the same code runs
eagerly.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from grokking.engines.batched_loss import BatchedLoss
from grokking.engines.parameters import Parameters
from grokking.engines.train_pairs import TrainPairs

WARM_UPS = 3
"""Eager rehearsals before a capture, as CUDA graphs require."""


class BatchTrainer:
    """As ``engines.Trainer``; the runs' parameters become rows of one tensor."""

    def __init__(self, runs: Sequence[tuple[Parameters, TrainPairs]]) -> None:
        self.parameters = [p for p, _ in runs]
        shapes = {p.shape for p in self.parameters}
        if len(shapes) != 1:
            raise ValueError("runs of different shapes cannot be batched")
        first = self.parameters[0]
        self.flat = torch.stack([p.flat for p in self.parameters])
        self.gradient = torch.zeros_like(self.flat)
        self.losses = torch.zeros(len(runs), dtype=torch.float64, device=self.flat.device)
        self.loss = BatchedLoss(first.shape, [pairs for _, pairs in runs], self.flat.device)
        for r, p in enumerate(self.parameters):
            moments, n_updates = p.optimiser_state(), p.n_updates
            p.place(self.flat[r], self.gradient[r])
            p.load({}, moments, n_updates)
        self.graph: torch.cuda.CUDAGraph | None = None
        if self.flat.device.type == "cuda":
            self._capture()

    def advance(self, n: int) -> np.ndarray:
        """As ``Trainer.advance``."""
        losses = torch.empty(n, len(self.parameters), dtype=torch.float64, device=self.flat.device)
        for i in range(n):
            for p in self.parameters:
                p.set_learning_rate()
            if self.graph is None:
                self._step()
            else:
                self.graph.replay()
            losses[i] = self.losses
            for p in self.parameters:
                p.n_updates += 1
        return losses.cpu().numpy()

    def _step(self) -> None:
        self.losses.copy_(self.loss.backward(self.flat, self.gradient))
        for p in self.parameters:
            p.optimiser.step()

    def _capture(self) -> None:
        """Record ``_step`` once; the rehearsals' effect on weights and moments is undone."""
        before = self._snapshot()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self._step()
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self._step()
        for tensor, value in zip(self._state(), before, strict=True):
            tensor.copy_(value)

    def _state(self) -> list[Tensor]:
        moments = [
            tensor
            for p in self.parameters
            for tensor in p.optimiser.state[p.flat].values()
            if isinstance(tensor, Tensor)
        ]
        return [self.flat, *moments]

    def _snapshot(self) -> list[Tensor]:
        return [tensor.clone() for tensor in self._state()]
