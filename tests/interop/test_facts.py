"""Facts that decide numbers are read where a file says them, and refused where networks here lack them."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of
from grokking.interop.config_files import OWN_CONFIG
from grokking.interop.export import export_checkpoint
from grokking.interop.transformer_lens import config_of, legacy_state_dict
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import normalise
from grokking.runs.run import Run
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory
from tests.interop.foreign import Plain, TransformerLens

P = 7
SHAPE = ModelShape(n_numbers=P, n_ops=1, d_model=16, n_heads=2, d_head=8, d_mlp=24, n_classes=P)


def note_of(result: Any, fact: str) -> str:
    (note,) = (note for note in result.notes if note.startswith(f"{fact}: "))
    return note


@pytest.fixture
def state(drawn_weights) -> dict[str, torch.Tensor]:
    """A network under TransformerLens's keys, as somebody else saves it."""
    return legacy_state_dict(drawn_weights(SHAPE), SHAPE)


def test_the_config_of_transformer_lens_is_read(state, imported) -> None:
    change = {"act_fn": "gelu_new", "attn_scale": 8**0.5 * 0.3, "attention_dir": "bidirectional"}
    config = config_of(SHAPE) | change
    result = imported({"config": config, "state_dict": state})
    run = Run(result.path)
    assert (run.config.activation, run.config.attention_temperature) == ("gelu_tanh", 0.3)
    assert note_of(result, "activation") == "activation: gelu_tanh (read from weights.pt, act_fn)"
    assert "read from weights.pt, attn_scale" in note_of(result, "attention scale")
    assert note_of(result, "attention mask").startswith("attention mask: bidirectional (read from")
    facts = run.directory.record()["import"]["facts"]
    assert facts["activation"] == {"value": "gelu_tanh", "how": "read from weights.pt, act_fn"}
    assert [*facts][1:] == ["heads", "attention scale", "attention mask", "positions", "layer norm"]


def test_scores_that_are_not_scaled(state, imported) -> None:
    config = config_of(SHAPE) | {"use_attn_scale": False}
    run = Run(imported({"config": config, "state_dict": state}).path)
    assert run.shape.score_scale == pytest.approx(1, rel=1e-11)


@pytest.mark.parametrize("scale", [-1, 8**0.5])
def test_the_usual_scale_is_exactly_the_usual_one(scale: float, state, imported) -> None:
    config = config_of(SHAPE) | {"attn_scale": scale}
    run = Run(imported({"config": config, "state_dict": state}).path)
    assert run.config.attention_temperature == 1


def test_layer_norm_without_parameters_and_its_epsilon(state, imported) -> None:
    """As TransformerLens keeps a network whose scales and shifts were folded into the next matrices."""
    config = config_of(SHAPE) | {"normalization_type": "LNPre", "eps": 1e-3}
    run = Run(imported({"config": config, "state_dict": state}).path)
    assert (run.config.layer_norm, run.config.layer_norm_eps) == (True, 1e-3)
    weights, x = run.weights(0), state["embed.W_E"] + state["pos_embed.W_pos"][0]
    assert all(bool((weights[f"{n}_w"] == 1).all()) for n in ("ln1", "ln2", "ln_final"))
    centred = x - x.mean(-1, keepdim=True)
    expected = centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-3).sqrt()
    torch.testing.assert_close(normalise(x, weights, "ln1", run.shape), expected)


@pytest.mark.parametrize(
    "key, value, word",
    [
        (
            "act_fn",
            "solu_ln",
            "act_fn 'solu_ln'; accepted: relu, gelu, gelu_tanh, silu; --activation overrides",
        ),
        ("normalization_type", "RMS", "RMSNorm is read from weights.pt, normalization_type, but the tensors"),
        ("normalization_type", "batch", "without parameters (LNPre), RMSNorm (RMS), or none"),
        ("normalization_type", "LN", "but the tensors have no scales and shifts of one"),
        ("positional_embedding_type", "rotary", "'rotary'; accepted: learned positions"),
        ("attention_dir", "sideways", "'sideways'; accepted: causal, bidirectional, none"),
        ("attn_scores_soft_cap", 50.0, "soft_cap 50.0; networks here have attention scores without a cap"),
        ("output_logits_soft_cap", 30.0, "logits without a cap"),
        ("gated_mlp", True, "an MLP without a gate"),
        ("n_layers", 2, "2 layers are read from weights.pt, n_layers, but the tensors are those of 1"),
        ("n_layers", 9, "n_layers 9; accepted: 1 to 4 layers"),
        ("n_heads", 4, "n_heads 4"),
        ("attn_scale", 0.0, "accepted: a number above 0"),
    ],
)
def test_what_networks_here_cannot_have_is_refused(key: str, value: Any, word: str, state, imported) -> None:
    with pytest.raises(UserError) as caught:
        imported({"config": config_of(SHAPE) | {key: value}, "state_dict": state})
    assert word in str(caught.value)


def test_a_flag_stands_in_for_an_activation_that_is_not_known(state, imported) -> None:
    config = config_of(SHAPE) | {"act_fn": "solu_ln"}
    result = imported({"config": config, "state_dict": state}, activation="silu")
    assert note_of(result, "activation") == "activation: silu (as --activation says)"


@pytest.mark.parametrize(
    "name, record",
    [
        ("config.json", {"act_fn": "GELU", "eps": 1e-8}),
        ("cfg.json", {"model_config": {"activation": "torch.nn.GELU()"}}),
        ("weights.json", {"hidden_act": "gelu"}),
    ],
)
def test_a_config_in_the_folder_is_read(name: str, record: Any, imported, tmp_path: Path) -> None:
    torch.manual_seed(0)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / name).write_text(json.dumps(record))
    result = imported(Plain(P).state_dict())
    assert Run(result.path).config.activation == "gelu"
    assert f"read from {name}, " in note_of(result, "activation")


def test_a_file_in_the_folder_that_is_no_json_says_nothing(imported, tmp_path: Path) -> None:
    torch.manual_seed(0)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "weights.json").write_text('{"act_fn": "gelu"}\n{"step": 1}\n')
    assert note_of(imported(Plain(P).state_dict()), "activation").startswith("activation: relu (not in")


def test_files_that_contradict_each_other_are_refused(imported, tmp_path: Path) -> None:
    torch.manual_seed(0)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "config.json").write_text(json.dumps({"activation": "relu"}))
    saved = {"config": {"activation": "gelu"}, "model": Plain(P).state_dict()}
    word = r"weights.pt, activation says activation 'gelu', config.json says 'relu'; which is it"
    with pytest.raises(UserError, match=word):
        imported(saved)
    assert Run(imported(saved, activation="gelu").path).config.activation == "gelu"


def test_metadata_of_safetensors_is_read(state, imported, tmp_path: Path) -> None:
    """Texts of others, and the epoch that the first release wrote."""
    path = tmp_path / "network.safetensors"
    safetensors.torch.save_file(state, path, {"epoch": "1200", "config": json.dumps({"act_fn": "silu"})})
    run = Run(imported(path).path)
    assert (run.epochs, run.config.activation) == ([1200], "silu")


def test_a_config_of_another_run_is_found_out(run_of_size, imported, tmp_path: Path) -> None:
    saved = torch.load(export_checkpoint(run_of_size, "state_dict", output=tmp_path / "a.pt"))
    changes = {
        "says d_mlp 20, its weights have 24": {"d_mlp": 20},
        "says d_vocab 6": {"p": 5},
        "another layer norm": {"layer_norm": True},
    }
    for word, change in changes.items():
        with pytest.raises(UserError, match=word):
            imported({**saved, OWN_CONFIG: saved[OWN_CONFIG] | change})
    with pytest.raises(UserError, match="unknown activation 'tanh'"):
        imported({**saved, OWN_CONFIG: saved[OWN_CONFIG] | {"activation": "tanh"}})


@pytest.fixture
def run_of_size(tmp_path: Path, drawn_weights) -> Run:
    config = RunConfig(p=P, d_model=16, n_heads=2, d_mlp=24)
    directory = RunDirectory(tmp_path / "run")
    directory.create(config, {})
    directory.save(Checkpoint(3, drawn_weights(shape_of(config)), config))
    return Run(directory.path)


def test_an_untrained_network_says_nothing_and_that_is_said(imported) -> None:
    torch.manual_seed(0)
    result = imported(TransformerLens(P, norms=True).state_dict())
    for fact, value in (("activation", "relu"), ("layer norm epsilon", "1e-05")):
        assert note_of(result, fact).startswith(
            f"{fact}: {value} (not in the file, and the network's answers do not show"
        )


def test_an_epsilon_without_layer_norm_is_refused(imported) -> None:
    with pytest.raises(UserError, match="--layer_norm_eps is given, but this network has no layer norm"):
        imported(Plain(P).state_dict(), layer_norm_eps=1e-6)
