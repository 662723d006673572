"""Facts that no file says are chosen by what the network answers."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from grokking.runs.run import Run
from tests.interop import foreign
from tests.interop.conftest import fit, plain_state

RECORDED = Path(__file__).parents[2] / "docs" / "recorded"
SHARED = Path(__file__).parents[3] / "shared" / "networks" / "layer_norm"
P = 11


@pytest.mark.parametrize("run", ["multiplication", "addition"])
def test_recorded_networks_are_read_as_they_were_trained(run: str, imported) -> None:
    """Of ReLU, of which the loss alone would say GELU: it is 1.2e-7 with GELU and 1.8e-7 with ReLU."""
    kept = Run(RECORDED / run)
    state = plain_state(kept)
    config = Run(imported(state, task=kept.config.task, p=kept.config.p).path).config
    assert (config.n_heads, config.activation, config.attention_temperature) == (4, "relu", 1)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
def test_the_activation_of_a_network_that_learnt_is_found(activation, imported, monkeypatch) -> None:
    torch.manual_seed(0)
    network = foreign.TransformerLens(P, norms=True)
    monkeypatch.setattr(foreign.F, "relu", {"relu": F.relu, "gelu": F.gelu, "silu": F.silu}[activation])
    fit(network, P, epochs=300)
    with torch.no_grad():
        expected = network.logits(torch.cartesian_prod(torch.arange(P), torch.arange(P), torch.tensor([P])))
    monkeypatch.undo()
    result = imported(network.state_dict())
    run = Run(result.path)
    assert run.config.activation == activation
    (note,) = (n for n in result.notes if n.startswith("activation: "))
    assert "chosen by the spread of right answers' margins" in note
    torch.testing.assert_close(run.observe(0).outputs.logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs networks of others, which are no part of the project")
def test_a_public_network_of_gelu_and_layer_norm(imported) -> None:
    """Fused queries, keys and values; gamma and beta. Read as ReLU, its loss would be .0485."""
    result = imported(SHARED / "p97_frac0.30_wd1_seed0.pt")
    run = Run(result.path)
    config = run.config
    assert (config.p, config.n_heads, config.activation, config.layer_norm) == (97, 4, "gelu", True)
    assert (config.layer_norm_eps, config.attention_temperature) == (1e-5, 1)
    assert run.history["all_acc"] == [1]
    assert run.history["all_loss"][0] == pytest.approx(0.0068929, abs=5e-8)
    split = imported(SHARED / "p97_frac0.30_wd1_seed0.pt", split="torch-randperm:0", activation="relu")
    history = Run(split.path).history
    assert 0.3 * history["train_loss"][0] + 0.7 * history["test_loss"][0] == pytest.approx(0.0485, abs=1e-4)
