"""The story: scenes and sentences of a script become one film of the length that the script says."""

from itertools import pairwise
from pathlib import Path

import pytest

from grokking.errors import UserError
from grokking.films.captions import read_captions
from grokking.films.encoder import count_frames
from grokking.films.pace import SMOOTH_FPS
from grokking.films.registry import FILMS
from grokking.films.story import SCRIPT, Scene, captions_of_scenes, facts, read_script
from grokking.runs.run import Run
from grokking.runs.view import RunView
from tests.conftest import ROOT

SHORT = """
[[scene]]
seconds = 1
card = "Title"
lines = ["It learns {formula}."]
say = [[0, "Hello."]]
[[scene]]
film = "circle"
run = 2
seconds = 3
say = [[0, "Numbers."], [0.5, "A circle of frequency {k}."]]
"""


def test_the_projects_own_story_lasts_two_minutes_and_fits_its_runs() -> None:
    scenes = read_script(SCRIPT)
    assert sum(scene.seconds for scene in scenes) == 120
    assert {scene.film for scene in scenes if scene.film} <= set(FILMS.names())
    recorded = [RunView(Run(ROOT / "docs/recorded" / name)) for name in ("addition", "multiplication")]
    said = list(captions_of_scenes(scenes, [facts(view) for view in recorded]))
    assert "Epoch 12,750: it answers what it never saw" in " ".join(c.text for c in said)
    assert all(before.end == after.start for before, after in pairwise(said))
    assert (said[0].start, said[-1].end) == (0, 120)
    assert all(c.end - c.start > len(c.text) / 25 for c in said)  # slow enough to be read aloud
    assert max(len(c.text) for c in said) < 180


def test_captions_of_scenes_follow_each_other() -> None:
    scenes = [Scene(2, ((0, "a"), (0.5, "b {x}"))), Scene(4, ((0.25, "c"),), run=1)]
    found = list(captions_of_scenes(scenes, [{"x": 7}, {}]))
    assert [(c.start, c.end, c.text) for c in found] == [(0, 1, "a"), (1, 2, "b 7"), (3, 6, "c")]
    with pytest.raises(UserError, match="'b {x}', but the run only has y"):
        list(captions_of_scenes(scenes[:1], [{"y": 1, "z": None}]))


@pytest.mark.parametrize(
    "text", ["", "[[scene]]\nseconds = 1", "[[scene]]\nseconds = 0\ncard = 'a'", "scene = 3"]
)
def test_what_is_no_script(text: str, tmp_path: Path) -> None:
    (tmp_path / "script.toml").write_text(text)
    with pytest.raises(UserError, match=r"script\.toml is no script of a film"):
        read_script(tmp_path / "script.toml")


@pytest.mark.slow
def test_a_script_becomes_a_film(added: Run, multiplied: Run, tmp_path: Path, script) -> None:
    (tmp_path / "script.toml").write_text(SHORT)
    film = tmp_path / "told.mp4"
    own = ("--script", tmp_path / "script.toml", "--output", film, "--size", "480x320")
    ended = script("story", added.directory.path, multiplied.directory.path, *own)
    assert (ended.code, ended.out) == (0, f"{film}\n")
    assert count_frames(film) == 4 * SMOOTH_FPS
    said = read_captions(film.with_suffix(".vtt"))
    assert [c.text for c in said][1:] == ["Numbers.", f"A circle of frequency {RunView(multiplied).circle}."]
    script("story", added.directory.path, *own).assert_refused("tells of 2 runs, and 1 are given")
