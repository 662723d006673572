"""Networks of every build survive export and import: without a flag, to the last bit."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of
from grokking.interop.export import export_checkpoint
from grokking.interop.importing import Request, import_checkpoints
from grokking.runs.run import Run
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory

SMALL = {"p": 7, "d_model": 8, "d_mlp": 12, "train_frac": 0.5}
HEADS = {**SMALL, "n_heads": 2}
FOR_TRANSFORMER_LENS = {
    "two layers": {**HEADS, "n_layers": 2, "biases": "b_Q,b_U", "attention_dir": "bidirectional"},
    "two tokens": {**HEADS, "n_layers": 3, "two_tokens": True, "layer_norm": True},
    "RMSNorm": {**HEADS, "layer_norm": True, "norm_kind": "rms"},
}
BUILDS = FOR_TRANSFORMER_LENS | {
    "everything": {
        **HEADS,
        "n_layers": 2,
        "two_tokens": True,
        "attention_rate": 0.3,
        "layer_norm": True,
        "norm_places": "after,final",
        "tied_embedding": True,
        "separate_vocabularies": True,
    },
    "final norm": {**HEADS, "layer_norm": True, "norm_places": "final", "norm_kind": "rms"},
    "MLP": {**SMALL, "model": "mlp"},
    "deep MLP": {**SMALL, "model": "mlp", "n_layers": 3, "biases": "b_in,b_U", "shared_embedding": True},
    "square of a sum": {
        **SMALL,
        "model": "mlp",
        "n_layers": 0,
        "combine": "sum",
        "activation": "square",
        "d_mlp": 8,
    },
}
Make = Callable[[str], Run]


@pytest.fixture
def run_of(tmp_path: Path, drawn_weights: Callable[..., dict[str, Tensor]]) -> Make:
    """run_of(build) is a run directory with one epoch, 40."""

    def make(build: str) -> Run:
        config = RunConfig(**BUILDS[build])
        directory = RunDirectory(tmp_path / "run")
        directory.create(config, {})
        directory.save(Checkpoint(40, drawn_weights(shape_of(config)), config))
        return Run(directory.path)

    return make


def assert_the_same(back: Run, run: Run) -> None:
    assert (back.epochs, back.shape, back.config.model) == ([40], run.shape, run.config.model)
    for name, weight in run.weights(40).items():
        assert torch.equal(back.weights(40)[name], weight)
    assert torch.equal(back.observe(40).outputs.logits, run.observe(40).outputs.logits)
    assert (back.known_split.train == run.known_split.train).all()


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors", "directory"])
def test_every_build_comes_back(build: str, suffix: str, run_of: Make, tmp_path: Path) -> None:
    run = run_of(build)
    source = run.directory.path
    if suffix != "directory":
        source = export_checkpoint(run, "state_dict", output=tmp_path / f"network{suffix}")
    assert_the_same(Run(import_checkpoints(Request(source, tmp_path / "back")).path), run)


@pytest.mark.parametrize("build", FOR_TRANSFORMER_LENS)
def test_builds_that_transformer_lens_has_come_back_from_its_keys(
    build: str, run_of: Make, tmp_path: Path
) -> None:
    run = run_of(build)
    file = export_checkpoint(run, "transformer_lens", output=tmp_path / "network.pth")
    imported = import_checkpoints(Request(file, tmp_path / "back"))
    assert any(note.startswith("layout: transformer_lens") for note in imported.notes)
    assert_the_same(Run(imported.path), run)


@pytest.mark.parametrize(
    "build, format, word",
    [
        ("everything", "transformer_lens", "attention mixed with a constant"),
        ("final norm", "transformer_lens", "norms at other places"),
        ("two layers", "onnx", "another build than one layer"),
        ("MLP", "onnx", "onnx knows no model 'mlp'"),
    ],
)
def test_a_format_that_cannot_say_it_is_refused(build: str, format: str, word: str, run_of: Make) -> None:
    with pytest.raises(UserError, match=word):
        export_checkpoint(run_of(build), format)
