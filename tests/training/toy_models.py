"""Two toy models, all of it outside the package: an MLP on summed embeddings, and a table of logits."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from grokking.config_fields import Options, option
from grokking.models import MODELS
from grokking.models.base import misfit
from grokking.tasks.base import Vocabulary

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class ToyOptions(Options):
    width: int = option(12, "width of the embedding and of the hidden layer")


@dataclass(frozen=True)
class ToyShape:
    model: str
    n_numbers: int
    n_ctx: int
    n_classes: int
    sizes: tuple[tuple[str, tuple[int, ...]], ...]

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return dict(self.sizes)

    def misfit(self, weights: Weights) -> str | None:
        return misfit(self.parameter_shapes(), weights)


def shape(model: str, v: Vocabulary, **sizes: tuple[int, ...]) -> ToyShape:
    return ToyShape(model, v.n_numbers, v.n_ctx, v.n_classes, tuple(sizes.items()))


def draw(shape: ToyShape, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(size, generator=generator) / 2 for name, size in shape.sizes}


class ToyMLP:
    """logits = relu(Σ W_E[token] W_in + b_in) W_U: it has neurons and an embedding."""

    name = "toy_mlp"
    options = ToyOptions
    engines = ("batched", "reference")

    def shape(self, options: ToyOptions, v: Vocabulary) -> ToyShape:
        d, vocab = options.width, v.n_numbers + v.n_ops
        return shape(self.name, v, W_E=(vocab, d), W_in=(d, d), b_in=(d,), W_U=(d, v.n_classes))

    def initial_weights(self, shape: ToyShape, seed: int, scheme: str) -> dict[str, Tensor]:
        return draw(shape, seed)

    def activations(self, weights: Weights, shape: ToyShape, tokens: Tensor) -> dict[str, Tensor]:
        summed = weights["W_E"][tokens].sum(1)
        neurons = torch.relu(summed @ weights["W_in"] + weights["b_in"])
        return {"neurons": neurons, "logits": neurons @ weights["W_U"]}

    def logits(self, weights: Weights, shape: ToyShape, tokens: Tensor) -> Tensor:
        return self.activations(weights, shape, tokens)["logits"]


class ToyTable:
    """logits = Σ table[token], written as a program rather than a product: neither neurons nor W_E."""

    name = "toy_table"
    options = Options
    engines = ("batched", "reference")

    def shape(self, options: Options, v: Vocabulary) -> ToyShape:
        return shape(self.name, v, table=(v.n_numbers + v.n_ops, v.n_classes))

    def initial_weights(self, shape: ToyShape, seed: int, scheme: str) -> dict[str, Tensor]:
        return draw(shape, seed)

    def logits(self, weights: Weights, shape: ToyShape, tokens: Tensor) -> Tensor:
        rows = [weights["table"][question.tolist()].sum(0) for question in tokens]
        return torch.stack(rows)


ENTRIES = [MODELS.register(ToyMLP()), MODELS.register(ToyTable())]
