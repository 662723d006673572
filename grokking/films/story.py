"""A whole story as one captioned film: cards and films of recorded runs, in the order of a script.

The script is a TOML file of scenes, ``story.toml`` by default. A scene has ``seconds``, and is either a card
(``card``, ``lines``) or a film of a run (``film``, ``run``: the run's place on the command line, from 1).
``say`` holds its captions: when each begins, as a share of the scene or as one of the words in ``TURNS``, and
the sentence.

Sentences may name facts of the scene's run, as ``{grokked:,}``; see ``facts``.
"""

import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grokking.drawing.animated_figure import LEFT, AnimatedFigure, FigureText
from grokking.drawing.style import Style
from grokking.errors import UserError, os_errors_as
from grokking.films.captions import Caption, burned, caption_at, write_captions
from grokking.films.film import FilmOptions
from grokking.films.milestones import milestones_of
from grokking.films.pace import HOLD, SMOOTH_FPS, Pace
from grokking.films.registry import FILMS
from grokking.films.video import VideoWriter
from grokking.progress_bar import tracked
from grokking.runs.run import Run
from grokking.runs.view import RunView

TURNS = ("memorised", "grokked")
"""Words for when a caption may begin: at the first frame of a run that has done this."""
SCRIPT = Path(__file__).with_name("story.toml")


@dataclass(frozen=True)
class Scene:
    """One scene of a script. run: index of a run.  say: (share of the scene or a turn, sentence) pairs."""

    seconds: float
    say: tuple[tuple[float | str, str], ...]
    run: int = 0
    film: str | None = None
    card: str = ""
    lines: tuple[str, ...] = ()


def read_script(path: Path) -> list[Scene]:
    """The scenes of a script; raises UserError where it is none."""
    with os_errors_as(f"read {path}"):
        text = path.read_bytes().decode("utf-8", errors="replace")
    try:
        scenes = tomllib.loads(text)["scene"]
        return [_scene(entry) for entry in scenes]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is no script of a film ({error}); see grokking/films/story.toml") from None


def _scene(entry: Mapping[str, Any]) -> Scene:
    say = tuple((at if at in TURNS else float(at), str(text)) for at, text in entry.get("say", []))
    if entry["seconds"] <= 0 or ("film" in entry) == ("card" in entry):
        raise ValueError("a scene has a number of seconds, and either a film or a card")
    others = {name: entry[name] for name in ("film", "card") if name in entry}
    return Scene(
        float(entry["seconds"]),
        say,
        int(entry.get("run", 1)) - 1,
        lines=tuple(entry.get("lines", ())),
        **others,
    )


def facts(view: RunView) -> dict[str, Any]:
    """What sentences of a script may name of a run's operation."""
    milestones = milestones_of(view)
    return {
        "formula": view.run.pair_task.formula(view.name),
        "n_pairs": len(view.rows),
        "train_percent": round(100 * len(view.train_rows) / len(view.rows)),
        "d_model": view.run.shape.d_model,
        "k": view.circle,
        "keys": ", ".join(map(str, sorted(view.keys))),
        "memorised": milestones.memorised,
        "grokked": milestones.grokked,
        "last_epoch": view.last_epoch,
        "epochs": view.run.epochs,
    }


def make_story(
    runs: Sequence[Path], output: Path, script: Path = SCRIPT, options: FilmOptions | None = None
) -> Path:
    """Write a script's film, with its captions burned in and beside it as .srt and .vtt; return its path.

    runs: run directories, in the order in which the script counts them.  options: size and theme.
    Raises UserError for a script that cannot be read, a run that it needs and that was not given, or a
    sentence that names what the run has not.
    """
    options = options or FilmOptions()
    scenes = read_script(script)
    needed = 1 + max(scene.run for scene in scenes)
    if len(runs) < needed:
        raise UserError(f"{script.name} tells of {needed} runs, and {len(runs)} are given")
    views = [RunView(Run(path)) for path in runs[:needed]]
    known = [facts(view) for view in views]
    captions = list(captions_of_scenes(scenes, known))
    with VideoWriter(output, options.size, SMOOTH_FPS) as writer:
        at = 0
        for scene in tracked(scenes, "filming", len(scenes)):
            for rgb, pictures in _pictures(scene, views[scene.run].run, known[scene.run], options):
                at = _write(writer, rgb, pictures, at, captions)
    write_captions(captions, output)
    return output


def captions_of_scenes(scenes: Sequence[Scene], known: Sequence[Mapping[str, Any]]) -> Iterator[Caption]:
    """The sentences of all scenes with their times in the whole film."""
    start = 0.0
    for scene in scenes:
        shares = [_share(at, scene, known[scene.run]) for at, _ in scene.say]
        for (_, text), at, end in zip(scene.say, shares, [*shares[1:], 1.0], strict=True):
            said = _filled(text, known[scene.run])
            yield Caption(start + at * scene.seconds, start + end * scene.seconds, said)
        start += scene.seconds


def _share(at: float | str, scene: Scene, known: Mapping[str, Any]) -> float:
    """When a caption begins, as a share of its scene."""
    if not isinstance(at, str):
        return at
    if known[at] is None:
        raise UserError(f"a caption of the script begins when the run has {at}, and it never does")
    epochs = known["epochs"]
    return bisect_left(epochs, known[at]) / len(epochs) * (1 - HOLD / scene.seconds)


def _filled(text: str, known: Mapping[str, Any]) -> str:
    try:
        return text.format(**known)
    except (LookupError, AttributeError, ValueError, TypeError) as error:
        names = ", ".join(name for name, value in known.items() if value is not None)
        raise UserError(f"the script says {text!r}, but the run only has {names} ({error})") from None


def _pictures(
    scene: Scene, run: Run, known: Mapping[str, Any], options: FilmOptions
) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """The frames of a scene, each with the number of pictures that show it."""
    if scene.film is None:
        lines = [_filled(line, known) for line in scene.lines]
        card = CardFigure(scene.card, lines, options.style)
        yield card.rgb(0), round(scene.seconds * SMOOTH_FPS)
        return
    film, pace = FILMS.get(scene.film).load(), Pace(scene.seconds, HOLD)
    subject = film.open(run, options)
    data = film.collect(subject, film.choose(subject, options), run.epochs)
    figure = film.animation(data, options.style)
    most = int((scene.seconds - HOLD) * SMOOTH_FPS)
    numbers = np.unique(np.linspace(0, len(run.epochs) - 1, min(most, len(run.epochs))).round().astype(int))
    _, shown = pace.plan(len(numbers), SMOOTH_FPS)
    for number, pictures in zip(numbers, shown, strict=True):
        yield figure.rgb(int(number)), pictures


def _write(
    writer: VideoWriter, rgb: NDArray[np.uint8], pictures: int, at: int, captions: Sequence[Caption]
) -> int:
    """Append a frame with its captions; returns the number of pictures of the film so far."""
    text, drawn = "", rgb
    for _ in range(pictures):
        now = caption_at(captions, at / SMOOTH_FPS)
        if now != text:
            text, drawn = now, burned(rgb, now)
        writer.write(drawn)
        at += 1
    return at


class CardFigure(AnimatedFigure):
    """A title and a few lines on an empty page."""

    def __init__(self, title: str, lines: Sequence[str], style: Style) -> None:
        with style.context():
            super().__init__(style, FigureText("", "", ""))
            self.figure.text(LEFT + 0.03, 0.62, title, fontsize=34, fontweight="bold")
            for i, line in enumerate(lines):
                text = self.figure.text(LEFT + 0.03, 0.5 - 0.075 * i, line, fontsize=18)
                self.shrink(text, (0.95 - LEFT) * style.size[0])

    def update(self, number: int) -> None:
        """Nothing moves."""
