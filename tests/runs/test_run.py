"""A run opened for reading says what training said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError
from grokking.metrics.history_row import measure_row
from grokking.runs.run import Run, load_run
from grokking.storage.run_directory import RunDirectory


@pytest.fixture
def copied(tiny_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_run, tmp_path / "copied"))


def test_a_run_knows_its_config_and_epochs(tiny_run: Path, tiny_config: RunConfig) -> None:
    run = load_run(tiny_run)
    assert run.config == tiny_config
    assert run.name == "tiny"
    assert run.epochs[0] == 0
    assert run.final_epoch == run.epochs[-1] == 60
    assert run.history["epochs"] == list(range(0, 61, 10))
    assert (run.task.p, run.task.names, run.shape.d_mlp) == (11, ("add",), 32)


@pytest.mark.parametrize("epoch", [0, 30, 60])
def test_measuring_again_gives_the_numbers_of_the_history(epoch: int, tiny_run: Path) -> None:
    run = load_run(tiny_run)
    row = measure_row(run.observe(epoch), run.split)
    at = run.history["epochs"].index(epoch)
    assert row == {name: run.history[name][at] for name in row}
    assert set(row) | {"config", "epochs", "grokking_epoch", "memorisation_epoch", "loss_spikes"} == set(
        run.history
    )


def test_the_model_is_the_network_that_was_observed(tiny_run: Path) -> None:
    run = load_run(tiny_run)
    with torch.no_grad():
        logits = run.model(60)(torch.from_numpy(run.task.tokens))
    torch.testing.assert_close(run.observe(60).outputs.logits, logits, rtol=1e-4, atol=1e-5)
    hits = (logits.argmax(1).numpy() == run.task.answers)[run.split.test]
    assert run.history["test_acc"][-1] == np.mean(hits)


def test_the_history_may_lie_elsewhere(tiny_run: Path, tmp_path: Path) -> None:
    record = json.loads((tiny_run / "history.json").read_text())
    elsewhere = tmp_path / "other.json"
    elsewhere.write_text(json.dumps({**record, "train_loss": [7.0] * 7}))
    assert Run(tiny_run, elsewhere).history["train_loss"] == [7.0] * 7


def test_an_epoch_that_was_not_kept_is_refused(tiny_run: Path) -> None:
    with pytest.raises(UserError, match="no weights of epoch 49; nearest: 50"):
        load_run(tiny_run).weights(49)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match=str(path)):
            load_run(path)


def test_a_run_without_weights_is_refused(copied: Path) -> None:
    for path in copied.glob("*.safetensors"):
        path.unlink()
    with pytest.raises(UserError, match="no weights were kept"):
        load_run(copied)


def test_a_truncated_checkpoint_is_named(copied: Path) -> None:
    path = copied / "checkpoint_e000060.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    run = load_run(copied)
    with pytest.raises(DamagedFile, match=path.name):
        run.weights(60)
    assert run.weights(50).keys() == run.shape.parameter_shapes().keys()


@pytest.mark.parametrize("change", ["missing", "shape"])
def test_weights_that_do_not_fit_the_config_are_damage(
    change: str, copied: Path, made_by_hand: Callable[[Path], None]
) -> None:
    made_by_hand(copied)
    directory = RunDirectory(copied)
    state = directory.load(60)
    state.weights["W_O"] = state.weights["W_O"][:, :, :1]
    if change == "missing":
        del state.weights["W_O"]
    directory.checkpoint_path(60).write_bytes(state.to_bytes())
    with pytest.raises(DamagedFile, match=r"checkpoint_e000060.*W_O"):
        load_run(copied).weights(60)


def test_a_truncated_history_is_named(copied: Path) -> None:
    path = copied / "history.json"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedFile, match=r"history\.json"):
        _ = load_run(copied).history


def test_a_history_of_another_modulus_is_refused(
    tiny_run: Path, tmp_path: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    record = json.loads((tiny_run / "history.json").read_text())
    record["config"]["p"] = 13
    (tmp_path / "history.json").write_text(json.dumps(record))
    before = contents(tiny_run)
    with pytest.raises(UserError, match=r"p = 13.*p = 11"):
        _ = Run(tiny_run, tmp_path / "history.json").history
    assert contents(tiny_run) == before


def test_a_record_is_known_by_its_config(tiny_run):
    run = Run(tiny_run)
    record = run.config.as_dict()
    assert run.was_made_by(record)
    # Written before a field existed: it then had its default.
    assert run.was_made_by({name: value for name, value in record.items() if name != "equals_class"})
    assert not run.was_made_by({**record, "seed": 5})
    assert not run.was_made_by({**record, "nonsense": 5})
    assert not run.was_made_by([])


def test_weights_that_are_no_numbers_are_damage(copied: Path) -> None:
    directory = RunDirectory(copied)
    state = directory.load(60)
    state.weights["W_U"][0, 0] = torch.nan
    directory.save(state)  # as another program might, with a manifest that agrees
    run = load_run(copied)
    with pytest.raises(DamagedFile, match="checkpoint_e000060.safetensors holds weights that are no finite"):
        run.observe(60)
    assert run.observe(60, finite=False).weights["W_U"].isnan().any()
    assert run.observe(30).weights
