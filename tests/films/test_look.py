"""What every frame looks like: its size, its words, its colours, its curves."""

import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from grokking.drawing.animated_figure import AnimatedFigure, FigureText
from grokking.drawing.panels import Curve, Mark, clear_height, log_limits, name_marks, until
from grokking.drawing.spectrum_panel import lowered
from grokking.drawing.style import THEMES, Style, palette, parse_size, residue_colours
from grokking.errors import UserError
from grokking.films.film import Film, FilmOptions, Shown
from grokking.films.kinds.answers import FILM as ANSWERS
from grokking.films.kinds.order import FILM as ORDER
from grokking.films.kinds.sine import FILM as SINE
from grokking.films.milestones import Milestones, Words
from grokking.runs.run import Run
from grokking.runs.view import RunView
from tests.films.films import FILMS


@pytest.mark.parametrize("size", ["1280x720", "640x640", "1920x1080", "1000x402", "1366x768"])
def test_canvas_has_exactly_the_pixels_asked_for(size: str) -> None:
    class Empty(AnimatedFigure):
        def update(self, number: int) -> None:
            self.show_epoch(number)

    width, height = parse_size(size)
    look = Style((width, height))
    with look.context():
        picture = Empty(look, FigureText("title", "config", "caption\nof two lines", "beside"))
    assert picture.rgb(7).shape == (height, width, 3)


def test_long_lines_of_the_head_shrink_until_they_fit() -> None:
    look = Style()
    with look.context():
        picture = AnimatedFigure(
            look, FigureText("t", "long words " * 12, "c", "key frequencies 1, 2, 3, 4, 5, 6, …")
        )
    left, right = picture.figure.texts[1:3]
    renderer = picture.canvas.get_renderer()
    assert left.get_window_extent(renderer).x1 < right.get_window_extent(renderer).x0


def boxes(picture: AnimatedFigure, number: int) -> list[tuple[str, Bbox]]:
    """Every text of a frame, tick labels too, with the pixels it covers."""
    picture.rgb(number)
    renderer = picture.canvas.get_renderer()
    texts = {text for text in picture.figure.findobj(Text) if text.get_visible() and text.get_text().strip()}
    shown = {
        label
        for axes in picture.figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        if axes.axison
        for tick in axis._update_ticks()
        for label in (tick.label1,)
        if label.get_visible()
    }
    texts -= {
        label
        for axes in picture.figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in (*axis.majorTicks, *axis.minorTicks)
        for label in (tick.label1, tick.label2)
    }
    return [
        (text.get_text(), text.get_window_extent(renderer))
        for text in texts | shown
        if text.get_text().strip()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("view", ["unfolded", "source"])
@pytest.mark.parametrize("film", [ANSWERS, *FILMS, ORDER], ids=lambda film: film.name)
def test_no_text_overlaps_another_or_is_cut_off(film: Film, view: str, multiplied: Run) -> None:
    options, look = FilmOptions(view=view), Style((1280, 720))
    view = RunView(multiplied)
    view.keys = (101, 102, 103, 104, 105, 106, 107)
    numbers = film.collect(view, film.choose(view, options), multiplied.epochs[::6])
    if film is SINE:
        data = numbers.data
        wide = replace(data.choice, neurons=data.choice.neurons + 4000)
        numbers = replace(numbers, data=replace(data, choice=wide, k=data.k + 100))
    picture = film.animation(numbers, look)
    for number in (0, 1):
        found = boxes(picture, number)
        assert len(found) > 30
        for text, box in found:
            assert 0 <= box.x0 <= box.x1 <= 1280, text
            assert 0 <= box.y0 <= box.y1 <= 720, text
        for (text, box), (other, beside) in combinations(found, 2):
            assert not box.padded(-1.5).overlaps(beside.padded(-1.5)), (text, other)


SMALLEST = 16
"""Pixels of the smallest text at the design size: it must be read from the back of a room."""


@pytest.mark.parametrize("film", [ANSWERS, *FILMS, ORDER], ids=lambda film: film.name)
def test_text_is_large_enough_for_a_projector(film: Film, multiplied: Run) -> None:
    options, view = FilmOptions(), RunView(multiplied)
    picture = film.animation(film.collect(view, film.choose(view, options), [0, 60]), Style())
    picture.rgb(1)
    texts = [text for text in picture.figure.findobj(Text) if text.get_text().strip()]
    sizes = {text.get_text(): text.get_fontsize() * picture.style.dpi / 72 for text in texts}
    assert len(sizes) > 30
    assert {text: size for text, size in sizes.items() if size < SMALLEST} == {}


@pytest.mark.parametrize("film", [ANSWERS, *FILMS, ORDER], ids=lambda film: film.name)
def test_every_curve_marks_what_the_run_reached(film: Film, multiplied: Run) -> None:
    options, view = FilmOptions(), RunView(multiplied)
    shown = film.collect(view, film.choose(view, options), [0, 60])
    timeline = Milestones(20, 40).timeline([0, 60], Words("begins", "forms", "ends"))
    of_two = isinstance(shown, Shown)
    marked = replace(shown.data if of_two else shown, timeline=timeline)
    picture = film.animation(replace(shown, data=marked) if of_two else marked, Style())
    picture.rgb(0)
    assert [text for text in head(picture) if text] == ["epoch 0", "memorising"]
    picture.rgb(1)
    assert [text for text in head(picture) if text] == ["epoch 60", "grokked"]
    over_epochs = [axes for axes in picture.figure.axes if axes.get_xlim() == (0, 60)]
    assert len(over_epochs) == {"answers": 2, "circle": 2, "clean": 2, "sine": 1, "order": 3}[film.name]
    for axes in over_epochs:
        lines = {line.get_xdata()[0]: line for line in axes.lines if len(set(line.get_xdata())) == 1}
        assert {20, 40} <= set(lines)
        assert {"memorised", "grokked"} <= {text.get_text() for text in axes.texts}


def head(picture: AnimatedFigure) -> list[str]:
    """What stands in the right corner of a frame: the epoch and the phase."""
    found = {text.get_text() for text in picture.figure.texts if text.get_animated()}
    return sorted(found)


def test_a_word_gives_way_to_the_next_mark_and_to_the_end_of_the_axes() -> None:
    with Style().context():
        picture = AnimatedFigure(Style(), FigureText("t", "c", "h"))
        axes = picture.panel(0.6, 0.5, 0.3, 0.2)
        axes.set_xlim(0, 1000)
        first, last = name_marks(picture, axes, [Mark(900, "memorised"), Mark(990, "grokked")], 0.5)
    renderer = picture.canvas.get_renderer()
    boxes_of = [text.get_window_extent(renderer) for text in (first, last)]
    assert not boxes_of[0].overlaps(boxes_of[1])
    assert all(box.x1 <= axes.get_window_extent().x1 for box in boxes_of)


def test_a_word_keeps_its_height_unless_a_curve_runs_through_it() -> None:
    with Style().context():
        axes = AnimatedFigure(Style(), FigureText("t", "c", "h")).panel(0.1, 0.1, 0.5, 0.5)
        axes.set(xlim=(0, 100), ylim=(0, 1))
    box, x = axes.get_window_extent(), np.array([0, 50, 100])
    left_half = (box.x0, box.x0 + 0.45 * box.width)
    through, below = Curve(x, np.array([0.7, 0.7, 0]), "train"), Curve(x, np.array([0, 0, 0.7]), "test")
    assert clear_height(axes, [below], left_half, 0.7) == 0.7
    assert clear_height(axes, [through, below], left_half, 0.7) == pytest.approx(0.35)
    assert clear_height(axes, [], left_half, 0.7) == 0.7


def test_a_name_that_would_touch_the_one_before_it_begins_below_that() -> None:
    names = ["standard", "standard\n⊗ sign", "5a", "5b"]
    assert lowered(names, [0, 60, 120, 200], [70, 70, 20, 20]) == [names[0], "\n" + names[1], "5a", "5b"]
    assert lowered(names, [0, 100, 200, 300], [70, 70, 20, 20]) == names


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
    lms = (
        linear
        @ np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        ).T
    )
    return (
        np.cbrt(lms)
        @ np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        ).T
    )


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
    for name, least in [
        ("ink", 12),
        ("muted", 5),
        ("null", 7),
        ("key_frequency", 4.5),
        ("test", 3.5),
        ("mean", 4.5),
        ("samples", 3),
        ("train", 2.2),
        ("sine", 2.2),
    ]:
        dark, light = sorted([paper, luminance(palette()[theme][name])])
        assert (light + 0.05) / (dark + 0.05) >= least, name


@pytest.mark.parametrize(
    "size",
    [
        "",
        "1280",
        "1280x",
        "1281x720",
        "1280x721",
        "0x0",
        "-2x4",
        "64x48",
        "720x1280",
        "4000x400",
        "99999x99999",
        "1e3x720",
        "1280x720x2",
        "١٢x٢",
    ],
)
def test_silly_sizes(size: str) -> None:
    with pytest.raises(UserError, match=f"size is .*{re.escape(size)}.*accepted: WIDTHxHEIGHT in even"):
        parse_size(size)
