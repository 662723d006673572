"""The exact gradient, and an engine's: tests hold them together, ``benchmarks.gradients`` shows how far."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from grokking.config import RunConfig
from grokking.engines.choose import choose_engine, make_trainer
from grokking.engines.parameters import Parameters
from grokking.engines.train_pairs import TrainPairs
from grokking.from_config import shape_of, split_of, task_of
from grokking.models.transformer.network import Weights, forward


def train_pairs(config: RunConfig) -> TrainPairs:
    """What a run of this config is trained on."""
    task = task_of(config)
    return TrainPairs.of(task, split_of(config, task))


def exact_gradient(config: RunConfig, weights: Weights) -> tuple[float, dict[str, Tensor]]:
    """Loss, the mean over operations of each one's mean, and its gradient by parameter: both in float64."""
    task, shape = task_of(config), shape_of(config)
    train = split_of(config, task).train
    w = {name: weights[name].double().requires_grad_() for name in shape.parameter_shapes()}
    logits = forward(w, shape, torch.from_numpy(task.tokens[train]))[:, -1]
    losses = F.cross_entropy(logits, torch.from_numpy(task.answers[train]), reduction="none")
    operation = torch.from_numpy(task.operation_of_pair[train])
    loss = torch.stack([losses[operation == i].mean() for i in range(len(task.names))]).mean()
    return loss.item(), dict(zip(w, torch.autograd.grad(loss, list(w.values())), strict=True))


def engine_gradient(
    engine: str, config: RunConfig, weights: Weights, threads: int | None = None
) -> tuple[float, dict[str, Tensor]]:
    """The same by an engine, in float32: an update at rate zero leaves the gradient, and no other trace."""
    parameters = Parameters(replace(config, lr=0.0), weights, torch.device("cpu"))
    trainer = make_trainer(choose_engine(engine, parameters), [(parameters, train_pairs(config))], threads)
    [[loss]] = trainer.advance(1).tolist()
    assert all(torch.equal(parameters.weights[name], w.float()) for name, w in weights.items())
    return loss, {name: g.clone() for name, g in parameters.gradient.items()}
