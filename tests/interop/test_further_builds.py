"""Builds under foreign names: an unembedding that is the embedding, and MLPs of several hidden layers."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grokking.errors import UserError
from grokking.interop.deep_mlps import chain_of
from grokking.interop.importing import ImportResult
from grokking.runs.run import Run
from tests.interop.foreign import Plain, TransformerLens

P = 7
Import = Callable[..., ImportResult]


class Tied(Plain):
    """``Plain`` without an unembedding: the logits are products with the embedding of every token."""

    def __init__(self, p: int, bias: bool = False) -> None:
        super().__init__(p)
        del self.unembed
        self.unembed = lambda x: x @ self.embed.weight.T + (self.head.bias if bias else 0)
        if bias:
            self.head = nn.Module()
            self.head.bias = nn.Parameter(torch.randn(p + 1))


class DeepMLP(nn.Module):
    """nn.Embedding, nn.Linear with ReLU, an output layer; one embedding or one for each operand."""

    def __init__(self, p: int, hidden: int, shared: bool, bias: bool, side: bool = True) -> None:
        super().__init__()
        d, m = 6, 10
        names = ["embedding"] if shared else ["embed_a", "embed_b"]
        for name in names:
            setattr(self, name, nn.Embedding(p, d))
        self.names, self.side = [names[0], names[-1]], side
        widths = [2 * d if side else d, *([m] * hidden), p]
        self.layers = nn.ModuleList(nn.Linear(i, o, bias=bias) for i, o in itertools.pairwise(widths))

    def logits(self, tokens: Tensor) -> Tensor:
        parts = [getattr(self, name)(tokens[:, i]) for i, name in enumerate(self.names)]
        x = torch.cat(parts, dim=1) if self.side else parts[0] + parts[1]
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


def check(theirs: nn.Module, path: Path) -> Run:
    """The imported run has their logits, on the classes that it asks for."""
    run = Run(path)
    expected = theirs.logits(torch.from_numpy(run.task.tokens))
    torch.testing.assert_close(run.observe(0).outputs.logits, expected.detach(), atol=1e-5, rtol=1e-5)
    return run


@pytest.mark.parametrize("bias", [False, True])
def test_a_network_without_unembedding_is_read_as_tied(bias: bool, imported: Import) -> None:
    theirs = Tied(P, bias)
    result = imported(theirs.state_dict(), n_heads=1, activation="relu", attention_temperature=1.0, p=P)
    config = check(theirs, result.path).config
    assert config.tied_embedding
    assert config.equals_class
    assert "no unembedding in the weights: the transposed embedding" in result.notes


def test_tied_keys_of_transformer_lens(imported: Import) -> None:
    state = TransformerLens(P, biases=False).state_dict()
    embedding = state["embed.W_E"]
    del state["unembed.W_U"], state["unembed.b_U"]
    result = imported(state, activation="relu", attention_temperature=1.0, p=P)
    acts = Run(result.path).observe(0)
    assert acts.shape.tied_embedding
    assert acts.shape.n_classes == P + 1
    torch.testing.assert_close(acts.weights["W_E"], embedding)


@pytest.mark.parametrize("hidden", [2, 4])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_deep_mlps_answer_as_in_their_own_library(
    hidden: int, shared: bool, bias: bool, imported: Import
) -> None:
    theirs = DeepMLP(P, hidden, shared, bias)
    config = check(theirs, imported(theirs.state_dict(), activation="relu", p=P).path).config
    assert (config.model, config.n_layers, config.combine) == ("mlp", hidden, "side_by_side")
    assert (config.shared_embedding, config.biases) == (shared, "b_in,b_U" if bias else "")


def test_a_deep_mlp_on_the_sum_of_its_embeddings(imported: Import) -> None:
    theirs = DeepMLP(P, 3, shared=False, bias=False, side=False)
    assert check(theirs, imported(theirs.state_dict(), activation="relu", p=P).path).config.combine == "sum"


def test_matrices_that_multiply_from_the_right(imported: Import) -> None:
    theirs = DeepMLP(P, 2, shared=False, bias=False)
    state = {"W_x": theirs.embed_a.weight, "W_y": theirs.embed_b.weight}
    state |= {f"W{i}": layer.weight.T for i, layer in enumerate(theirs.layers)}
    state = {key: tensor.detach().contiguous() for key, tensor in state.items()}
    assert check(theirs, imported(state, activation="relu", p=P).path).config.n_layers == 2


def test_hidden_layers_with_and_without_bias_are_not_mixed(imported: Import) -> None:
    state = DeepMLP(P, 2, shared=True, bias=True).state_dict()
    del state["layers.1.bias"]
    with pytest.raises(UserError, match="some have a bias and others none"):
        imported(state, p=P)


@pytest.mark.parametrize("change", [{"layers.1.weight": (9, 10)}, {"extra.weight": (5, 5)}])
def test_matrices_that_are_no_chain_are_not_taken_for_one(change: dict[str, tuple[int, int]]) -> None:
    state = DeepMLP(P, 2, shared=True, bias=False).state_dict()
    state |= {key: torch.zeros(size) for key, size in change.items()}
    axes = chain_of({"embedding.weight": state["embedding.weight"]}, {})
    assert axes is None
    from grokking.interop.deep_mlps import DEEP

    entry = DEEP.entries["W_E"][0][1]
    assert chain_of(state, {"W_E": ("embedding.weight", entry)}) is None
