"""A folder of somebody's weights goes through everything that reads a run directory."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.figures.comparison import draw_comparison
from grokking.films.film import FilmOptions, curves_by_part, make_frames
from grokking.films.kinds.circle import FILM as CIRCLE
from grokking.films.kinds.clean import FILM as CLEAN
from grokking.films.kinds.sine import FILM as SINE
from grokking.runs.compare import markdown, table
from grokking.runs.progress_measures import measure_and_write
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.training.launch import Request, start_runs
from tests.interop.conftest import fit
from tests.interop.foreign import PerHead, TransformerLens

P = 11
EPOCHS = (0, 60, 120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints as the third layout keeps them, of a network that memorised half of all pairs."""
    torch.manual_seed(0)
    path, network = tmp_path_factory.mktemp("theirs"), PerHead(P)
    for epoch in EPOCHS:
        if epoch:
            fit(network, P, share=0.5, epochs=60)
        saved = {
            "epoch": epoch,
            "model_state_dict": network.state_dict(),
            "optimizer_state_dict": {"state": {}},
        }
        torch.save(saved, path / f"checkpoint_e{epoch:06d}.pt")
    torch.save(saved, path / "checkpoint_final.pt")
    return path


def test_epochs_are_found_and_the_final_file_is_the_last_of_them(folder: Path, imported) -> None:
    result = imported(folder)
    assert Run(result.path).epochs == list(EPOCHS)
    assert "checkpoint_final.pt holds the weights of checkpoint_e000120.pt" in result.notes


def test_without_a_split_train_and_test_are_absent_and_all_pairs_are_measured(folder: Path, imported) -> None:
    run = Run(imported(folder).path)
    assert run.split is None
    assert not [name for name in run.history if name.startswith(("train", "test", "grokking_epoch"))]
    assert run.history["all_acc"][0] < 0.3
    assert 0.5 < run.history["all_acc"][-1] < 0.95
    assert {"lr", "seed", "weight_decay", "train_frac"}.isdisjoint(run.history["config"])
    record = json.loads(measure_and_write(run.directory.path).read_text())
    assert not [name for name in record if "train" in name or "test" in name or "excluded" in name]
    assert len(record["all_acc"]) == len(EPOCHS)


def test_with_a_recipe_the_split_is_the_one_trained_on(folder: Path, imported) -> None:
    run = Run(imported(folder, split="torch-randperm:598:0.5").path)
    assert run.history["train_acc"][-1] > 0.97
    assert run.history["test_acc"][-1] < 0.6
    assert len(run.split.train) == 60
    assert run.config.train_frac == pytest.approx(60 / 121, abs=1e-5)
    expected = torch.randperm(P * P, generator=torch.Generator().manual_seed(598))[:60]
    assert set(run.split.train) == set(expected.tolist())


def test_a_split_that_the_networks_do_not_show_is_doubted(folder: Path, imported) -> None:
    doubts = [n for n in imported(folder, split="torch-randperm:1:0.5").notes if "another split" in n]
    assert len(doubts) == 1
    assert not [n for n in imported(folder, split="torch-randperm:598:0.5").notes if "another split" in n]


@pytest.mark.slow
@pytest.mark.parametrize("split", [None, "torch-randperm:598:0.5"])
def test_all_films_tables_and_pictures_are_made(split, folder: Path, imported, tmp_path: Path) -> None:
    run = Run(imported(folder, split=split).path)
    for film in (CIRCLE, CLEAN, SINE):
        frames = make_frames(
            film, run, tmp_path / film.name, FilmOptions(size=(640, 360), jobs=1, n_frames=1)
        )
        assert len(list(frames.glob("frame_*.png"))) == 1
    view = RunView(run)
    assert [c.label for c in curves_by_part(view, "acc")] == (["train", "test"] if split else ["all pairs"])
    assert "trained elsewhere" in view.config_line
    assert "seed" not in view.config_line
    assert draw_comparison([run], tmp_path / "comparison.png").stat().st_size > 1000
    lines = {line.split()[0]: line.split()[1:] for line in table([run]).splitlines()}
    assert lines["seed"] == lines["grokking_epoch"] == ["-"]
    assert (lines.get("all_acc", ["-"]) == ["-"]) == bool(split)
    assert "| seed | - |" in markdown([run])


@pytest.mark.parametrize("network", ["folder", "biases"])
def test_look_ups_give_what_the_readable_forward_gives(network, folder: Path, imported) -> None:
    torch.manual_seed(1)
    run = Run(
        imported(folder if network == "folder" else TransformerLens(P, classes=P + 1).state_dict()).path
    )
    with torch.no_grad():
        logits = run.model(run.final_epoch)(torch.from_numpy(run.task.tokens))
    torch.testing.assert_close(run.observe(run.final_epoch).outputs.logits, logits, rtol=1e-4, atol=1e-5)
    assert run.history["all_acc"][-1] == np.mean(logits[:, :P].argmax(1).numpy() == run.task.answers)


def test_imported_weights_may_be_trained_further_but_not_again(
    folder: Path, imported, tmp_path: Path
) -> None:
    path = imported(folder).path
    config = RunConfig(p=P, d_model=16, n_heads=2, d_mlp=24, n_epochs=1)
    (started,) = start_runs({"on": config}, Request(tmp_path / "more", init_from=f"{path}:120"))
    assert torch.equal(Run(started).weights(0)["W_K"], Run(path).weights(120)["W_K"])
    with pytest.raises(UserError, match="imported weights.*--init_from"):
        start_runs({"again": Run(path).config}, Request(tmp_path / "more"))
    torch.manual_seed(0)
    biased = imported(TransformerLens(P).state_dict()).path
    with pytest.raises(UserError, match="do not fit.*b_. is .*needed not there"):
        start_runs({"biased": config}, Request(tmp_path / "more", init_from=f"{biased}:0"))


# A history in the folder of the weights


def report(folder: Path, target: Path, **change: object) -> Path:
    """The folder with a history like its own network's."""
    shutil.copytree(folder, target)
    record = {
        "epochs": [0, 60, 90, 120],
        "train_loss": [3.0, 0.5, 0.2, 0.01],
        "test_loss": [3.0, 5.0, 6.0, 7.0],
        "train_acc": [0.1, 1.0, 1.0, 1.0],
        "test_acc": [0.05, 0.2, 0.2, 0.2],
    }
    (target / "history.json").write_text(json.dumps({**record, **change}))
    return target


def test_a_history_that_fits_is_kept_under_names_of_its_own(folder: Path, imported, tmp_path: Path) -> None:
    path = imported(folder).path
    low = [a - 0.1 for a in Run(path).history["all_acc"]]
    high = [min(a + 0.1, 1.0) for a in Run(path).history["all_acc"]]
    theirs = report(
        folder, tmp_path / "fits", train_acc=[*high[:2], 0.5, high[2]], test_acc=[0.0, low[1], 0.5, low[2]]
    )
    result = imported(theirs)
    history = Run(result.path).history
    assert history["reported_train_acc"] == high
    assert history["reported_test_loss"] == [3.0, 5.0, 7.0]
    assert "train_acc" not in history
    assert any("fits them" in note for note in result.notes)


@pytest.mark.parametrize(
    "change, word",
    [
        ({"train_acc": [0.1, 0.0, 0.0, 0.0], "test_acc": [0.0] * 4}, "while on all pairs"),
        ({"test_acc": [5, 20, 30, 99.9]}, "accuracies from 0 to 1"),
        ({"test_acc": [0.1]}, "of one length"),
        ({"epochs": [1, 2, 3, 4]}, "none of their epochs"),
        ({"train_loss": [float("nan")] * 4}, "losses >= 0"),
    ],
)
def test_a_history_that_does_not_fit_is_left_aside(
    change, word, folder: Path, imported, tmp_path: Path
) -> None:
    result = imported(report(folder, tmp_path / "unfit", **change))
    assert not [name for name in Run(result.path).history if name.startswith("reported")]
    assert [note for note in result.notes if "not used" in note and word in note]
