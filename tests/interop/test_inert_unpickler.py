"""What people save with their weights: read where it is data, left out where it is not, never run."""

import argparse
import datetime
import json
import pathlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from grokking.errors import UserError
from grokking.interop import untrusted
from grokking.interop.untrusted import contents, read
from grokking.runs.run import Run
from tests.interop.foreign import PerHead, Plain
from tests.interop.test_untrusted import Bomb

P = 7


@dataclass
class Config:
    """Somebody's settings, of a class that only their code has."""

    lr: float = 1e-3
    folder: Path = pathlib.Path("runs")


class Loud:
    """Says so when it is made from a pickle, in either way."""

    made: ClassVar[list[str]] = []

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.made.append("state")

    def __init__(self) -> None:
        self.here = 1


def saved(tmp_path: Path, record: Any, zipped: bool = True) -> Path:
    path = tmp_path / "weights.ckpt"
    torch.save(record, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.mark.parametrize("zipped", [True, False])
def test_numpys_numbers_paths_and_namespaces_are_read(zipped: bool, tmp_path: Path) -> None:
    record = {
        "loss": np.mean([0.5, 0.25]),
        "half": np.float32(0.5),
        "step": np.int64(7),
        "done": np.bool_(True),
        "big_endian": np.array([1.5, -2.0], dtype=">f8"),
        "matrix": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "nothing": np.zeros((0, 2)),
        "folder": pathlib.Path("/runs/a"),
        "bytes": b"ab",
        "empty": b"",
        "args": argparse.Namespace(lr=0.1, out=pathlib.Path("b"), inner=SimpleNamespace(n=np.int32(3))),
        "counts": defaultdict(list, a=[1]),
    }
    found = contents(saved(tmp_path, record, zipped))
    assert found.left_out == []
    got = found.record
    assert (got["loss"], got["half"], got["step"], got["done"]) == (0.375, 0.5, 7, True)
    assert type(got["loss"]) is float
    assert type(got["done"]) is bool
    assert got["big_endian"].tolist() == [1.5, -2.0]
    assert got["matrix"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tuple(got["nothing"].shape) == (0, 2)
    assert (got["folder"], got["bytes"], got["empty"]) == ("/runs/a", b"ab", b"")
    assert got["args"] == {"lr": 0.1, "out": "b", "inner": {"n": 3}}
    assert got["counts"] == {"a": [1]}


@pytest.mark.parametrize("zipped", [True, False])
def test_objects_of_other_classes_are_left_out_by_name_and_not_made(zipped: bool, tmp_path: Path) -> None:
    record = {
        "config": Config(),
        "when": datetime.datetime(2024, 1, 2),
        "list": [1.0, Loud(), 2.0],
        "words": np.array(["a"], dtype=object),
        Config: 1,
        "kept": {"x": 1},
    }
    found = contents(saved(tmp_path, record, zipped))
    assert found.record == {"list": [1.0, None, 2.0], "kept": {"x": 1}}
    assert found.left_out == [
        f"'config' ({__name__}.Config)",
        "'when' (datetime.datetime)",
        f"'list' ({__name__}.Loud)",
        "'words' (numpy.ndarray)",
    ]
    assert Loud.made == []


def test_a_list_that_holds_itself_comes_to_an_end(tmp_path: Path) -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert read(saved(tmp_path, {"loop": loop})) == {"loop": [1, None]}


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_the_file_is_refused_and_does_not_run(zipped: bool, tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    class Caller:
        def __init__(self, function: Any, *args: Any) -> None:
            self.reduced = function, args

        def __reduce__(self) -> Any:
            return self.reduced

    mine = {"model": PerHead(P).state_dict(), "args": argparse.Namespace(lr=1)}
    for evil, word in [
        (Bomb(mark), "system"),
        (Caller(eval, f"open({str(mark)!r}, 'w')"), "builtins.eval"),
        (Caller(pathlib.Path.touch, pathlib.Path(mark)), "getattr"),
        (Caller(open, str(mark), "w"), "open"),
        (Caller(Config, 3), "Config"),
        (argparse.Namespace(inner=[Bomb(mark)]), "system"),
    ]:
        path = saved(tmp_path, {**mine, "evil": evil}, zipped)
        with pytest.raises(UserError, match="would have to be run: refused, and nothing was run") as caught:
            contents(path)
        assert word in str(caught.value)
        assert not mark.exists()


def test_settings_and_losses_in_the_file_do_no_harm(imported, same_logits) -> None:
    torch.manual_seed(0)
    network = Plain(P)
    record = {
        "model_state_dict": network.state_dict(),
        "epoch": np.int64(30),
        "config": Config(),
        "hyper_parameters": argparse.Namespace(lr=1e-3),
        "train_loss": np.mean([0.5, 0.7]),
        "test_losses": [9.0] * 30 + [np.float64(3.5)],
    }
    result = imported(record)
    same_logits(network, result.path, 30)
    assert f"not read, since only code of their own could: 'config' ({__name__}.Config)" in result.notes
    assert Run(result.path).history["reported_train_loss"] == [0.6]
    assert Run(result.path).history["reported_test_loss"] == [3.5]
    kept = json.loads((result.path / "config.json").read_text())["import"]
    assert kept["left_out"] == [f"'config' ({__name__}.Config)"]


def test_weights_that_are_an_object_are_refused_with_what_to_do_instead(tmp_path: Path, imported) -> None:
    with pytest.raises(UserError, match=r"'model' \(.*PerHead\); .*model\.state_dict\(\)"):
        imported(saved(tmp_path, {"model": PerHead(P), "epoch": 3}))


# Arrays of NumPy


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("name", ["step-70.npz", "step-70.pt"])
def test_npz_is_read(save, name: str, tmp_path: Path, imported, same_logits) -> None:
    torch.manual_seed(0)
    network = Plain(P)
    with open(tmp_path / name, "wb") as file:
        save(file, **{key: t.numpy() for key, t in network.state_dict().items()}, train_losses=np.ones(71))
    result = imported(tmp_path / name)
    same_logits(network, result.path, 70)
    assert Run(result.path).history["reported_train_loss"] == [1.0]


def test_arrays_of_objects_in_an_npz_are_left_out_and_do_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    evil = np.array([Bomb(mark)], dtype=object)
    np.savez(tmp_path / "a.npz", W=np.ones(2), evil=evil, text=np.array(["a"]))
    found = contents(tmp_path / "a.npz")
    assert list(found.record) == ["W"]
    assert found.left_out == ["'evil' (numpy.ndarray)", "'text' (numpy.ndarray)"]
    assert not mark.exists()


def test_an_npz_that_promises_too_much_is_refused(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, W=np.ones(20))
    path.write_bytes(path.read_bytes().replace(b"(20,)", b"(90,)"))
    with pytest.raises(UserError, match=r"a\.npz is damaged"):
        contents(path)
    np.savez_compressed(path, W=np.zeros(2**20))
    assert path.stat().st_size < 2**16
    assert read(path)["W"].shape == (2**20,)
    for limit, most, word in [("MAX_ARRAYS_BYTES", 2**22, "unfolds"), ("MAX_TENSORS", 0, "holds 1 arrays")]:
        with monkeypatch.context() as patched, pytest.raises(UserError, match=word):
            patched.setattr(untrusted, limit, most)
            contents(path)


# Losses and accuracies inside


def whole(n_losses: int, **more: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    states = [PerHead(P).state_dict() for _ in range(3)]
    losses = [epoch / 100 for epoch in range(n_losses)]
    return {"state_dicts": states, "epochs": [0, 10, 20], "train_losses": losses, **more}


@pytest.mark.parametrize(
    "record, expected",
    [
        (whole(21), [0.0, 0.1, 0.2]),
        (whole(40), [0.0, 0.1, 0.2]),
        (whole(20), [None, 0.09, 0.19]),
        (whole(3), [0.0, 0.01, 0.02]),
        (whole(5, log_epochs=[0, 5, 10, 15, 20]), [0.0, 0.02, 0.04]),
        (whole(0, history={"train_loss": torch.arange(21) / 4}), [0.0, 2.5, 5.0]),
    ],
)
def test_curves_are_kept_at_the_epochs_of_the_networks(record, expected, imported) -> None:
    result = imported(record)
    assert Run(result.path).history["reported_train_loss"] == pytest.approx(expected)
    assert any("what the weights' files report fits them: train_loss kept" in note for note in result.notes)


@pytest.mark.parametrize(
    "record, word",
    [
        (whole(7), None),
        (whole(0, train_losses=[-1.0] * 21), "losses >= 0"),
        (whole(0, train_losses=[float("nan")] * 21), "losses >= 0"),
        (whole(0, test_accs=[50.0] * 21), "accuracies from 0 to 1"),
        (whole(0, train_accs=[1.0] * 21, test_accs=[0.9] * 21), "while on all pairs"),
    ],
)
def test_curves_that_cannot_be_those_of_the_weights_are_left_aside(record, word, imported) -> None:
    result = imported(record)
    assert not [name for name in Run(result.path).history if name.startswith("reported")]
    assert [note for note in result.notes if "not used" in note and (word or "") in note] or word is None


def test_a_curve_may_be_that_of_one_step_before(imported) -> None:
    """With a split, losses are held against those that are measured, at the same epoch and one before."""
    record = {**whole(0), "train_indices": list(range(20))}
    measured = Run(imported(record).path).history["train_loss"]
    early = [0.0] * 22
    early[9], early[19] = measured[1], measured[2]
    late = Run(imported({**record, "train_losses": early}).path).history["reported_train_loss"]
    assert late == [None, *measured[1:]]
    note = [n for n in imported({**record, "train_losses": [50.0] * 21}).notes if "not used" in n]
    assert len(note) == 1
    assert "it says train_loss 50.0000, measured" in note[0]


# Folders


def test_one_unreadable_file_is_named_and_the_others_are_imported(tmp_path: Path, imported) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    for epoch in (10, 20):
        torch.save({"model": PerHead(P).state_dict(), "epoch": epoch}, folder / f"e{epoch}.pt")
    (folder / "e30.pt").write_bytes((folder / "e20.pt").read_bytes()[:2000])
    torch.save({"state": {}, "param_groups": []}, folder / "optimizer.pt")
    torch.save({"model": PerHead(P).state_dict(), "evil": Bomb(tmp_path / "ran")}, folder / "e40.pt")
    result = imported(folder)
    assert Run(result.path).epochs == [10, 20]
    left = [note for note in result.notes if note.startswith("warning: left out: ")]
    assert [next(n for n in ("e30.pt", "e40.pt", "optimizer.pt") if n in note) for note in left] == [
        "e30.pt",
        "e40.pt",
        "optimizer.pt",
    ]
    assert not (tmp_path / "ran").exists()
    assert len(json.loads((result.path / "config.json").read_text())["import"]["left_out"]) == 3


def test_a_folder_of_unreadable_files_is_refused_by_the_first(tmp_path: Path, imported) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.pt", "b.pt"):
        (tmp_path / "in" / name).write_bytes(b"hello")
    with pytest.raises(UserError, match=r"none of 2 files can be read; the first: .*a\.pt is damaged"):
        imported(tmp_path / "in")
