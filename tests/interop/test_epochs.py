"""Which file holds which epoch."""

from pathlib import Path

import pytest
import torch

from grokking.errors import UserError
from grokking.interop.snapshots import Source
from tests.interop.foreign import PerHead

P = 5


def state(seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return PerHead(P, d=4, h=1, m=4).state_dict()


def save(folder: Path, *names: str, **extra: object) -> Path:
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(names):
        torch.save({"model_state_dict": state(seed), **extra}, folder / name)
    return folder


@pytest.mark.parametrize(
    "names, epochs",
    [
        (("checkpoint_e001000.pt", "checkpoint_e000500.pt"), [500, 1000]),
        (("0.pth", "100.pth", "20.pth"), [0, 20, 100]),
        (("init.pth", "epoch_7.pt", "step-12.ckpt", "model_p113_ep30.bin"), [0, 7, 12, 30]),
        (("run3_net5.pt", "run3_net80.pt"), [5, 80]),
        (("epoch=3.pt",), [3]),
        (("weights.pt",), [0]),
        (("p113.pt",), [0]),
    ],
)
def test_epochs_from_names(names: tuple[str, ...], epochs: list[int], tmp_path: Path) -> None:
    source = Source.of(save(tmp_path / "in", *names))
    assert [s.epoch for s in source.snapshots] == epochs
    for snapshot in source.snapshots:
        expected = state(names.index(snapshot.path.name))
        assert all(torch.equal(source.state(snapshot)[key], t) for key, t in expected.items())


@pytest.mark.parametrize(
    "value, epoch", [(250, 250), (torch.tensor(7), 7), (30.0, 30), (True, 4), ("x", 4), (0, 0)]
)
def test_epochs_from_the_content_come_first(value: object, epoch: int, tmp_path: Path) -> None:
    source = Source.of(save(tmp_path / "in", "checkpoint_e000004.pt", epoch=value))
    assert source.snapshots[0].epoch == epoch


@pytest.mark.parametrize("names", [("state_dicts", "epochs"), ("checkpoints", "checkpoint_epochs")])
def test_a_whole_run_in_one_file(names: tuple[str, str], tmp_path: Path) -> None:
    record = {names[0]: [state(0), state(1), state(2)], names[1]: [0, 100, 200], "train_losses": [1.0] * 200}
    torch.save(record, tmp_path / "full.pth")
    source = Source.of(tmp_path / "full.pth")
    assert [s.epoch for s in source.snapshots] == [0, 100, 200]
    assert torch.equal(source.state(source.snapshots[2])["W_Q"], state(2)["W_Q"])
    torch.save({"state_dicts": {0: state(0), 50: state(1)}}, tmp_path / "dict.pth")
    assert [s.epoch for s in Source.of(tmp_path / "dict.pth").snapshots] == [0, 50]


@pytest.mark.parametrize(
    "record, word",
    [
        ({"state_dicts": [1, 2], "epochs": [0, 1]}, "not a list of state dicts"),
        ({"state_dicts": "abc", "epochs": [0, 1]}, "no list of networks"),
        ({"state_dicts": [], "epochs": []}, "0 networks"),
        ({"state_dicts": [{"a": torch.zeros(2)}], "epochs": [0, 1]}, "1 networks .* 2 epochs"),
        ({"state_dicts": [{"a": torch.zeros(2)}]}, "0 epochs"),
        ({"state_dicts": [{"a": torch.zeros(2)}], "epochs": ["a"]}, "whole number"),
        ({"losses": [1.0]}, "no tensors by name; found: 'losses'"),
        ([1, 2], "holds a list"),
        (torch.zeros(3), "holds a Tensor"),
        ({"model": {"a": torch.zeros(2)}, "epoch": -3}, "epoch -3"),
        ({"model": {"a": torch.zeros(2)}, "epoch": 10**30}, "accepted: 0 to"),
    ],
)
def test_content_without_an_epoch_is_refused(record: object, word: str, tmp_path: Path) -> None:
    torch.save(record, tmp_path / "weights.pt")
    with pytest.raises(UserError, match=word):
        Source.of(tmp_path / "weights.pt")


def test_a_person_may_say_the_epoch(tmp_path: Path) -> None:
    save(tmp_path / "in", "best.pt", "other.pt")
    with pytest.raises(UserError, match=r"best\.pt; give --epoch best\.pt=NUMBER"):
        Source.of(tmp_path / "in")
    found = Source.of(tmp_path / "in", ["best.pt=9", "other.pt=2"])
    assert [(s.epoch, s.path.name) for s in found.snapshots] == [(2, "other.pt"), (9, "best.pt")]
    assert Source.of(tmp_path / "in" / "best.pt", ["77"]).snapshots[0].epoch == 77
    for hints in ("x", "absent.pt=3", "best.pt=-1", "3"):
        with pytest.raises(UserError, match="--epoch takes"):
            Source.of(tmp_path / "in", [hints])


def test_final_is_the_same_as_another_or_the_end_of_the_history(tmp_path: Path) -> None:
    folder = save(tmp_path / "in", "checkpoint_e000010.pt", "checkpoint_final.pt")
    with pytest.raises(UserError, match=r"checkpoint_final\.pt does not say"):
        Source.of(folder)
    assert [s.epoch for s in Source.of(folder, last_epoch=30).snapshots] == [10, 30]
    with pytest.raises(UserError, match=r"checkpoint_final\.pt does not say"):
        Source.of(folder, last_epoch=10)
    torch.save(state(0), folder / "checkpoint_final.pt")
    same = Source.of(folder)
    assert [s.epoch for s in same.snapshots] == [10]
    assert same.notes == ["checkpoint_final.pt holds the weights of checkpoint_e000010.pt"]


def test_two_files_of_one_epoch(tmp_path: Path) -> None:
    folder = save(tmp_path / "in", "a_e10.pt", "b_e10.pt")
    with pytest.raises(UserError, match=r"two networks of epoch 10: a_e10\.pt and b_e10\.pt"):
        Source.of(folder)
    torch.save(state(0), folder / "b_e10.pt")
    assert len(Source.of(folder).snapshots) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda path: None,
        lambda path: path.mkdir(),
        lambda path: (path.mkdir(), (path / "a.txt").write_text("a")),
    ],
)
def test_places_without_weights_are_refused(make, tmp_path: Path) -> None:
    make(tmp_path / "in")
    with pytest.raises(UserError, match=r"in (is neither|holds 0 files)"):
        Source.of(tmp_path / "in")
