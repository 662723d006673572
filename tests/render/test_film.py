"""What the three films share: frames that are whole, repeatable and alike in one process or two."""

import json
import re
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from grokking.errors import DamagedFile, UserError
from grokking.reading import Run
from grokking.render import drawing
from grokking.render.circle import CIRCLE
from grokking.render.clean import CLEAN
from grokking.render.encoder import count_frames
from grokking.render.film import Film, FilmOptions, make_frames, pick_epochs
from grokking.render.panels import log_limits, until
from grokking.render.picture import Picture
from grokking.render.progress import tracked
from grokking.render.sine import SINE
from grokking.render.sine_picture import SineChoice
from grokking.render.style import THEMES, Look, palette, parse_size, residue_colours
from grokking.render.subject import Subject

ROOT = Path(__file__).parents[2]
FILMS = [CIRCLE, CLEAN, SINE]
BRIEF = FilmOptions(size=(480, 320), jobs=1)


def frames(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("frame_*.png"))]


def names(folder: Path) -> list[str]:
    """All names in a folder but the manifest's, which every folder of frames has."""
    return sorted(path.name for path in folder.iterdir() if path.name != "manifest.json")


# --- frames --------------------------------------------------------------------------------------

@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.name)
def test_one_frame_per_kept_epoch(film: Film, added: Run, tmp_path: Path) -> None:
    folder = make_frames(film, added, tmp_path / "a" / "b", BRIEF)
    assert names(folder) == [f"frame_{i:05d}.png" for i in range(len(added.epochs))] + ["frames.json"]
    assert json.loads((folder / "frames.json").read_text()) == {"fps": 12.0}
    for path in folder.glob("frame_*.png"):
        with Image.open(path) as picture:
            assert (picture.size, picture.mode) == ((480, 320), "RGB")
    assert len(set(frames(folder))) == len(added.epochs)


def test_two_processes_draw_the_bytes_of_one(
    added: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "CHUNK", 2)
    serial = make_frames(SINE, added, tmp_path / "one", BRIEF)
    shared = make_frames(SINE, added, tmp_path / "two", FilmOptions(size=(480, 320), jobs=2))
    assert frames(serial) == frames(shared)
    assert names(serial) == names(shared)


@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.name)
def test_a_frame_depends_on_its_number_alone(film: Film, multiplied: Run) -> None:
    subject = Subject.of(multiplied)
    numbers = film.collect(subject, film.choose(subject, BRIEF), multiplied.epochs[::3])
    picture, fresh = film.picture(numbers, Look((480, 320))), film.picture(numbers, Look((480, 320)))
    forwards = [picture.rgb(i) for i in range(3)]
    assert all(np.array_equal(fresh.rgb(i), forwards[i]) for i in (2, 0, 1))


def test_frames_do_not_depend_on_a_persons_settings(added: Run, tmp_path: Path) -> None:
    import matplotlib

    last = FilmOptions(size=(480, 320), jobs=1, n_frames=1)
    plain = make_frames(CIRCLE, added, tmp_path / "plain", last)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "text.hinting": "default",
                                "lines.linewidth": 9, "path.simplify": False}):
        other = make_frames(CIRCLE, added, tmp_path / "other", last)
        assert matplotlib.rcParams["font.size"] == 30
    assert frames(plain) == frames(other)


def test_a_shorter_film_leaves_no_frame_of_a_longer_one(added: Run, tmp_path: Path) -> None:
    folder = make_frames(CIRCLE, added, tmp_path / "f", BRIEF)
    first = frames(folder)
    (folder / "notes.txt").write_text("mine")
    (folder / "frame_1.png").write_text("not ours either")
    options = FilmOptions(size=(480, 320), jobs=1, n_frames=2, fps=4)
    make_frames(CIRCLE, added, folder, options)
    assert names(folder) == ["frame_00000.png", "frame_00001.png", "frame_1.png", "frames.json", "notes.txt"]
    assert (folder / "frame_00001.png").read_bytes() != first[1]
    assert json.loads((folder / "frames.json").read_text()) == {"fps": 4}


class Breaking(Picture):
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
    before = frames(folder)
    monkeypatch.setattr(Breaking, "error", error)
    broken = Film("broken", lambda *_: None, lambda *_: None, lambda *_: Breaking())
    with pytest.raises(type(error)):
        make_frames(broken, added, folder, BRIEF)
    assert frames(folder) == before
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


@pytest.mark.parametrize("size", ["1280x720", "640x640", "1920x1080", "1000x402", "1366x768"])
def test_canvas_has_exactly_the_pixels_asked_for(size: str) -> None:
    class Empty(Picture):
        def update(self, number: int) -> None:
            self.show_epoch(number)

    from grokking.render.picture import Words

    width, height = parse_size(size)
    look = Look((width, height))
    with look.context():
        picture = Empty(look, Words("title", "config", "caption\nof two lines", "beside"))
    assert picture.rgb(7).shape == (height, width, 3)


def test_long_lines_of_the_head_shrink_until_they_fit() -> None:
    from grokking.render.picture import Words

    look = Look()
    with look.context():
        picture = Picture(look, Words("t", "long words " * 12, "c", "key frequencies 1, 2, 3, 4, 5, 6, …"))
    left, right = picture.figure.texts[1:3]
    renderer = picture.canvas.get_renderer()
    assert left.get_window_extent(renderer).x1 < right.get_window_extent(renderer).x0


def boxes(picture: Picture, number: int) -> list[tuple[str, Bbox]]:
    """Every text of a frame, tick labels too, with the pixels it covers."""
    picture.rgb(number)
    renderer = picture.canvas.get_renderer()
    texts = {text for text in picture.figure.findobj(Text) if text.get_visible() and text.get_text().strip()}
    shown = {label for axes in picture.figure.axes for axis in (axes.xaxis, axes.yaxis) if axes.axison
             for tick in axis._update_ticks() for label in (tick.label1,) if label.get_visible()}
    texts -= {label for axes in picture.figure.axes for axis in (axes.xaxis, axes.yaxis)
              for tick in (*axis.majorTicks, *axis.minorTicks) for label in (tick.label1, tick.label2)}
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts | shown
            if text.get_text().strip()]


@pytest.mark.parametrize("view", ["unfolded", "source"])
@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.name)
def test_no_text_overlaps_another_or_is_cut_off(film: Film, view: str, multiplied: Run) -> None:
    options, look = FilmOptions(view=view), Look((1280, 720))
    subject = replace(Subject.of(multiplied), keys=(101, 102, 103, 104, 105, 106, 107))
    numbers = film.collect(subject, film.choose(subject, options), multiplied.epochs[::6])
    if film is SINE:
        wide = SineChoice(numbers.choice.neurons + 4000, numbers.choice.frequencies + 100, view)
        numbers = replace(numbers, choice=wide)
    picture = film.picture(numbers, look)
    for number in (0, 1):
        found = boxes(picture, number)
        assert len(found) > 30
        for text, box in found:
            assert 0 <= box.x0 <= box.x1 <= 1280, text
            assert 0 <= box.y0 <= box.y1 <= 720, text
        for (text, box), (other, beside) in combinations(found, 2):
            assert not box.padded(-1.5).overlaps(beside.padded(-1.5)), (text, other)


@pytest.mark.parametrize("kept, n, expected", [
    ([0, 10, 20, 40, 80], None, [0, 10, 20, 40, 80]), ([0, 10, 20, 40, 80], 99, [0, 10, 20, 40, 80]),
    ([0, 10, 20, 40, 80], 2, [0, 80]), ([0, 10, 20, 40, 80], 1, [80]), ([7], 1, [7]), ([7], None, [7]),
])
def test_which_epochs(kept: list[int], n: int | None, expected: list[int]) -> None:
    assert pick_epochs(kept, n) == expected


def test_progress_on_plain_lines() -> None:
    import io

    stream = io.StringIO()
    assert list(tracked("abc", "drawing", 3, stream)) == ["a", "b", "c"]
    assert re.fullmatch(r"drawing: 3/3 frames  \d+\.\d s\n", stream.getvalue())


# --- parts ---------------------------------------------------------------------------------------

def test_a_curve_ends_at_the_cursor() -> None:
    x, y = np.array([0, 50, 100]), np.array([1.0, 3.0, 100.0])
    assert [list(part) for part in until(x, y, 25)] == [[0, 25], [1, 2]]
    assert [list(part) for part in until(x, y, 50)] == [[0, 50], [1, 3]]
    assert [list(part) for part in until(x, y, 900)] == [[0, 50, 100], [1, 3, 100]]
    assert until(x, y, 75, log=True)[1][-1] == pytest.approx(300**0.5)
    assert np.isnan(until(x, np.array([1.0, np.nan, 2]), 25)[1][-1])


def test_log_limits_are_whole_decades() -> None:
    assert log_limits([np.array([3e-7, 4.0]), np.array([np.nan, 20])]) == pytest.approx((1e-7, 100))
    assert log_limits([np.array([1.0])]) == (1, 10)
    assert log_limits([]) == (0.1, 1)


def test_palette_is_plain_and_complete() -> None:
    assert set(palette()["light"]) == set(palette()["dark"])
    colours = [*palette()["residues"], *(c for theme in THEMES for c in palette()[theme].values())]
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in colours)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Perceptual coordinates (B. Ottosson 2020) of sRGB colours [m, 3]."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lms = linear @ np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                             [0.2119034982, 0.6806995451, 0.1073969566],
                             [0.0883024619, 0.2817188376, 0.6299787005]]).T
    return np.cbrt(lms) @ np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                                    [1.9779984951, -2.4285922050, 0.4505937099],
                                    [0.0259040371, 0.7827717662, -0.8086757660]]).T


def test_residue_colours_go_round_evenly() -> None:
    phases = np.arange(60) / 60
    steps = np.linalg.norm(np.diff(oklab(residue_colours(np.append(phases, 1.0))), axis=0), axis=1)
    assert steps.max() < 2 * steps.min()
    assert np.allclose(residue_colours(np.array([0.0, 1.0, -1.0])), residue_colours(np.zeros(3)))
    opposite = oklab(residue_colours(phases + 0.5)) - oklab(residue_colours(phases))
    assert np.linalg.norm(opposite, axis=1).min() > 0.15


@pytest.mark.parametrize("theme", THEMES)
def test_words_can_be_read_on_their_background(theme: str) -> None:
    def luminance(colour: str) -> float:
        rgb = np.array(to_rgb(colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    paper = luminance(palette()[theme]["background"])
    for name, least in [("ink", 12), ("muted", 5), ("null", 7), ("key_frequency", 4.5), ("test", 3.5),
                        ("mean", 4.5), ("samples", 3), ("train", 2.2), ("sine", 2.2)]:
        dark, light = sorted([paper, luminance(palette()[theme][name])])
        assert (light + 0.05) / (dark + 0.05) >= least, name


# --- operations ----------------------------------------------------------------------------------

def test_several_operations(train: Callable[[int, str], Path], tmp_path: Path) -> None:
    run = Run(train(11, "x2+y2,mul,add"))
    assert Subject.of(run).operation.name == "mul"  # the first that has a group
    subject = Subject.of(run, "add")
    assert (subject.n, subject.suffix) == (11, "_add")
    assert list(subject.train_and_test("acc")[1].y) == run.history["test_acc_add"]
    assert "beside x2+y2, mul" in subject.config_line
    for operation in ("mul", "add"):
        folder = make_frames(CIRCLE, run, tmp_path / operation,
                             FilmOptions(size=(480, 320), jobs=1, n_frames=1, operation=operation))
        assert len(frames(folder)) == 1
    with pytest.raises(UserError, match=r"x2\+y2 has no cyclic group.* mul, add can be shown"):
        Subject.of(run, "x2+y2")
    with pytest.raises(UserError, match="not trained on 'div'; it knows x2"):
        Subject.of(run, "div")


# --- refusals ------------------------------------------------------------------------------------

@pytest.mark.parametrize("size", ["", "1280", "1280x", "1281x720", "1280x721", "0x0", "-2x4", "64x48",
                                  "720x1280", "4000x400", "99999x99999", "1e3x720", "1280x720x2", "١٢x٢"])
def test_silly_sizes(size: str) -> None:
    with pytest.raises(UserError, match=f"size is .*{re.escape(size)}.*accepted: WIDTHxHEIGHT in even"):
        parse_size(size)


@pytest.mark.parametrize("option, message", [
    ({"view": "folded"}, "unknown view 'folded'; known: unfolded, source"),
    ({"theme": "pink"}, "unknown theme 'pink'; known: light, dark"),
    ({"n_frames": 0}, "n_frames is 0; accepted: 1 or more"), ({"jobs": 0}, "jobs is 0"),
    ({"fps": 0}, r"fps is 0; accepted: 0\.01 to 240"), ({"fps": float("nan")}, "fps is nan"),
])
def test_options(option: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        FilmOptions(**option)  # type: ignore[arg-type]


def copy_of(run: Run, folder: Path) -> Path:
    return Path(shutil.copytree(run.directory.path, folder))


def test_runs_that_cannot_be_filmed(added: Run, tmp_path: Path, train: Callable[[int, str], Path]) -> None:
    def film(path: Path, history: Path | None = None) -> None:
        make_frames(SINE, Run(path, history), tmp_path / "out", BRIEF)

    with pytest.raises(UserError, match="nowhere is not a folder"):
        film(tmp_path / "nowhere")
    bare = copy_of(added, tmp_path / "bare")
    for path in bare.glob("checkpoint_*"):
        path.unlink()
    with pytest.raises(UserError, match="no weights were kept"):
        film(bare)
    with pytest.raises(UserError, match=r"x2\+y2 has no cyclic group, so no Fourier film"):
        film(train(11, "x2+y2"))
    with pytest.raises(UserError, match="p = 13.* p = 11"):
        film(added.directory.path, train(13, "mul") / "history.json")
    with pytest.raises(UserError, match="cannot read .*none.json"):
        film(added.directory.path, tmp_path / "none.json")
    cut = copy_of(added, tmp_path / "cut")
    for weights in cut.glob("checkpoint_*"):
        weights.write_bytes(weights.read_bytes()[:-7])
    with pytest.raises(DamagedFile, match="every checkpoint is damaged"):
        film(cut)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", [
    lambda h: h.pop("train_loss"), lambda h: h.update(test_loss=["a"] * len(h["epochs"])),
    lambda h: h["epochs"].pop(), lambda h: h.pop("config"), lambda h: h.update(test_loss=3),
])
def test_damaged_history(added: Run, tmp_path: Path, damage: Callable[[dict[str, object]], object]) -> None:
    record = json.loads((added.directory.path / "history.json").read_text())
    damage(record)
    history = tmp_path / "history.json"
    history.write_text(json.dumps(record))
    with pytest.raises(DamagedFile, match="histor"):
        make_frames(SINE, Run(added.directory.path, history), tmp_path / "out", BRIEF)
    history.write_text(json.dumps(record)[:-40])
    with pytest.raises(DamagedFile, match=r"history\.json is damaged or not ours"):
        make_frames(SINE, Run(added.directory.path, history), tmp_path / "out", BRIEF)
    assert [p for p in tmp_path.rglob("*.png")] == []


def test_output_that_cannot_be_written(added: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot create the folder .*file"):
        make_frames(CIRCLE, added, tmp_path / "file", BRIEF)
    (tmp_path / "f" / "frame_00001.png").mkdir(parents=True)
    with pytest.raises(UserError, match="cannot read .*directory"):
        make_frames(CIRCLE, added, tmp_path / "f", BRIEF)
    with pytest.raises(UserError, match="must end in"):
        make_frames(CIRCLE, added, tmp_path, FilmOptions(direct=tmp_path / "film.avi"))


# --- scripts -------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, flags", [
    ("circle", ["--frequency", "2"]), ("clean", ["--neuron", "3", "--view", "source"]), ("sine", []),
])
def test_the_commands_of_the_first_source(
    name: str, flags: list[str], added: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = str(added.directory.path)
    script = str(ROOT / f"generate_{name}_frames.py")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [script, folder, f"{folder}/history.json", "--output_dir", "out",
                                      "--size", "480x320", "--jobs", "1", "--n_frames", "2", *flags])
    runpy.run_path(script, run_name="__main__")
    assert capsys.readouterr().out == "out\n"
    assert len(frames(tmp_path / "out")) == 2
    monkeypatch.setattr(sys, "argv", [script, folder, "--size", "480x320", "--n_frames", "1"])
    runpy.run_path(script, run_name="__main__")
    assert capsys.readouterr().out == f"frames_{name}/p11_add\n"


@pytest.mark.parametrize("name, flags, message", [
    ("circle", ["--neuron", "3"], "unrecognized arguments: --neuron 3; see generate_circle_frames.py --help"),
    ("clean", ["--neuron", "x"], "argument --neuron: invalid int value: 'x'; see .*--help"),
    ("sine", ["--size", "3x3"], "size is 3x3; accepted: .* such as 1280x720"),
    ("sine", ["--operation", "mul"], "this run was not trained on 'mul'; it knows add"),
])
def test_mistakes_end_in_one_line(
    name: str, flags: list[str], message: str, added: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = str(ROOT / f"generate_{name}_frames.py")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [script, str(added.directory.path), *flags])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(script, run_name="__main__")
    said = capsys.readouterr()
    assert (end.value.code, said.out) == (2, "")
    assert re.fullmatch(f"error: {message}\n", said.err)
    assert not list(tmp_path.iterdir())


def test_drawing_needs_no_pytorch() -> None:
    """Each of many processes would spend seconds and hundreds of MiB on it."""
    program = ("import sys, grokking.render.drawing\n"
               "import grokking.render.circle_picture, grokking.render.clean_picture\n"
               "import grokking.render.sine_picture\n"
               "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_terminated_film_leaves_nothing(added: Run, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "generate_circle_frames.py"), str(added.directory.path),
               "--jobs", "1", "--output_dir", str(tmp_path / "f"), "--size", "4000x2000"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("f/.drawing-*/*.png")) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.terminate()
    assert "Traceback" not in running.communicate(timeout=30)[1]
    assert running.returncode == 143
    assert names(tmp_path / "f") == []
