"""``grokking measure`` of a run of kinematics: kinematics.json, and the tables made of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.films.animations.kinematics import KinematicsAnimation
from grokking.films.film import FilmOptions, make_frames
from grokking.films.kinds.kinematics import FILM, choose, collect, mean_over_distances, on_grid
from grokking.metrics.heights import answered_bins, height_errors
from grokking.runs.kinematics_probes import (
    LAYERS,
    kinematics_task,
    markdown,
    measure_and_write,
    read_measures,
)
from grokking.runs.run import Run
from grokking.storage.atomic_io import read_json, write_json
from grokking.tasks.kinematics import KINEMATICS

CONFIG = RunConfig(
    task=KINEMATICS,
    n_angles=12,
    n_speeds=11,
    n_distances=10,
    heldout_angles=2,
    heldout_speeds=2,
    n_bins=16,
    train_frac=0.5,
    d_model=16,
    n_heads=2,
    d_mlp=32,
    n_epochs=20,
    log_every=20,
    checkpoint_every=20,
    encoding="continuous",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, train_run: Callable[..., Path]) -> Run:
    return Run(train_run(CONFIG, tmp_path_factory.mktemp("kinematics") / "run", threads=1))


@pytest.fixture(scope="module")
def record(run: Run) -> dict:
    with pytest.raises(UserError, match=r"kinematics.json does not exist; grokking measure "):
        read_measures(run)
    return read_json(measure_and_write(run.directory.path))


def test_what_is_measured(run: Run, record: dict) -> None:
    assert record["epoch"] == 20
    assert set(record["probes"]) == set(record["probes_untrained"]) == set(LAYERS)
    assert set(record["probes"]["embedding"]) == {"tan θ", "1/cos² θ", "1/v₀²", "x", "x²"}
    assert set(record["probes"]["neurons"]) > {"x tan θ", "x²/(v₀² cos² θ)", "y"}
    for part, found in record["parts"].items():
        for name, value in found["network"].items():
            assert value == pytest.approx(run.history[f"{part}_{name}"][-1])
    assert record["parts"]["train"]["nearest"]["acc"] == 1


def test_again_is_the_same_file(run: Run, record: dict) -> None:
    path = run.directory.path / "kinematics.json"
    before = path.read_bytes()
    measure_and_write(run.directory.path)
    assert path.read_bytes() == before
    assert read_measures(run) == record


def test_tables(run: Run, record: dict) -> None:
    text = markdown([run])
    own = record["parts"]["test"]["network"]
    assert f"{own['acc']:.3f}, {own['within_one']:.3f}, {own['mae']:.2f}" in text
    assert "answer of the nearest trained combination" in text
    assert sum(line.startswith("| x tan θ |") for line in text.splitlines()) == 1


def test_measures_of_another_state_are_refused(
    run: Run, record: dict, made_by_hand: Callable[[Path], None]
) -> None:
    path = run.directory.path / "kinematics.json"
    made_by_hand(path.parent)
    try:
        write_json(path, {**record, "epoch": 10})
        with pytest.raises(UserError, match="another state"):
            read_measures(run)
    finally:
        write_json(path, record)


def test_only_kinematics_is_probed(tiny_run: Path) -> None:
    with pytest.raises(UserError, match="not of kinematics"):
        measure_and_write(tiny_run)


def test_too_small_a_grid_to_probe(tmp_path: Path, train_run) -> None:
    small = RunConfig(**{**CONFIG.as_dict(), "n_angles": 6, "n_epochs": 1})
    with pytest.raises(UserError, match="fewer than 8 values"):
        measure_and_write(train_run(small, tmp_path / "run", threads=1))


# The film


def test_the_film_shows_what_the_network_answers(run: Run) -> None:
    shown = choose(run, FilmOptions())
    x = collect(run, shown, run.epochs)
    seen, task = run.observe(run.final_epoch), kinematics_task(run)
    assert list(shown) == ["train", "mean", "heldout_angles", "heldout_speeds"]
    for path, answered, (a, v) in zip(x.paths, x.answered[-1], shown.values(), strict=True):
        for i, row in enumerate(task.row_of[a, v]):
            if row < 0:
                assert answered[i] != answered[i]
            else:
                assert answered[i] == task.bin_centres(answered_bins(seen))[row]
                assert path.trained[i] == (row in run.known_split.train)
    assert not x.paths[2].trained.any()
    assert not x.paths[3].trained.any()
    by_hand = mean_over_distances(on_grid(task, abs(height_errors(seen))))
    assert ((x.errors[-1] == by_hand) | (by_hand != by_hand)).all()


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_stands_still_and_moves_its_dots(run: Run, theme: str) -> None:
    picture = KinematicsAnimation(
        collect(run, choose(run, FilmOptions()), run.epochs), Style((640, 360), theme)
    )
    first = picture.rgb(0)
    limits = [axes.axis() for axes in picture.figure.axes]
    assert (picture.rgb(len(run.epochs) - 1) != first).any()
    assert limits == [axes.axis() for axes in picture.figure.axes]
    assert (picture.rgb(0) == first).all()


def test_frames(run: Run, tiny_run: Path, tmp_path: Path) -> None:
    options = FilmOptions(size=(480, 320), jobs=1, n_frames=2)
    make_frames(FILM, run, tmp_path / "frames", options)
    assert sorted(p.name for p in (tmp_path / "frames").iterdir()) == [
        "frame_00000.png",
        "frame_00001.png",
        "frames.json",
        "manifest.json",
    ]
    with pytest.raises(UserError, match="not of kinematics"):
        make_frames(FILM, Run(tiny_run), tmp_path / "none", options)
