"""The plain forward pass against loops over heads and positions in float64."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of
from grokking.models.transformer import EXTRA_BIASES, ModelShape
from grokking.models.transformer.network import OneLayerTransformer, forward

SHAPE = ModelShape(n_numbers=7, n_ops=2, d_model=8, n_heads=2, d_head=4, d_mlp=12, n_classes=8)
TOKENS = [[0, 0, 7], [1, 6, 8], [5, 2, 7], [6, 6, 8]]
SHAPES = {
    "plain": SHAPE,
    "gelu": replace(SHAPE, activation="gelu"),
    "gelu by tanh": replace(SHAPE, activation="gelu_tanh"),
    "silu": replace(SHAPE, activation="silu"),
    "another epsilon": replace(SHAPE, layer_norm=True, layer_norm_eps=0.1),
    "layer norm": replace(SHAPE, layer_norm=True),
    "temperature": replace(SHAPE, attention_temperature=0.3),
    "biases": replace(SHAPE, biases=EXTRA_BIASES),
    "wide heads": replace(SHAPE, d_head=6),
    "all": replace(SHAPE, activation="gelu", layer_norm=True, attention_temperature=2.0, biases=EXTRA_BIASES),
}


BY_HAND = {
    "relu": lambda x: max(x, 0.0),
    "gelu": lambda x: 0.5 * x * (1 + math.erf(x / 2**0.5)),
    "gelu_tanh": lambda x: 0.5 * x * (1 + math.tanh((2 / math.pi) ** 0.5 * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + math.exp(-x)),
}


def doubled(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.double() for name, tensor in weights.items()}


def by_loops(weights: dict[str, Tensor], shape: ModelShape, tokens: list[int]) -> np.ndarray:
    """Logits [3, n_classes] of one input."""
    w = {name: tensor.double().numpy() for name, tensor in weights.items()}

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        if not shape.layer_norm:
            return x
        scaled = (x - x.mean()) / np.sqrt(x.var() + shape.layer_norm_eps)
        return scaled * w[f"{name}_w"] + w[f"{name}_b"]

    def activation(x: float) -> float:
        return BY_HAND[shape.activation](x)

    def bias(name: str, *index: int) -> np.ndarray | float:
        return w[f"b_{name}"][index] if f"b_{name}" in shape.biases else 0.0

    residual = [w["W_E"][token] + w["W_pos"][position] for position, token in enumerate(tokens)]
    normed = [norm(x, "ln1") for x in residual]
    logits = []
    for here in range(3):
        x = residual[here].copy()
        for h in range(shape.n_heads):
            query = normed[here] @ w["W_Q"][h] + bias("Q", h)
            scores = [query @ (normed[there] @ w["W_K"][h] + bias("K", h)) for there in range(here + 1)]
            scale = math.sqrt(shape.d_head) * shape.attention_temperature
            weight = np.exp(np.array(scores) / scale)
            weight /= weight.sum()
            for there in range(here + 1):
                x += weight[there] * (normed[there] @ w["W_V"][h] + bias("V", h)) @ w["W_O"][h]
        x += bias("O")
        hidden = norm(x, "ln2") @ w["W_in"] + w["b_in"]
        x = x + np.array([activation(v) for v in hidden]) @ w["W_out"] + w["b_out"]
        logits.append(norm(x, "ln_final") @ w["W_U"] + bias("U"))
    return np.array(logits)


@pytest.mark.parametrize("name", SHAPES)
def test_forward_is_the_transformer_written_out(name: str, drawn_weights) -> None:
    shape = SHAPES[name]
    weights = doubled(drawn_weights(shape))
    logits = forward(weights, shape, torch.tensor(TOKENS))
    assert logits.shape == (4, 3, 8)
    for found, tokens in zip(logits.numpy(), TOKENS, strict=True):
        np.testing.assert_allclose(found, by_loops(weights, shape, tokens), rtol=1e-10, atol=1e-12)


def test_an_unknown_activation_is_refused(drawn_weights) -> None:
    with pytest.raises(UserError, match=r"unknown activation 'swiglu'; known: relu, gelu, gelu_tanh, silu"):
        forward(drawn_weights(SHAPE), replace(SHAPE, activation="swiglu"), torch.tensor(TOKENS))


def test_the_module_reads_the_last_position(drawn_weights) -> None:
    weights = drawn_weights(SHAPE)
    model, tokens = OneLayerTransformer(SHAPE, weights), torch.tensor(TOKENS)
    with torch.no_grad():
        assert torch.equal(model(tokens), forward(weights, SHAPE, tokens)[:, 2])
    assert {n: tuple(w.shape) for n, w in model.weights.items()} == SHAPE.parameter_shapes()


def test_earlier_positions_do_not_see_later_ones(drawn_weights) -> None:
    weights = drawn_weights(SHAPE)
    one, other = forward(weights, SHAPE, torch.tensor([[3, 4, 7], [3, 5, 8]]))
    assert torch.equal(one[0], other[0])
    assert not torch.allclose(one[1], other[1])


def test_with_all_else_zero_the_biases_answer() -> None:
    weights = {name: torch.zeros(size) for name, size in SHAPE.parameter_shapes().items()}
    weights["b_out"][:] = torch.arange(8.0)
    weights["W_U"][:] = torch.eye(8)
    logits = OneLayerTransformer(SHAPE, weights)(torch.tensor(TOKENS))
    assert torch.equal(logits, torch.arange(8.0).expand(4, 8))


def test_wrong_shapes_are_named(drawn_weights) -> None:
    weights = drawn_weights(SHAPE)
    weights["W_in"] = weights["W_in"].T
    with pytest.raises(ValueError, match=r"W_in is \(12, 8\), expected \(8, 12\)"):
        OneLayerTransformer(SHAPE, weights)


def test_the_module_owns_its_weights(drawn_weights) -> None:
    weights = drawn_weights(SHAPE)
    model = OneLayerTransformer(SHAPE, weights)
    weights["W_E"].zero_()
    assert model.weights["W_E"].abs().sum() > 0


def test_shapes_follow_the_config() -> None:
    config = RunConfig(p=13, task="add,mul", d_model=24, n_heads=3, d_mlp=10, equals_class=True)
    shape = shape_of(config)
    sizes = shape.parameter_shapes()
    assert (shape.d_vocab, shape.d_head, shape.n_classes) == (15, 8, 14)
    assert sizes["W_E"] == (15, 24)
    assert sizes["W_pos"] == (3, 24)
    assert sizes["W_Q"] == sizes["W_K"] == sizes["W_V"] == (3, 24, 8)
    assert sizes["W_O"] == (3, 8, 24)
    assert sizes["W_U"] == (24, 14)
    assert not any(name.startswith("ln") for name in sizes)
    imported = shape_of(replace(config, head_width=5, biases="b_Q,b_U", extra_tokens=2, extra_classes=3))
    assert (imported.d_vocab, imported.n_classes) == (17, 17)
    assert imported.parameter_shapes()["W_O"] == (3, 5, 24)
    added = {n: size for n, size in imported.parameter_shapes().items() if n not in sizes}
    assert added == {"b_Q": (3, 5), "b_U": (17,)}
    normed = shape_of(replace(config, layer_norm=True)).parameter_shapes()
    assert set(normed) - set(sizes) == {f"{n}_{x}" for n in ("ln1", "ln2", "ln_final") for x in "wb"}
