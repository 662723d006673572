"""The audit on networks whose answer is known: built by hand, random, memorising, broken."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from grokking.audit.checkpoint import audit_and_write, audit_checkpoint, memorised_epoch, read_audit
from grokking.audit.report_page import SIZE, _table
from grokking.audit.verdict import CIRCUIT, MEMORISING, MIXED, NOTHING, Accuracies, judge
from grokking.config import RunConfig
from grokking.drawing.style import Style
from grokking.errors import DamagedFile, UserError
from grokking.from_config import initial_weights
from grokking.runs.run import Run
from grokking.runs.view import RunView
from tests.audit.handbuilt import KEYS, PHASES, handbuilt_config, handbuilt_weights, write_run


def checks_of(audited: dict) -> dict:
    return {check["name"]: check for check in audited["checks"]}


@pytest.fixture(scope="module", params=["add", "mul"])
def handbuilt(request, tmp_path_factory) -> dict:
    """The audited operation; "mul" has the even group order 28."""
    config = handbuilt_config(request.param)
    run = write_run(tmp_path_factory.mktemp("run") / "by_hand", config, handbuilt_weights(config))
    return audit_checkpoint(run, 0)["operations"][request.param]


def test_a_network_that_adds_by_trigonometry_is_a_circuit(handbuilt):
    assert handbuilt["verdict"] == CIRCUIT
    assert handbuilt["key_frequencies"] == KEYS
    checks = checks_of(handbuilt)
    assert checks["sufficient"]["value"] == 1.0 > checks["sufficient"]["threshold"]
    assert checks["sufficient"]["null"] < 0.3
    assert checks["needed"]["value"] < 0.2 < 0.9 < checks["needed"]["null"]


@pytest.mark.slow
@pytest.mark.parametrize("train_frac, verdict", [(0.95, CIRCUIT), (0.99, NOTHING)])
def test_few_held_out_pairs_are_enough_or_it_is_said_that_they_are_not(tmp_path, train_frac, verdict):
    config = replace(handbuilt_config(), train_frac=train_frac)
    run = write_run(tmp_path / "r", config, handbuilt_weights(config))
    answers = set(run.task.answers[run.known_split.test].tolist())
    found = audit_checkpoint(run, 0)["operations"]["add"]
    assert len(answers) < config.p
    assert found["key_frequencies"] == KEYS
    assert found["verdict"] == verdict
    check = checks_of(found)["sufficient"]
    assert (check["value"], "too few answers" in check["verdict"]) == (
        (None, True) if verdict == NOTHING else (1.0, False)
    )


def test_each_group_of_it_speaks_one_frequency(handbuilt):
    check = checks_of(handbuilt)["cross-talk"]
    assert check["value"] == pytest.approx(1.0, abs=1e-3)
    assert check["evidence"]["silenced"] == KEYS
    assert check["evidence"]["neurons"] == [PHASES] * len(KEYS)
    shares = np.array(check["evidence"]["share of the change by frequency"])
    np.testing.assert_allclose(shares[range(len(KEYS)), np.array(KEYS) - 1], 1.0, atol=2e-3)
    assert check["null"] < 0.7


def test_its_neurons_have_the_share_of_a_rectified_sum_of_two_waves(handbuilt):
    """The share of relu(cos x + cos y) in waves of order one, on a grid fine enough to be the limit."""
    x = 2 * np.pi * (np.arange(512) + 0.5) / 512
    values = np.maximum(np.cos(x)[:, None] + np.cos(x), 0.0)
    power = np.abs(np.fft.fft2(values)) ** 2
    block = sum(power[i, j] for i in (0, 1, -1) for j in (0, 1, -1)) - power[0, 0]
    expected = block / (power.sum() - power[0, 0])
    check = checks_of(handbuilt)["neurons"]
    assert check["value"] == pytest.approx(expected, abs=5e-3)
    assert check["null"] < 0.3
    assert checks_of(handbuilt)["heads"]["value"] is None  # every score is zero


def test_its_slopes_have_no_other_frequency_to_be_compared_with(handbuilt):
    for name in ("W_E", "W_U"):
        check = checks_of(handbuilt)[f"slopes of {name}"]
        assert check["value"] is None
        assert [d["frequency"] for d in check["evidence"]["along frequencies"]] == KEYS
        exact, near = check["evidence"]["along frequencies"][0], check["evidence"]["finite differences"]
        assert near["first"] == pytest.approx(exact["first"], rel=1e-3)
        assert near["second"] == pytest.approx(exact["second"], rel=1e-3)


def test_even_a_perfect_circuit_is_not_immune(handbuilt):
    check = checks_of(handbuilt)["robustness"]
    assert check["verdict"] == "not immune"
    assert 0 < check["value"] < 1
    searches = {s["search"]: s for s in check["evidence"]["searches"]}
    assert searches["free"]["flipped"] == 1.0
    # Everything its embedding can say lies in the key plane.
    assert searches["key plane"]["length"][2] == pytest.approx(searches["free"]["length"][2], rel=0.1)
    assert searches["free"]["flipped by random moves of the same lengths"] < 0.2


def test_a_random_network_is_no_circuit(tmp_path):
    config = handbuilt_config()
    found = audit_checkpoint(write_run(tmp_path / "r", config, initial_weights(config)), 0)
    assert found["operations"]["add"]["verdict"] == NOTHING


@pytest.fixture(scope="module")
def memorising(tmp_path_factory, train_run) -> Run:
    config = RunConfig(
        p=23,
        train_frac=0.5,
        d_model=32,
        d_mlp=64,
        lr=5e-3,
        weight_decay=0.0,
        n_epochs=400,
        log_every=20,
        checkpoint_every=200,
    )
    return Run(train_run(config, tmp_path_factory.mktemp("runs") / "memorising", threads=1))


@pytest.fixture(scope="module")
def record(memorising) -> dict:
    return audit_checkpoint(memorising, 400)


def test_a_memorising_network_is_called_so(memorising, record):
    assert record["behaviour"]["train_acc"] == 1.0 > record["behaviour"]["test_acc"] + 0.3
    assert record["operations"]["add"]["verdict"] == MEMORISING
    searches = checks_of(record["operations"]["add"])["robustness"]["evidence"]["searches"]
    assert {s["checkpoint"] for s in searches} == {"audited", "memorised"}
    assert searches[-1]["epoch"] == memorised_epoch(RunView(memorising)) < 400
    assert memorised_epoch(RunView(memorising, epoch=memorising.epochs[0])) is None


@pytest.mark.slow
def test_the_record_is_json_and_the_same_every_time(memorising, record):
    before = audit_and_write(memorising.directory.path).read_bytes()
    assert json.loads(before) == json.loads(json.dumps(record)) == read_audit(memorising)
    assert str(memorising.directory.path).encode() not in before
    for check in json.loads(before)["operations"]["add"]["checks"]:
        assert {"name", "question", "value", "null", "threshold", "verdict", "evidence"} == set(check)


def test_records_of_another_run_and_damage_are_refused(tmp_path):
    config = handbuilt_config()
    run = write_run(tmp_path / "r", config, handbuilt_weights(config))
    with pytest.raises(UserError, match="does not exist"):
        read_audit(run)
    (tmp_path / "r" / "audit.json").write_text("{}")
    with pytest.raises(DamagedFile, match="damaged"):
        read_audit(run)
    (tmp_path / "r" / "audit.json").write_text('{"config": {}, "epoch": 0, "operations": {}}')
    with pytest.raises(UserError, match="another run"):
        read_audit(run)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"task": "x2+y2"},
        {"task": "add,mul"},
        {"layer_norm": True},
        {"activation": "gelu"},
        {"p": 3},
        {"equals_class": True},
        {"task": "div"},
        {"task": "sub", "p": 5},
    ],
)
def test_every_kind_of_run_gets_a_verdict(tmp_path, changes):
    config = RunConfig(**{"p": 11, "d_model": 8, "n_heads": 2, "d_mlp": 16, "train_frac": 0.5, **changes})
    found = audit_checkpoint(write_run(tmp_path / "r", config, initial_weights(config)), 0)
    assert {audited["verdict"] for audited in found["operations"].values()} == {NOTHING}
    json.dumps(found, allow_nan=False)
    assert ("why" in found["operations"].get("x2+y2", {})) == (config.task == "x2+y2")


def test_a_network_of_zeros_and_one_that_diverged_get_a_verdict(tmp_path):
    config = handbuilt_config()
    zeros = {name: torch.zeros_like(w) for name, w in initial_weights(config).items()}
    broken = {**zeros, "W_E": torch.full_like(zeros["W_E"], torch.nan)}
    run = write_run(tmp_path / "r", config, zeros, broken)
    for epoch in (0, 10):
        found = audit_checkpoint(run, epoch)
        assert found["operations"]["add"]["verdict"] == NOTHING
        json.dumps(found, allow_nan=False)
    assert "finite" in found["operations"]["add"]["why"]


def test_without_a_split_a_circuit_is_still_seen(tmp_path, monkeypatch):
    config = handbuilt_config()
    run = write_run(tmp_path / "r", config, handbuilt_weights(config))
    monkeypatch.setattr("grokking.runs.run.split_of", lambda *_: None)
    found = audit_checkpoint(run, 0)
    assert found["operations"]["add"]["verdict"] == CIRCUIT
    assert set(found["behaviour"]) == {"all_loss", "all_acc"}
    questions = " ".join(check["question"] for check in found["operations"]["add"]["checks"])
    assert "answer all pairs?" in questions
    assert not {"train", "held"} & set(questions.replace("-", " ").split())


@pytest.mark.parametrize(
    "learnt, heldout, sufficient, without, verdict",
    [
        (0.5, 0.5, 1.0, 0.0, NOTHING),
        (1.0, 0.1, None, None, MEMORISING),
        (1.0, None, None, None, NOTHING),
        (1.0, 1.0, None, None, NOTHING),
        (1.0, 0.1, 0.5, 0.9, MEMORISING),
        (1.0, 0.1, 0.5, 0.0, MIXED),  # what it answers already goes with the keys
        (1.0, 0.5, 0.95, 0.0, MIXED),
        (1.0, 0.95, 0.95, 0.8, MIXED),
        (1.0, 0.95, 0.95, 0.1, CIRCUIT),
        (1.0, None, 1.0, 0.1, CIRCUIT),
    ],
)
def test_the_rule(learnt, heldout, sufficient, without, verdict):
    assert judge(Accuracies(learnt, heldout, sufficient, without)) == verdict


def test_no_word_of_the_page_s_table_runs_into_the_next_column(record):
    """Measured where it is drawn, with the longest words that any check has."""
    longest = {"value": -0.00123, "null": 0.00123, "verdict": "answers remain without them"}
    checks = [{**check, **longest} for check in record["operations"]["add"]["checks"]]
    figure = Figure(figsize=SIZE)
    canvas = FigureCanvasAgg(figure)
    ax = figure.add_axes((0.08, 0.03, 0.89, 0.2))
    _table(ax, checks, Style())
    canvas.draw()
    rows = [ax.texts[i : i + 6] for i in range(0, len(ax.texts), 6)]
    assert len(rows) == 1 + len(checks)
    for row in rows:
        boxes = [text.get_window_extent() for text in row]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes)), [t.get_text() for t in row]
        assert boxes[-1].x1 < figure.bbox.x1
