"""Every figure on every kind of run: nothing raises, nothing is cut off, nothing is drawn from nothing."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from grokking.drawing.style import Style
from grokking.errors import DamagedFile, UserError
from grokking.figures import axes as ax
from grokking.figures import over_training, plots, registry
from grokking.figures.draw import (
    NO_KEYS,
    NOT_OF_THIS_NETWORK,
    NOTE_HEIGHT,
    draw_figure,
    fits,
    missing,
    unmeasured,
    write_figure,
)
from grokking.figures.over_training import OverTraining
from grokking.figures.registry import choose, figures, listing, sections
from grokking.runs.progress_measures import measure_and_write
from grokking.runs.run import Run
from grokking.runs.view import RunView
from tests.figures.conftest import cosine_view, measured

KINDS = {
    "no group": (11, "x2+y2", {}),
    "several operations, other layers": (7, "mul,sub", {"layer_norm": True, "activation": "gelu"}),
}


def all_drawn(view: RunView) -> dict[str, str]:
    over = measured(view)
    with Style().context():
        return {one.name: draw_figure(one, view, over)[1] for one in figures() if fits(one, view)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_draws_every_kind_of_run(kind, trained):
    p, task, config = KINDS[kind]
    facts = all_drawn(RunView(Run(trained(p, task, **config))))
    assert all(facts.values())
    assert not any("nan" in words.split() or "inf" in words.split() for words in facts.values())
    without_waves = [one for one in figures() if not one.waves]
    assert len(facts) == (len(figures()) if kind != "no group" else len(without_waves))


def test_a_run_without_a_split(trained):
    """As after an import: losses over all pairs, no train and test. One head, a class for "="."""
    run = Run(trained(11, "add", n_heads=1, equals_class=True))
    run.__dict__["split"] = None
    history = dict(run.history)
    for name in ("loss", "acc"):
        history[f"all_{name}"] = history.pop(f"train_{name}")
        del history[f"test_{name}"]
    history["grokking_epoch"] = None
    run.__dict__["history"] = history
    facts = all_drawn(RunView(run))
    assert "unknown" in facts["learning"]


def test_a_run_that_never_grokked_says_so(trained):
    view = RunView(Run(trained(11, "add")))
    assert view.keys == ()
    for one in figures():
        if one.keys:
            assert missing(one, view)[0] == NO_KEYS
            with Style().context():
                canvas, facts = draw_figure(one, view, OverTraining())
            assert [text.get_text() for axes in canvas.figure.axes for text in axes.texts] == [NO_KEYS]
            assert "no key frequency" in facts


def test_a_measure_that_was_not_taken_names_the_command_that_takes_it(trained):
    view = RunView(Run(trained(11, "add")))
    path = view.run.directory.path
    for name, wanted in (("numerics", ""), ("curvature", " --measures curvature")):
        (one,) = choose([name])
        with Style().context():
            canvas, facts = draw_figure(one, view, OverTraining())
        assert canvas.figure.get_figheight() == NOTE_HEIGHT
        assert facts.endswith(f"grokking measure {path}{wanted} adds it.")
        nothing = {"epochs": [0, 1], **{column: [None, None] for column in one.columns}}
        assert unmeasured(one, view, OverTraining(record=nothing))[0] == NOT_OF_THIS_NETWORK
        known = nothing | {one.columns[-1]: [None, 0.5]}
        assert unmeasured(one, view, OverTraining(record=known)) is None


def test_no_curve_of_a_measure_leaves_its_axis(trained):
    (one,) = choose(["clock_and_pizza"])
    record = {"epochs": [0, 1], "gradient_symmetricity": [-0.7, 0.25]}
    with Style().context():
        canvas, facts = draw_figure(one, RunView(Run(trained(11, "add"))), OverTraining(record=record))
    assert canvas.figure.axes[0].get_ylim()[0] < -0.7
    assert facts == "At the last checkpoint: gradient symmetricity = 0.25."


@pytest.mark.parametrize("one", figures(), ids=lambda one: one.name)
def test_nothing_is_cut_off(one, cosines, cosines_over):
    with Style().context():
        canvas, _ = draw_figure(one, cosines, cosines_over)
        canvas.figure.get_layout_engine().execute(canvas.figure)  # as drawing does, without the drawing
        box = canvas.figure.get_tightbbox()
    width, height = canvas.figure.get_size_inches()
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01


def test_the_same_view_gives_the_same_bytes(cosines, tmp_path):
    (one,) = choose(["embedding_spectrum"])
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        drawn = write_figure(one, cosines, OverTraining(), tmp_path / name, ("png", "svg", "pdf"))
    for file in drawn.files.values():
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_one_key_frequency_without_a_circle(trained):
    """n = 22, k = 11: an alternation. It has a cosine, and no circle to draw."""
    view = cosine_view(trained(23, "mul"), keys=(11,))
    assert view.keys == (11,)
    (one,) = choose(["circles"])
    with Style().context():
        assert draw_figure(one, view, OverTraining())[1] == "The only key frequency has no circle."


def test_a_run_of_one_checkpoint_shows_dots(cosines):
    """As after the import of a single file: a line through one point would not be seen."""
    rows = [over_training.measure(cosines, cosines.epoch, list(over_training.PARTS))]
    over = over_training.gather(cosines, [cosines.epoch], rows)
    (one,) = choose(["progress_measures"])
    with Style().context():
        canvas, _ = draw_figure(one, cosines, over)
    curves = [line for line in canvas.figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert len(curves) == 4
    assert all(line.get_marker() == "o" for line in curves)


def test_names_are_unique_and_the_page_has_its_order():
    names = [one.name for one in figures()]
    assert len(set(names)) == len(names) == len(listing().splitlines())
    assert [section.name for section in sections()] == [
        "training",
        "embedding",
        "attention",
        "neurons",
        "logits",
        "trajectory",
        "paper",
    ]
    assert not set(names) & {section.name for section in sections()}
    assert names[:3] == ["learning", "progress_measures", "excluded_by_frequency"]
    assert names[-1] == "paper_figure_7"


def test_a_new_file_is_a_new_figure(tmp_path: Path, monkeypatch, cosines):
    """Its section, its figure and what it measures over training, with no list to edit."""
    (tmp_path / "toy.py").write_text(
        "from grokking.figures.over_training import part\n"
        "from grokking.figures.registry import Section\n"
        'TOY = Section("toy", "Toys", rank=15)\n'
        '@part("twice_the_epoch")\n'
        "def twice(view, acts):\n"
        '    return {"twice": view.n}\n'
        '@TOY.figure("toy", "A toy", "Nothing to read.", 2.0, rank=10, needs=("twice_the_epoch",))\n'
        "def toy(canvas, view, over):\n"
        '    canvas.panel().plot(over.epochs, over["twice"])\n'
        "    return f\"n is {over['twice'][0]:.0f}.\"\n"
    )
    monkeypatch.setattr(plots, "__path__", [*plots.__path__, str(tmp_path)])
    figures.cache_clear()
    try:
        assert [section.name for section in sections()][:3] == ["training", "toy", "embedding"]
        (one,) = choose(["toy"])
        rows = [over_training.measure(cosines, cosines.epoch, ["twice_the_epoch"])]
        over = over_training.gather(cosines, [cosines.epoch], rows)
        with Style().context():
            assert draw_figure(one, cosines, over)[1] == "n is 22."
    finally:
        del registry.REGISTERED["toy"], over_training.PARTS["twice_the_epoch"]
        del sys.modules["grokking.figures.plots.toy"], plots.toy
        figures.cache_clear()


def test_choosing_by_name_and_by_section():
    assert [one.name for one in choose(["margins", "circles"])] == ["circles", "margins"]
    assert {one.section.name for one in choose(["paper"])} == {"paper"}
    assert choose(None) == list(figures())
    with pytest.raises(UserError, match="unknown figure 'circle'.*circles.*section.*paper"):
        choose(["circle"])


def test_an_epoch_without_a_checkpoint_names_the_nearest(trained):
    run = Run(trained(11, "add"))
    with pytest.raises(UserError, match=f"nearest: {run.final_epoch}"):
        RunView(run, epoch=run.final_epoch + 1)


def test_progress_json_is_read_where_it_is_there(trained, tmp_path, made_by_hand):
    path = tmp_path / "run"
    shutil.copytree(trained(11, "add"), path)
    assert over_training.known_progress(RunView(Run(path))) is None
    target = measure_and_write(path)
    view = RunView(Run(path))
    read = over_training.gather(view, view.run.epochs, [])
    measured_here = measured(RunView(Run(trained(11, "add"))))
    np.testing.assert_array_equal(read.progress("gini"), measured_here.progress("gini"))
    record = json.loads(target.read_text())
    made_by_hand(path)
    target.write_text(json.dumps(record | {"epochs": record["epochs"][:-1]}))
    assert over_training.known_progress(RunView(Run(path))) is None  # of other checkpoints
    target.write_text("{")
    with pytest.raises(DamagedFile):
        over_training.known_progress(RunView(Run(path)))


def test_many_checkpoints_are_thinned_out():
    assert over_training.chosen_epochs(range(0, 50, 10)) == [0, 10, 20, 30, 40]
    chosen = over_training.chosen_epochs(range(1000), 160)
    assert (len(chosen), chosen[0], chosen[-1]) == (160, 0, 999)


def test_words_stand_side_by_side():
    assert ax.side_by_side([0.2, 0.8], [0.2, 0.2]) == [0.2, 0.8]
    np.testing.assert_allclose(ax.side_by_side([0.01, 0.02, 0.5], [0.2, 0.2, 0.2]), [0.1, 0.3, 0.5])
    np.testing.assert_allclose(ax.side_by_side([0.5, 0.97, 0.99], [0.2, 0.2, 0.2]), [0.5, 0.7, 0.9])


def test_a_list_of_words():
    assert [ax.listed(x) for x in ([], [1], [1, 2], [1, 2, 3])] == ["none", "1", "1 and 2", "1, 2 and 3"]


def test_a_composite_modulus_has_no_order_by_discrete_logarithm(trained):
    """Its other figures are drawn; this one says what it lacks."""
    facts = all_drawn(RunView(Run(trained(12, "add"))))
    assert "only an odd prime has discrete logarithms" in facts["orders"]
    assert not any("discrete logarithms" in words for name, words in facts.items() if name != "orders")
