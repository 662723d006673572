"""Our networks elsewhere: the same logits, and the way back is exact.

The tests of TransformerLens run where it is installed, in any version; nothing here needs it.
"""

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from grokking.config import RunConfig, preset
from grokking.errors import UserError
from grokking.from_config import shape_of
from grokking.interop.export import export_checkpoint
from grokking.interop.importing import Request, import_checkpoints
from grokking.interop.onnx_graph import model_bytes
from grokking.interop.transformer_lens import config_of, load
from grokking.runs.run import Run
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory
from tests.interop.foreign import TransformerLens

TOLERANCE = 1e-5
SMALL = {"d_model": 16, "n_heads": 2, "d_mlp": 24}
CONFIGS = {
    "plain": RunConfig(p=11, **SMALL),
    "an = class": RunConfig(p=11, **SMALL, equals_class=True),
    "two operations, gelu": RunConfig(p=7, task="add,mul", **SMALL, activation="gelu"),
    "gelu by tanh": RunConfig(p=7, **SMALL, activation="gelu_tanh"),
    "silu": RunConfig(p=7, **SMALL, activation="silu"),
    "another epsilon": RunConfig(p=7, **SMALL, layer_norm=True, layer_norm_eps=0.01),
    "layer norm, temperature": RunConfig(p=7, **SMALL, layer_norm=True, attention_temperature=0.5),
    "all biases, wide heads": RunConfig(p=7, **SMALL, biases="b_Q,b_K,b_V,b_O,b_U", head_width=11),
}
needs_onnx = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None or importlib.util.find_spec("onnx") is None,
    reason="onnx and onnxruntime are optional",
)
needs_transformer_lens = pytest.mark.skipif(
    importlib.util.find_spec("transformer_lens") is None, reason="TransformerLens is optional"
)


@pytest.fixture
def run_of(tmp_path: Path, drawn_weights: Callable[..., dict[str, Tensor]]) -> Callable[..., Run]:
    """run_of(config, dtype) is a run directory with one epoch, 40, in which every parameter matters."""

    def make(config: RunConfig, dtype: torch.dtype = torch.float32) -> Run:
        directory = RunDirectory(tmp_path / "run")
        directory.create(config, {})
        weights = {name: t.to(dtype) for name, t in drawn_weights(shape_of(config)).items()}
        directory.save(Checkpoint(40, weights, config))
        return Run(directory.path)

    return make


def logits_of(run: Run) -> Tensor:
    with torch.no_grad():
        return run.model(40)(torch.from_numpy(run.task.tokens))


# State dicts


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("name", CONFIGS)
def test_a_state_dict_comes_back_bit_for_bit(name: str, suffix: str, run_of, tmp_path: Path) -> None:
    run = run_of(CONFIGS[name])
    file = export_checkpoint(run, "state_dict", output=tmp_path / f"out_e40{suffix}")
    back = Run(import_checkpoints(Request(file, tmp_path / "back")).path)
    assert back.epochs == [40]
    assert back.shape == run.shape
    assert all(torch.equal(back.weights(40)[key], w) for key, w in run.weights(40).items())
    assert back.weights(40).keys() == run.weights(40).keys()


@pytest.mark.parametrize("name", CONFIGS)
def test_transformer_lens_keys_come_back_bit_for_bit(name: str, run_of, tmp_path: Path) -> None:
    run = run_of(CONFIGS[name])
    file = export_checkpoint(run, "transformer_lens", output=tmp_path / "tl.pt")
    back = Run(import_checkpoints(Request(file, tmp_path / "back")).path)
    assert (back.epochs, back.shape) == ([40], run.shape)
    assert all(torch.equal(back.weights(40)[key], w) for key, w in run.weights(40).items())


def test_exported_keys_run_in_a_forward_pass_that_is_not_ours(run_of, tmp_path: Path) -> None:
    run = run_of(CONFIGS["all biases, wide heads"])
    state = torch.load(export_checkpoint(run, "transformer_lens", output=tmp_path / "tl.pt"))["state_dict"]
    theirs = TransformerLens(7, h=2, e=11)
    assert state.keys() == theirs.named.keys()
    theirs.named = state
    torch.testing.assert_close(
        theirs.logits(torch.from_numpy(run.task.tokens)), logits_of(run), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("encoding", ["categorical", "continuous"])
def test_runs_of_kinematics_export_what_others_can_read(encoding: str, run_of, tmp_path: Path) -> None:
    run = run_of(preset("kinematics", encoding=encoding, d_model=8, d_mlp=12))
    state = torch.load(export_checkpoint(run, "state_dict", output=tmp_path / "a.pt"))["state_dict"]
    assert all(torch.equal(state[name], w) for name, w in run.weights(40).items())
    if encoding == "continuous":
        with pytest.raises(UserError, match="accepted: --format state_dict"):
            export_checkpoint(run, "transformer_lens", output=tmp_path / "b.pt")
    else:
        export_checkpoint(run, "transformer_lens", output=tmp_path / "b.pt")


# TransformerLens itself


@needs_transformer_lens
@pytest.mark.parametrize("name", CONFIGS)
def test_transformer_lens_computes_our_logits(name: str, run_of, tmp_path: Path) -> None:
    run = run_of(CONFIGS[name])
    file = export_checkpoint(run, "transformer_lens", output=tmp_path / "tl.pt")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        logits = load(file)(torch.from_numpy(run.task.tokens))[:, -1]
    assert (logits - logits_of(run)).abs().max() <= TOLERANCE


def test_files_that_are_no_export_are_refused(tmp_path: Path) -> None:
    torch.save({"model": {"a": torch.zeros(2)}}, tmp_path / "x.pt")
    with pytest.raises(UserError, match="not an export for TransformerLens"):
        load(tmp_path / "x.pt")


# ONNX


@needs_onnx
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_onnx_computes_our_logits_and_neurons(name: str, dtype: torch.dtype, run_of, tmp_path: Path) -> None:
    import onnxruntime

    if dtype == torch.float64 and name != "plain":
        pytest.skip("one network in double precision says it")
    run = run_of(CONFIGS[name], dtype)
    file = export_checkpoint(run, "onnx", output=tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    logits, neurons = session.run(["logits", "neurons"], {"tokens": run.task.tokens})
    assert np.abs(logits - logits_of(run).numpy()).max() <= TOLERANCE
    assert np.abs(neurons - run.observe(40).outputs.neurons.numpy()).max() <= TOLERANCE
    one, _ = session.run(None, {"tokens": run.task.tokens[:1]})
    assert one.shape == (1, run.shape.n_classes)


@needs_onnx
def test_onnx_refuses_an_activation_that_it_does_not_know(drawn_weights) -> None:
    shape = shape_of(CONFIGS["plain"])
    with pytest.raises(UserError, match="unknown activation 'swiglu'"):
        model_bytes(drawn_weights(shape), replace(shape, activation="swiglu"), 0)


def test_transformer_lens_is_told_of_no_unknown_activation() -> None:
    with pytest.raises(UserError, match="unknown activation 'swiglu'"):
        config_of(replace(shape_of(CONFIGS["plain"]), activation="swiglu"))


def test_without_onnx_a_word_says_what_to_install(run_of, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(UserError, match="pip install onnx"):
        export_checkpoint(run_of(CONFIGS["plain"]), "onnx", output=tmp_path / "network.onnx")
    assert not (tmp_path / "network.onnx").exists()


# The script


@pytest.mark.parametrize(
    "flags, code, word",
    [
        ([], 0, "run_e000040_state_dict.pt"),
        (["--format", "gguf"], 2, "unknown format 'gguf'"),
        (["--epoch", "41"], 2, "nearest: 40"),
        (["--output", "a.onnx"], 2, "accepted: .pt .pth .safetensors"),
    ],
)
def test_the_script(flags, code: int, word: str, run_of, script, tmp_path: Path, monkeypatch) -> None:
    run = run_of(CONFIGS["plain"])
    monkeypatch.chdir(tmp_path)
    ended = script("export", run.directory.path, "--format", "state_dict", *flags)
    assert ended.code == code
    assert word in (ended.out if code == 0 else ended.err)
    assert [p.name for p in tmp_path.iterdir() if p.name != "run"] == ([word] if code == 0 else [])
