"""Transformers of other builds against loops over heads and positions in float64, and what they train to."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.engines import lookup
from grokking.engines.choose import choose_engine, make_trainer
from grokking.engines.parameters import Parameters
from grokking.engines.train_pairs import TrainPairs
from grokking.errors import UserError
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.metrics.activations import ActivationCache
from grokking.models import MODELS
from grokking.models.transformer import EXTRA_BIASES, ModelShape

SMALL = {"p": 7, "d_model": 8, "n_heads": 2, "d_mlp": 12, "train_frac": 0.5}
NORM = {"layer_norm": True, "layer_norm_eps": 0.1}
BUILDS = {
    "two layers": {"n_layers": 2},
    "four layers": {"n_layers": 4, "layer_norm": True, "biases": ",".join(EXTRA_BIASES)},
    "both directions": {"n_layers": 2, "attention_dir": "bidirectional"},
    "constant attention": {"attention_rate": 0.0, "two_tokens": True},
    "mixed attention": {"attention_rate": 0.3, "n_layers": 2, "attention_dir": "bidirectional"},
    "RMSNorm": {**NORM, "norm_kind": "rms"},
    "norms after": {**NORM, "norm_places": "after", "n_layers": 2},
    "norms after and at the end": {**NORM, "norm_places": "after,final"},
    "no final norm": {**NORM, "norm_places": "before"},
    "a final norm alone": {**NORM, "norm_places": "final", "norm_kind": "rms"},
    "tied": {"tied_embedding": True},
    "a vocabulary each": {"separate_vocabularies": True},
    "two tokens": {"two_tokens": True, "separate_vocabularies": True, "tied_embedding": True},
}
Doubled = dict[str, np.ndarray]


def config_of(build: str) -> RunConfig:
    return RunConfig(**SMALL, **BUILDS[build])


def norm(x: np.ndarray, w: Doubled, name: str, shape: ModelShape) -> np.ndarray:
    if shape.norm_kind == "rms":
        return x / np.sqrt((x**2).mean() + shape.layer_norm_eps) * w[f"{name}_w"]
    return (x - x.mean()) / np.sqrt(x.var() + shape.layer_norm_eps) * w[f"{name}_w"] + w[f"{name}_b"]


def by_loops(w: Doubled, shape: ModelShape, question: list[int]) -> np.ndarray:
    """Logits [n_classes] of one question, from the definition."""
    places = shape.norm_places.split(",") if shape.layer_norm else []
    tokens = question[: 2 if shape.two_tokens else 3]
    if shape.separate_vocabularies:
        tokens = [tokens[0], *(token + shape.n_numbers for token in tokens[1:])]
    stream = [w["W_E"][token] + w["W_pos"][i] for i, token in enumerate(tokens)]
    for layer in range(shape.n_layers):
        prefix = f"block{layer}_" if layer else ""
        own = {name: w[prefix + name] for name in w if prefix + name in w}
        stream = layer_by_loops(own, shape, stream, places)
    last = norm(stream[-1], w, "ln_final", shape) if "final" in places else stream[-1]
    unembed = w["W_E"][: shape.n_classes].T if shape.tied_embedding else w["W_U"]
    return last @ unembed + w.get("b_U", 0)


def layer_by_loops(
    w: Doubled, shape: ModelShape, stream: list[np.ndarray], places: list[str]
) -> list[np.ndarray]:
    read = [norm(x, w, "ln1", shape) if "before" in places else x for x in stream]
    out = []
    for i, x in enumerate(stream):
        seen = range(len(stream)) if shape.attention_dir == "bidirectional" else range(i + 1)
        total = x + w.get("b_O", 0)
        for h in range(shape.n_heads):
            q, k, v = (
                [y @ w[f"W_{n}"][h] + (w[f"b_{n}"][h] if f"b_{n}" in w else 0) for y in read] for n in "QKV"
            )
            scores = np.array([np.exp(q[i] @ k[j] / shape.d_head**0.5) for j in seen])
            pattern = shape.attention_rate * scores / scores.sum() + 1 - shape.attention_rate
            total = total + sum(a * v[j] for a, j in zip(pattern, seen, strict=True)) @ w["W_O"][h]
        x = norm(total, w, "ln1", shape) if "after" in places else total
        inner = norm(x, w, "ln2", shape) if "before" in places else x
        x = x + np.maximum(inner @ w["W_in"] + w["b_in"], 0) @ w["W_out"] + w["b_out"]
        out.append(norm(x, w, "ln2", shape) if "after" in places else x)
    return out


@pytest.mark.parametrize("build", BUILDS)
def test_logits_follow_from_the_definition(
    build: str, drawn_weights: Callable[[ModelShape], dict[str, Tensor]]
) -> None:
    shape = shape_of(config_of(build))
    weights = {name: w.double() for name, w in drawn_weights(shape).items()}
    assert not lookup.serves(shape)
    questions = [[0, 0, 7], [1, 6, 7], [5, 2, 7]]
    found = MODELS.get("transformer").logits(weights, shape, torch.tensor(questions))
    plain = {name: w.numpy() for name, w in weights.items()}
    expected = np.array([by_loops(plain, shape, question) for question in questions])
    assert np.allclose(found.numpy(), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("build", ["two layers", "mixed attention", "two tokens"])
def test_activations_attention_and_embeddings_are_those_of_the_forward_pass(build: str) -> None:
    config = config_of(build)
    acts = ActivationCache(initial_weights(config), shape_of(config), task_of(config))
    tokens = acts.task.tokens
    assert torch.allclose(acts.logits_of_embedded(acts.embedded(tokens)), acts.outputs.logits, atol=1e-6)
    pattern, shape = acts.attention(tokens), acts.shape
    assert pattern.shape == (49, shape.n_layers, 2, shape.n_ctx)
    total = shape.attention_rate + (1 - shape.attention_rate) * shape.n_ctx
    assert torch.allclose(pattern.sum(-1), torch.full(pattern.shape[:-1], total), atol=1e-6)
    assert acts.outputs.neurons.shape == (49, 12)
    assert acts.number_rows("add").shape == (7, 16 if shape.separate_vocabularies else 8)


@pytest.mark.parametrize("engine", ["batched", "reference"])
def test_every_engine_but_the_tables_trains_them(engine: str) -> None:
    config = replace(config_of("mixed attention"), lr=1e-2)
    parameters = Parameters(config, initial_weights(config), torch.device("cpu"))
    assert choose_engine("auto", parameters) == "batched"
    with pytest.raises(UserError, match="one-layer transformer only"):
        choose_engine("numba", parameters)
    task, split = task_of(config), split_of(config)
    losses = make_trainer(engine, [(parameters, TrainPairs.of(task, split))]).advance(30)
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"n_layers": 5}, "n_layers is 5; accepted: a whole number of 1 to 4"),
        ({"attention_rate": 1.5}, "attention_rate is 1.5; accepted: from 0 to 1"),
        ({"norm_kind": "rms"}, "norm_kind is 'rms'; accepted: only with layer_norm"),
        ({"two_tokens": True, "task": "add,mul"}, "this one has 2 operations"),
        ({"two_tokens": True, "task": "kinematics", "p": None}, "3 operands"),
        ({"tied_embedding": True, "two_tokens": True, "equals_class": True}, "here 8 and 7"),
        ({"n_layers": 2, "init_scheme": "nanda"}, "use init_scheme standard"),
    ],
)
def test_a_build_that_cannot_be_is_refused_by_name(fields: dict[str, object], message: str) -> None:
    values = {name: value for name, value in {**SMALL, **fields}.items() if value is not None}
    with pytest.raises(UserError, match=message):
        config = RunConfig(**values)
        shape_of(config)
        initial_weights(config)


def test_the_default_model_writes_the_record_that_it_always_wrote() -> None:
    record = RunConfig().as_dict()
    assert not {"n_layers", "two_tokens", "attention_rate", "norm_kind"} & set(record)
    deep = RunConfig(n_layers=2, two_tokens=True)
    assert RunConfig.from_dict(deep.as_dict()) == deep
    assert {name: deep.as_dict()[name] for name in ("n_layers", "two_tokens")} == {
        "n_layers": 2,
        "two_tokens": True,
    }
