"""What the three films share: frames that are whole, repeatable and alike in one process or two."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grokking.config import RunConfig
from grokking.drawing.animated_figure import AnimatedFigure
from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.films import frames
from grokking.films.encoder import count_frames
from grokking.films.film import Film, FilmOptions, curves_by_part, make_frames, open_cyclic, pick_epochs
from grokking.films.kinds.circle import FILM as CIRCLE
from grokking.films.kinds.clean import FILM as CLEAN
from grokking.films.kinds.sine import FILM as SINE
from grokking.films.registry import FILMS as REGISTERED
from grokking.runs.run import Run
from grokking.runs.view import RunView
from tests.films.films import BRIEF, FILMS, frame_bytes, names


@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.name)
def test_one_frame_per_kept_epoch(film: Film, added: Run, tmp_path: Path) -> None:
    folder = make_frames(film, added, tmp_path / "a" / "b", BRIEF)
    assert names(folder) == [f"frame_{i:05d}.png" for i in range(len(added.epochs))] + ["frames.json"]
    record = json.loads((folder / "frames.json").read_text())
    assert record["fps"] == 12.0
    assert record["captions"][0][0] == 0
    assert record["captions"][-1][0] == len(added.epochs) - 1
    for path in folder.glob("frame_*.png"):
        with Image.open(path) as picture:
            assert (picture.size, picture.mode) == ((480, 320), "RGB")
    assert len(set(frame_bytes(folder))) == len(added.epochs)


@pytest.mark.slow
def test_two_processes_draw_the_bytes_of_one(
    added: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "CHUNK", 2)
    serial = make_frames(SINE, added, tmp_path / "one", BRIEF)
    shared = make_frames(SINE, added, tmp_path / "two", FilmOptions(size=(480, 320), jobs=2))
    assert frame_bytes(serial) == frame_bytes(shared)
    assert names(serial) == names(shared)


@pytest.mark.slow
@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.name)
def test_a_frame_depends_on_its_number_alone(film: Film, multiplied: Run) -> None:
    view = RunView(multiplied)
    numbers = film.collect(view, film.choose(view, BRIEF), multiplied.epochs[::3])
    picture, fresh = film.animation(numbers, Style((480, 320))), film.animation(numbers, Style((480, 320)))
    forwards = [picture.rgb(i) for i in range(3)]
    assert all(np.array_equal(fresh.rgb(i), forwards[i]) for i in (2, 0, 1))


def test_frames_do_not_depend_on_a_persons_settings(added: Run, tmp_path: Path) -> None:
    import matplotlib

    last = FilmOptions(size=(480, 320), jobs=1, n_frames=1)
    plain = make_frames(CIRCLE, added, tmp_path / "plain", last)
    with matplotlib.rc_context(
        {
            "font.size": 30,
            "axes.facecolor": "red",
            "text.hinting": "default",
            "lines.linewidth": 9,
            "path.simplify": False,
        }
    ):
        other = make_frames(CIRCLE, added, tmp_path / "other", last)
        assert matplotlib.rcParams["font.size"] == 30
    assert frame_bytes(plain) == frame_bytes(other)


def test_a_shorter_film_leaves_no_frame_of_a_longer_one(added: Run, tmp_path: Path) -> None:
    folder = make_frames(CIRCLE, added, tmp_path / "f", BRIEF)
    first = frame_bytes(folder)
    (folder / "notes.txt").write_text("mine")
    (folder / "frame_1.png").write_text("not ours either")
    options = FilmOptions(size=(480, 320), jobs=1, n_frames=2, fps=4)
    make_frames(CIRCLE, added, folder, options)
    assert names(folder) == ["frame_00000.png", "frame_00001.png", "frame_1.png", "frames.json", "notes.txt"]
    assert (folder / "frame_00001.png").read_bytes() != first[1]
    assert json.loads((folder / "frames.json").read_text())["fps"] == 4


class Breaking(AnimatedFigure):
    """Fails at its second frame."""

    error: BaseException = KeyboardInterrupt()

    def __init__(self) -> None:
        pass

    def rgb(self, number: int) -> np.ndarray:
        if number:
            raise self.error
        return np.zeros((320, 480, 3), np.uint8)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UserError("no room"), SystemExit(143)])
def test_an_interrupted_film_leaves_the_older_one(
    added: Run, tmp_path: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_frames(CIRCLE, added, tmp_path / "f", BRIEF)
    before = frame_bytes(folder)
    monkeypatch.setattr(Breaking, "error", error)
    broken = Film("broken", lambda _: True, *[lambda *_: None] * 3, lambda *_: Breaking())
    with pytest.raises(type(error)):
        make_frames(broken, added, folder, BRIEF)
    assert frame_bytes(folder) == before
    assert names(folder) == [*names(folder)[:-1], "frames.json"]
    with pytest.raises(type(error)):
        make_frames(broken, added, folder, FilmOptions(jobs=1, size=(480, 320), direct=tmp_path / "g.mp4"))
    assert names(tmp_path) == ["f"]


def test_direct(added: Run, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    options = FilmOptions(size=(480, 320), jobs=1, direct=film)
    assert make_frames(CLEAN, added, tmp_path / "unused", options) == film
    assert names(tmp_path) == ["film.mp4"]
    assert count_frames(film) == len(added.epochs)


@pytest.mark.parametrize(
    "kept, n, expected",
    [
        ([0, 10, 20, 40, 80], None, [0, 10, 20, 40, 80]),
        ([0, 10, 20, 40, 80], 99, [0, 10, 20, 40, 80]),
        ([0, 10, 20, 40, 80], 2, [0, 80]),
        ([0, 10, 20, 40, 80], 1, [80]),
        ([7], 1, [7]),
        ([7], None, [7]),
    ],
)
def test_which_epochs(kept: list[int], n: int | None, expected: list[int]) -> None:
    assert pick_epochs(kept, n) == expected


@pytest.mark.slow
def test_several_operations(train: Callable[[int, str], Path], tmp_path: Path) -> None:
    run = Run(train(11, "x2+y2,mul,add"))
    assert RunView(run).operation.name == "mul"  # the first that has a group
    view = RunView(run, "add")
    assert (view.n, view.suffix) == (11, "_add")
    assert list(curves_by_part(view, "acc")[1].y) == run.history["test_acc_add"]
    assert "trained with x2+y2, mul" in view.config_line
    for operation in ("mul", "add"):
        folder = make_frames(
            CIRCLE,
            run,
            tmp_path / operation,
            FilmOptions(size=(480, 320), jobs=1, n_frames=1, operation=operation),
        )
        assert len(frame_bytes(folder)) == 1
    with pytest.raises(UserError, match=r"x2\+y2 has no cyclic group.* mul, add can be shown"):
        open_cyclic(run, FilmOptions(operation="x2+y2"))
    with pytest.raises(UserError, match="not trained on 'div'; it knows x2"):
        open_cyclic(run, FilmOptions(operation="div"))


def films_of(run: Run) -> list[str]:
    return sorted(entry.name for entry in REGISTERED if entry.load().applies(run))


def test_every_kind_of_film_is_found_and_knows_its_runs(
    train: Callable[[int, str], Path], tmp_path: Path, train_run: Callable[..., Path]
) -> None:
    assert sorted(REGISTERED.names()) == ["answers", "circle", "clean", "kinematics", "order", "sine"]
    assert REGISTERED.get("sine").load() is SINE
    with pytest.raises(UserError, match="unknown film .cosine.; known: answers, circle, clean, sine"):
        REGISTERED.get("cosine")
    cyclic = ["answers", "circle", "clean", "order", "sine"]
    assert films_of(Run(train(11, "add"))) == cyclic
    assert films_of(Run(train(11, "x2+y2"))) == ["answers"]
    grid = {"n_angles": 8, "heldout_angles": 2, "n_speeds": 6, "heldout_speeds": 1, "n_distances": 6}
    config = RunConfig(task="kinematics", n_bins=8, d_model=16, n_heads=2, d_mlp=32, n_epochs=1, **grid)
    run = Run(train_run(config, tmp_path / "heights"))
    assert films_of(run) == ["kinematics"]
