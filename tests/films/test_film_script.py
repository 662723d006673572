"""What can be asked of ``grokking frames``, and every request that it refuses."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grokking.errors import DamagedFile, UserError
from grokking.films.film import FilmOptions, make_frames
from grokking.films.kinds.circle import FILM as CIRCLE
from grokking.films.kinds.sine import FILM as SINE
from grokking.runs.run import Run
from tests.conftest import ROOT, Ended
from tests.films.films import BRIEF, frame_bytes
from tests.waiting import PATIENCE, wait_until

ENDLESS = """
import sys, time
from grokking.cli.entry import main
from grokking.films import frames
def endless(frames, *_):
    yield next(frames)
    while True:
        time.sleep(0.01)
frames.tracked = endless
main()
"""
"""The command, but it draws one frame and is never over: a signal finds it in the middle."""


@pytest.mark.parametrize(
    "option, message",
    [
        ({"view": "folded"}, "unknown view 'folded'; known: unfolded, source"),
        ({"theme": "pink"}, "unknown theme 'pink'; known: light, dark"),
        ({"n_frames": 0}, "n_frames is 0; accepted: 1 or more"),
        ({"jobs": 0}, "jobs is 0"),
        ({"fps": 0}, r"fps is 0; accepted: 0\.01 to 240"),
        ({"fps": float("nan")}, "fps is nan"),
    ],
)
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


@pytest.mark.parametrize(
    "damage",
    [
        lambda h: h.pop("train_loss"),
        lambda h: h.update(test_loss=["a"] * len(h["epochs"])),
        lambda h: h["epochs"].pop(),
        lambda h: h.pop("config"),
        lambda h: h.update(test_loss=3),
    ],
)
def test_damaged_history(added: Run, tmp_path: Path, damage: Callable[[dict[str, object]], object]) -> None:
    record = json.loads((added.directory.path / "history.json").read_text())
    damage(record)
    history = tmp_path / "history.json"
    history.write_text(json.dumps(record))
    with pytest.raises(DamagedFile, match="histor"):
        make_frames(SINE, Run(added.directory.path, history), tmp_path / "out", BRIEF)
    history.write_text(json.dumps(record)[:-40])
    with pytest.raises(DamagedFile, match=r"history\.json is damaged, or was not made by this project"):
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


BRIEFLY = ["--size", "480x320", "--jobs", "1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, flags",
    [
        ("circle", ["--frequency", "2"]),
        ("clean", ["--neuron", "3", "--view", "source"]),
        ("sine", []),
        ("order", ["--view", "source"]),
    ],
)
def test_a_film_with_its_history_and_one_with_defaults(
    name: str,
    flags: list[str],
    added: Run,
    tmp_path: Path,
    script: Callable[..., Ended],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = added.directory.path
    monkeypatch.chdir(tmp_path)
    ended = script(
        f"frames {name}", run, run / "history.json", "--output_dir", "out", *BRIEFLY, "--n-frames", 2, *flags
    )
    assert (ended.code, ended.out) == (0, "out\n")
    assert len(frame_bytes(tmp_path / "out")) == 2
    ended = script(f"frames {name}", run, *BRIEFLY, "--n_frames", 1)
    assert (ended.code, ended.out) == (0, f"frames_{name}/p11_add\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["circle", "clean", "sine"])
def test_the_script_of_that_name_draws_the_same(
    name: str, added: Run, tmp_path: Path, script: Callable[..., Ended], contents: Callable[[Path], object]
) -> None:
    flags = [str(added.directory.path), *BRIEFLY, "--n_frames", "2", "--output_dir"]
    assert script(f"frames {name}", *flags, tmp_path / "command").code == 0
    done = subprocess.run(
        [sys.executable, f"generate_{name}_frames.py", *flags, str(tmp_path / "script")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'script'}\n"), done.stderr
    assert contents(tmp_path / "script") == contents(tmp_path / "command")


@pytest.mark.parametrize(
    "name, flags, message",
    [
        (
            "circle",
            ["--neuron", "3"],
            "unknown argument '--neuron'; see grokking frames circle --help",
        ),
        ("clean", ["--neuron", "x"], "argument --neuron: invalid int value: 'x'; see .*--help"),
        ("sine", ["--size", "3x3"], "size is 3x3; accepted: .* such as 1280x720"),
        ("sine", ["--operation", "mul"], "this run was not trained on 'mul'; it knows add"),
        ("waltz", [], "argument FILM: invalid choice: 'waltz' .*; see grokking frames --help"),
    ],
)
def test_mistakes_end_in_one_line(
    name: str,
    flags: list[str],
    message: str,
    added: Run,
    tmp_path: Path,
    script: Callable[..., Ended],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = script(f"frames {name}", added.directory.path, *flags)
    assert (ended.code, ended.out) == (2, "")
    assert re.fullmatch(f"error: {message}\n", ended.err)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_drawing_needs_no_pytorch() -> None:
    """Each of many processes would spend seconds and hundreds of MiB on it."""
    program = (
        "import sys, grokking.films.frames\n"
        "import grokking.films.animations.circle, grokking.films.animations.clean\n"
        "import grokking.films.animations.sine\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


@pytest.mark.slow
def test_terminated_film_leaves_nothing(added: Run, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        ENDLESS,
        "frames",
        "circle",
        str(added.directory.path),
        "--jobs",
        "1",
        "--output_dir",
        str(tmp_path / "f"),
        "--size",
        "480x320",
    ]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        wait_until(lambda: list(tmp_path.glob("f/.drawing-*/*.png")), running)
        running.terminate()
        assert "Traceback" not in running.communicate(timeout=PATIENCE)[1]
    finally:
        running.kill()
    assert running.returncode == 143
    assert list(tmp_path.iterdir()) == []  # the folder of frames was not there before
