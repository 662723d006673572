"""Everything that can be trained survives export and import: without a flag, to the last bit."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from grokking.config import HOW_IT_WAS_TRAINED, RunConfig, preset
from grokking.from_config import initial_weights, shape_of
from grokking.interop.export import export_checkpoint
from grokking.interop.facts import UserHints
from grokking.interop.importing import Request, import_checkpoints
from grokking.models.activations import TABLE
from grokking.models.transformer import EXTRA_BIASES
from grokking.runs.run import Run
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory

SMALL = {"d_model": 16, "n_heads": 2, "d_mlp": 24}
CONFIGS = {
    **{name: RunConfig(p=7, **SMALL, activation=name) for name in TABLE},
    "layer norm": RunConfig(p=7, **SMALL, layer_norm=True),
    "another epsilon": RunConfig(p=7, **SMALL, layer_norm=True, layer_norm_eps=1e-3),
    "temperature": RunConfig(p=7, **SMALL, attention_temperature=0.3),
    "extra biases": RunConfig(p=7, **SMALL, biases=",".join(EXTRA_BIASES)),
    "one extra bias": RunConfig(p=7, **SMALL, biases="b_V"),
    "an = class": RunConfig(p=7, **SMALL, equals_class=True),
    "wide heads": RunConfig(p=7, **SMALL, head_width=11),
    "two operations": RunConfig(p=7, **SMALL, task="mul,x2+y2"),
    "tokens of their own": RunConfig(p=7, **SMALL, task="add,mul", operand_tokens="separate"),
    "Nanda's recipe": RunConfig(p=7, **SMALL, init_scheme="nanda", equals_class=True, task="sub"),
    "all at once": RunConfig(
        p=7,
        **SMALL,
        task="div,x3+xy",
        operand_tokens="separate",
        activation="silu",
        layer_norm=True,
        layer_norm_eps=1e-6,
        attention_temperature=2.5,
        head_width=5,
        biases="b_Q,b_U",
        equals_class=True,
    ),
    "kinematics": preset("kinematics", d_model=8, d_mlp=12, activation="gelu"),
    "kinematics, scalars": preset("kinematics", encoding="continuous", d_model=8, d_mlp=12),
}
FORMATS = {".pt": "state_dict", ".safetensors": "state_dict", ".pth": "transformer_lens"}
OF_THE_TRAINING = {*HOW_IT_WAS_TRAINED, "train_frac", "checkpoint_density", "imported", "split"}
Make = Callable[..., Run]


@pytest.fixture
def run_of(tmp_path: Path) -> Make:
    """run_of(config, weights) is a run directory with one epoch, 40."""

    def make(config: RunConfig, weights: dict[str, Tensor]) -> Run:
        directory = RunDirectory(tmp_path / "run")
        directory.create(config, {})
        directory.save(Checkpoint(40, weights, config))
        return Run(directory.path)

    return make


def facts_of(config: RunConfig) -> dict[str, object]:
    """What a config says of the network and its task, and not of the training."""
    of_training = {*OF_THE_TRAINING, *config.optimiser_options.as_dict()}
    return {name: value for name, value in config.items() if name not in of_training}


def assert_the_same(back: Run, run: Run) -> None:
    assert back.epochs == [40]
    assert facts_of(back.config) == facts_of(run.config)
    assert back.shape == run.shape
    assert back.weights(40).keys() == run.weights(40).keys()
    assert all(torch.equal(back.weights(40)[name], w) for name, w in run.weights(40).items())
    found, expected = (each.observe(40).losses_and_correct for each in (back, run))
    for ours, theirs in zip(found, expected, strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(back.known_split.train, run.known_split.train)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", CONFIGS)
def test_every_option_comes_back(name: str, suffix: str, run_of: Make, drawn_weights, tmp_path: Path) -> None:
    if name == "kinematics, scalars" and FORMATS[suffix] != "state_dict":
        pytest.skip("TransformerLens knows no such embedding; refused, see test_exports")
    run = run_of(CONFIGS[name], drawn_weights(shape_of(CONFIGS[name])))
    file = export_checkpoint(run, FORMATS[suffix], output=tmp_path / f"network{suffix}")
    imported = import_checkpoints(Request(file, tmp_path / "back"))
    assert_the_same(Run(imported.path), run)
    assert not [note for note in imported.notes if "chosen" in note or "no epoch found" in note]
    facts = Run(imported.path).directory.record()["import"]["facts"]
    assert facts["activation"]["value"] == run.config.activation
    assert facts["attention mask"]["value"] == "causal"
    where = "network.pth, act_fn" if suffix == ".pth" else "the config of the run in the file"
    assert facts["activation"]["how"] == f"read from {where}"


@pytest.mark.parametrize("suffix", FORMATS)
def test_biases_that_are_still_zero_come_back(suffix: str, run_of: Make, tmp_path: Path) -> None:
    run = run_of(CONFIGS["all at once"], initial_weights(CONFIGS["all at once"]))
    file = export_checkpoint(run, FORMATS[suffix], output=tmp_path / f"network{suffix}")
    assert_the_same(Run(import_checkpoints(Request(file, tmp_path / "back")).path), run)


def test_a_run_directory_is_a_source_too(run_of: Make, drawn_weights, tmp_path: Path) -> None:
    config = CONFIGS["all at once"]
    run = run_of(config, drawn_weights(shape_of(config)))
    back = import_checkpoints(Request(run.directory.path, tmp_path / "back"))
    assert_the_same(Run(back.path), run)


@pytest.mark.parametrize("suffix", [*FORMATS, "directory"])
def test_a_split_that_was_given_comes_back(suffix: str, run_of: Make, drawn_weights, tmp_path: Path) -> None:
    """Neither a seed nor the weights say it: the export carries the rows."""
    rows = [0, 3, 5, 8, 13, 21, 34]
    config = RunConfig(p=7, **SMALL, imported=True, split="kept", train_frac=1 / 7)
    run = run_of(config, drawn_weights(shape_of(config)))
    run.directory.write_train_rows(rows)
    file = run.directory.path
    if suffix != "directory":
        file = export_checkpoint(run, FORMATS[suffix], output=tmp_path / f"network{suffix}")
    imported = import_checkpoints(Request(file, tmp_path / "back"))
    assert Run(imported.path).known_split.train.tolist() == rows
    assert "split: as the export of the run says, 7 train and 42 test pairs" in imported.notes
    assert not [note for note in imported.notes if "another split" in note]


def test_the_certain_split_of_an_untrained_run_is_not_doubted(
    run_of: Make, drawn_weights, tmp_path: Path
) -> None:
    run = run_of(CONFIGS["relu"], drawn_weights(shape_of(CONFIGS["relu"])))
    file = export_checkpoint(run, "state_dict", output=tmp_path / "network.pt")
    notes = import_checkpoints(Request(file, tmp_path / "back")).notes
    assert "split: as init_scheme and seed in the file say, 14 train and 35 test pairs" in notes
    assert not [note for note in notes if "another split" in note]


def test_a_person_overrules_the_file_and_that_is_said(run_of: Make, drawn_weights, tmp_path: Path) -> None:
    run = run_of(CONFIGS["gelu"], drawn_weights(shape_of(CONFIGS["gelu"])))
    file = export_checkpoint(run, "state_dict", output=tmp_path / "network.pt")
    hints = UserHints(activation="relu", attention_temperature=2.0)
    back = import_checkpoints(Request(file, tmp_path / "back", hints))
    assert "activation: relu (as --activation says)" in back.notes
    config = Run(back.path).config
    assert (config.activation, config.attention_temperature) == ("relu", 2.0)


def test_another_modulus_leaves_the_facts_of_the_network(run_of: Make, drawn_weights, tmp_path: Path) -> None:
    run = run_of(CONFIGS["silu"], drawn_weights(shape_of(CONFIGS["silu"])))
    file = export_checkpoint(run, "state_dict", output=tmp_path / "network.pt")
    config = Run(import_checkpoints(Request(file, tmp_path / "back", UserHints(p=5))).path).config
    assert (config.p, config.extra_tokens, config.activation) == (5, 2, "silu")
