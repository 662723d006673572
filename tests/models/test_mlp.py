"""The MLP against its definition, its measures, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.audit.checkpoint import audit_checkpoint
from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import initial_weights, shape_of, task_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.history_row import measure_row
from grokking.page.measure import page_views
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory

SMALL = {"p": 7, "model": "mlp", "d_model": 6, "d_mlp": 10}
BUILDS = {
    "embeddings side by side": {},
    "one embedding": {"shared_embedding": True, "biases": "b_in,b_U"},
    "the sum": {"combine": "sum", "activation": "gelu"},
    "two layers": {"n_layers": 2, "biases": "b_in"},
    "a square of the sum": {"n_layers": 0, "combine": "sum", "activation": "square", "d_mlp": 6},
}


def observed(build: str) -> ActivationCache:
    config = RunConfig(**(SMALL | BUILDS[build]))
    generator = torch.Generator().manual_seed(0)
    weights = {name: torch.randn(w.shape, generator=generator) for name, w in initial_weights(config).items()}
    return ActivationCache(weights, shape_of(config), task_of(config))


def by_hand(acts: ActivationCache, a: int, b: int) -> np.ndarray:
    """Logits [n_classes] of one pair, from the definition."""
    w = {name: tensor.double().numpy() for name, tensor in acts.weights.items()}
    shape = acts.shape
    first, second = (w["W_E"][[a, b]]) if shape.shared_embedding else (w["W_x"][a], w["W_y"][b])
    x = first + second if shape.combine == "sum" else np.concatenate([first, second])
    gelu = np.vectorize(lambda v: float(torch.nn.functional.gelu(torch.tensor(v, dtype=torch.float64))))
    act = {"relu": lambda v: np.maximum(v, 0), "square": np.square, "gelu": gelu}[shape.activation]
    x = x @ w["W_in"] if shape.n_layers else x
    x = act(x + w.get("b_in", 0))
    for i in range(shape.n_layers - 1):
        x = act(x @ w["W_hidden"][i] + (w["b_hidden"][i] if "b_hidden" in w else 0))
    return np.asarray(x @ w["W_U"] + w.get("b_U", 0))


@pytest.mark.parametrize("build", BUILDS)
def test_logits_follow_from_the_definition(build: str) -> None:
    acts = observed(build)
    expected = np.array([by_hand(acts, a, b) for a, b, _ in acts.task.tokens.tolist()])
    assert np.allclose(acts.outputs.logits.numpy(), expected, rtol=1e-4, atol=1e-3)
    embedded = acts.embedded(acts.task.tokens)
    assert embedded.shape == (49, 2, 6)
    assert torch.allclose(acts.logits_of_embedded(embedded), acts.outputs.logits, atol=1e-4)


def test_the_measures_of_a_transformer_are_taken_of_an_mlp_too() -> None:
    acts = observed("embeddings side by side")
    row = measure_row(acts, None)
    assert {"all_loss", "all_acc", "weight_norm", "fourier_strength", "gini"} <= set(row)
    assert all(row[name] is not None for name in ("fourier_strength", "gini", "dominant_frequency"))
    both = np.concatenate([acts.weights["W_x"].double(), acts.weights["W_y"].double()], axis=1)
    assert np.array_equal(acts.number_rows("add"), both)
    assert not acts.has_attention
    with pytest.raises(UserError, match="the model mlp has no attention"):
        acts.attention(acts.task.tokens)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"task": "add,mul"}, "model is 'mlp'; accepted: a task of one operation.* this one has 2 and 2"),
        ({"n_layers": 0}, "combine is 'side_by_side'; accepted: sum"),
        ({"n_layers": 0, "combine": "sum"}, "d_mlp is 10; accepted: d_model = 6"),
        ({"n_heads": 2}, "n_heads is 2, but .* it means nothing"),
        ({"biases": "b_U,b_in"}, "in this order"),
        ({"activation": "tanh"}, "unknown activation 'tanh'; known: relu, gelu, gelu_tanh, silu, square"),
        ({"init_scheme": "nanda"}, "accepted with the model mlp: standard"),
    ],
)
def test_what_an_mlp_cannot_be(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        config = RunConfig(**(SMALL | fields))
        shape_of(config)
        initial_weights(config)


def test_what_reads_a_plain_transformer_says_so(tmp_path: Path) -> None:
    config = RunConfig(**(SMALL | {"train_frac": 0.5}))
    directory = RunDirectory(tmp_path / "run")
    directory.create(config, {})
    directory.save(Checkpoint(0, initial_weights(config), config))
    run = Run(directory.path)
    with pytest.raises(UserError, match="the page reads a plain transformer of one layer.*the model mlp"):
        page_views(run)
    with pytest.raises(UserError, match="this run has the model mlp"):
        _ = RunView(run).attention
    audited = audit_checkpoint(run, 0)["operations"]["add"]
    assert "slopes of the loss" in audited["unasked"]
    assert {"sufficient"} <= {check["name"] for check in audited["checks"]}
