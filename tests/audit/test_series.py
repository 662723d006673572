import json
import shutil

import numpy as np
import pytest
import torch

from grokking.audit.checkpoint import audit_checkpoint
from grokking.audit.command import audit, audit_series
from grokking.audit.over_training import read_series, series_and_write
from grokking.audit.over_training_page import draw_series, turning_epoch, turning_words
from grokking.audit.verdict import CIRCUIT, MIXED, NOTHING
from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError
from grokking.from_config import initial_weights
from grokking.runs.run import Run
from tests.audit.handbuilt import KEYS, handbuilt_config, handbuilt_weights, write_run

PNG = b"\x89PNG"


@pytest.fixture
def run(tmp_path) -> Run:
    """A network that is random first, broken next, and a circuit in the end."""
    config = handbuilt_config()
    random = initial_weights(config)
    broken = {**random, "W_E": torch.full_like(random["W_E"], torch.inf)}
    return write_run(tmp_path / "run", config, random, broken, handbuilt_weights(config))


def test_the_verdict_turns_where_the_circuit_appears(run):
    path = series_and_write(run.directory.path)
    record = read_series(run)
    assert json.loads(path.read_text()) == record
    assert record["epochs"] == [0, 10, 20]
    assert record["verdict"] == [NOTHING, NOTHING, CIRCUIT]
    assert record["verdict_by_final_keys"] == [NOTHING, None, CIRCUIT]
    assert record["final_key_frequencies"] == {"add": KEYS}
    assert record["sufficient"] == [None, None, 1.0]
    assert record["cross_talk"][-1] == pytest.approx(1.0, abs=1e-3)
    assert turning_epoch(record, "verdict", (CIRCUIT,)) == 20
    assert "own keys: no longer memorising from 20, circuit from 20" in turning_words(record)


@pytest.mark.slow
def test_a_thorough_series_has_slopes_and_robustness_too(run):
    """What the full audit of the circuit says of it, beside the rows that a quick series has."""
    quick = json.loads(series_and_write(run.directory.path).read_text())
    thorough = json.loads(series_and_write(run.directory.path, thorough=True).read_text())
    assert set(thorough) - set(quick) == {"robustness", "slopes_of_W_E", "slopes_of_W_U"}
    assert {name: thorough[name] for name in quick} == quick
    full = {check["name"]: check for check in audit_checkpoint(run, 20)["operations"]["add"]["checks"]}
    assert thorough["robustness"][-1] == full["robustness"]["value"] is not None
    assert thorough["slopes_of_W_E"][-1] is None  # the circuit has no other frequency
    assert thorough["slopes_of_W_E"][0] == pytest.approx(1, rel=2)  # random weights prefer none
    assert thorough["robustness"][1] is None  # the broken network
    before = (run.directory.path / "audit_over_training.json").read_bytes()
    series_and_write(run.directory.path)
    assert (run.directory.path / "audit_over_training.json").read_bytes() == before
    assert draw_series(thorough, run.directory.path / "x.png").stat().st_size > 0


def test_an_interrupted_series_goes_on_and_ends_the_same(run, made_by_hand):
    path = series_and_write(run.directory.path)
    whole = path.read_bytes()
    record = json.loads(whole)
    part = {name: v[:1] if isinstance(v, list) else v for name, v in record.items()}
    # A mark that only a kept row can carry on.
    part["neuron_share"] = [0.123]
    path.write_text(json.dumps(part))
    made_by_hand(path.parent)
    series_and_write(run.directory.path)
    assert json.loads(path.read_text())["neuron_share"] == [0.123, *record["neuron_share"][1:]]
    for damage in ({}, {**part, "epochs": [0, 10]}, {**part, "final_key_frequencies": {}}):
        path.write_text(json.dumps(damage))
        made_by_hand(path.parent)
        series_and_write(run.directory.path)
        assert path.read_bytes() == whole


def test_reading_refuses_what_does_not_fit(run, made_by_hand):
    with pytest.raises(UserError, match="does not exist"):
        read_series(run)
    path = series_and_write(run.directory.path)
    record = json.loads(path.read_text())
    made_by_hand(path.parent)
    path.write_text(json.dumps({**record, "sufficient": [1.0]}))
    with pytest.raises(DamagedFile, match="sufficient has 1 values for 3 epochs"):
        read_series(run)
    path.write_text(json.dumps({"config": record["config"], "final_key_frequencies": {}, "epochs": [0]}))
    with pytest.raises(UserError, match="does not cover the checkpoints"):
        read_series(run)


@pytest.mark.slow
def test_pages_and_series_are_drawn_for_every_operation(tmp_path):
    config = RunConfig(p=7, task="add,x2+y2", d_model=8, n_heads=2, d_mlp=16, train_frac=0.5)
    run = write_run(tmp_path / "both", config, initial_weights(config))
    lines = audit(run.directory.path) + audit_series(run.directory.path)
    pictures = sorted(path.name for path in run.directory.path.glob("*.png"))
    assert pictures == sorted(
        ["audit_add.png", "audit_x2+y2.png", "audit_over_training_add.png", "audit_over_training_x2+y2.png"]
    )
    assert all((run.directory.path / name).read_bytes().startswith(PNG) for name in pictures)
    assert lines[:2] == [
        "add at epoch 0: no circuit found",
        "x2+y2 at epoch 0: no circuit found (x2+y2 has no cyclic group, and this audit "
        "finds Fourier circuits only)",
    ]
    run.directory.clear()
    assert list(run.directory.path.iterdir()) == []


@pytest.mark.slow
def test_a_circuit_s_page(run, tiny_run, tmp_path):
    *_, page = audit(run.directory.path)
    assert page.endswith("audit_add.png")
    copy = tmp_path / "tiny"
    shutil.copytree(tiny_run, copy)
    assert audit(copy, 25)[0].startswith("add at epoch 25: ")
    for folder, words in ((tmp_path / "nowhere", "not a folder"), (tmp_path, "no config.json")):
        with pytest.raises(UserError, match=words):
            audit(folder)
    with pytest.raises(UserError, match="nearest: 25"):
        audit(copy, 26)
    empty = write_run(tmp_path / "empty", handbuilt_config())
    for attempt in (audit, audit_series):
        with pytest.raises(UserError, match="no weights were kept"):
            attempt(empty.directory.path)


def test_the_series_of_a_network_that_memorises_keeps_its_values_in_bounds(tiny_run, tmp_path):
    copy = tmp_path / "tiny"
    shutil.copytree(tiny_run, copy)
    record = json.loads(series_and_write(copy).read_text())
    for name in ("train_acc", "test_acc", "neuron_share"):
        assert ((np.array(record[name]) >= 0) & (np.array(record[name]) <= 1)).all()


def test_what_never_happens_is_said_in_words() -> None:
    record = {"epochs": [0, 10], "test_acc": [0.1, 0.2], "verdict": ["memorising", "memorising"]}
    assert turning_words(record) == "test accuracy >= 0.9 at no epoch; own keys: no circuit at the end"
    record["verdict"] = [NOTHING, MIXED]
    assert turning_words(record).endswith("own keys: no longer memorising from 10, not circuit at the end")
