"""Networks for the game of the audit: what the page shows of each, and what is refused."""

import shutil
from pathlib import Path

import pytest

from grokking.audit.verdict import VERDICTS
from grokking.errors import DamagedFile, UserError
from grokking.page.audit_cases import read_cases, record_cases
from grokking.runs.run import Run
from grokking.runs.view import RunView


def test_a_case_has_the_numbers_of_its_run_and_a_recorded_one_is_the_same(
    tmp_path: Path, tiny_run: Path
) -> None:
    shutil.copytree(tiny_run, tmp_path / "runs" / "one")
    found = read_cases(tmp_path / "runs")
    assert found is not None
    case, view = found["cases"][-1], RunView(Run(tiny_run))
    row = view.run.history["epochs"].index(view.epoch)
    assert (case["epoch"], case["keys"]) == (view.epoch, view.own_keys)
    assert case["test_acc"] == pytest.approx(view.run.history["test_acc"][row], abs=1e-6)
    assert sum(case["share"]) == pytest.approx(1, abs=0.01)
    assert len(case["circle"]) == view.n
    assert case["verdict"] in VERDICTS
    assert read_cases(record_cases(tmp_path / "runs", tmp_path / "kept")) == found
    assert read_cases(None) is None


def test_what_holds_no_networks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no run"):
        read_cases(tmp_path / "empty")
    with pytest.raises(UserError, match="--audits takes"):
        read_cases(tmp_path / "nowhere")
    path = tmp_path / "cases.json"
    path.write_text('{"cases": [{"verdict": "circuit"}]}')
    with pytest.raises(DamagedFile, match="no cases"):
        read_cases(path)


def test_the_recorded_cases_are_networks_of_both_kinds(root: Path) -> None:
    found = read_cases(root / "docs" / "recorded" / "audits" / "cases.json")
    assert found is not None
    assert {"memorising", "circuit"} <= {case["verdict"] for case in found["cases"]}
    assert any(case["layer_norm"] for case in found["cases"])
    assert any(case["train_frac"] == 0.1 for case in found["cases"])
