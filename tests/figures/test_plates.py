"""Every plate on every kind of run: nothing raises, nothing is cut off, nothing is drawn from nothing."""

import json
import shutil

import numpy as np
import pytest

from grokking.drawing.style import Style
from grokking.errors import DamagedFile, UserError
from grokking.figures import axes as ax
from grokking.figures import over_training as overtime
from grokking.figures.drawing import NO_KEYS, draw_plate, fits, missing, write_plate
from grokking.figures.registry import PLATES, choose, listing
from grokking.figures.scene import Scene
from grokking.figures.spec import SECTIONS
from grokking.runs.progress_measures import measure_and_write
from grokking.runs.run import Run
from tests.figures.conftest import cosine_scene, measured

KINDS = {
    "no group": (11, "x2+y2", {}),
    "several operations, other layers": (7, "mul,sub", {"layer_norm": True, "activation": "gelu"}),
}


def all_drawn(scene: Scene) -> dict[str, str]:
    with Style().context():
        return {spec.name: draw_plate(spec, scene)[1] for spec in PLATES if fits(spec, scene)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_plate_draws_every_kind_of_run(kind, trained):
    p, task, config = KINDS[kind]
    facts = all_drawn(measured(Scene(Run(trained(p, task, **config)))))
    assert all(facts.values())
    assert not any("nan" in words.split() or "inf" in words.split() for words in facts.values())
    assert len(facts) == (len(PLATES) if kind != "no group" else sum(not spec.waves for spec in PLATES))


@pytest.mark.slow
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
    facts = all_drawn(measured(Scene(run)))
    assert "unknown" in facts["learning"]


def test_a_run_that_never_grokked_says_so(trained):
    scene = measured(Scene(Run(trained(11, "add"))))
    assert scene.keys == ()
    for spec in PLATES:
        if spec.keys:
            assert missing(spec, scene)[0] == NO_KEYS
            with Style().context():
                canvas, facts = draw_plate(spec, scene)
            assert [text.get_text() for axes in canvas.figure.axes for text in axes.texts] == [NO_KEYS]
            assert "no key frequency" in facts


@pytest.mark.slow
@pytest.mark.parametrize("plate", PLATES, ids=lambda spec: spec.name)
def test_nothing_is_cut_off(spec, cosines):
    with Style().context():
        canvas, _ = draw_plate(spec, cosines)
        canvas.figure.get_layout_engine().execute(canvas.figure)  # as drawing does, without the drawing
        box = canvas.figure.get_tightbbox()
    width, height = canvas.figure.get_size_inches()
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01


@pytest.mark.slow
def test_the_same_scene_gives_the_same_bytes(cosines, tmp_path):
    (spec,) = choose(["embedding_spectrum"])
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        drawn = write_plate(spec, cosines, tmp_path / name, ("png", "svg", "pdf"))
    for file in drawn.files.values():
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_one_key_frequency_without_a_circle(trained):
    """n = 22, k = 11: an alternation. It has a cosine, and no circle to draw."""
    scene = measured(cosine_scene(trained(23, "mul"), keys=(11,)))
    assert scene.keys == (11,)
    (spec,) = choose(["circles"])
    with Style().context():
        assert draw_plate(spec, scene)[1] == "The only key frequency has no circle."


def test_a_run_of_one_kept_epoch_shows_dots(cosines):
    """As after the import of a single file: a line through one point would not be seen."""
    scene = Scene(cosines.run)
    scene.observed = cosines.observed
    rows = [overtime.measure(scene, scene.epoch, list(overtime.PARTS))]
    scene.over = overtime.gather(scene, [scene.epoch], rows)
    (spec,) = choose(["progress_measures"])
    with Style().context():
        canvas, _ = draw_plate(spec, scene)
    curves = [line for line in canvas.figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert len(curves) == 4
    assert all(line.get_marker() == "o" for line in curves)


def test_names_are_unique_and_sections_known():
    names = [spec.name for spec in PLATES]
    assert len(set(names)) == len(names) == len(listing().splitlines())
    assert {spec.section for spec in PLATES} == set(SECTIONS)
    assert not set(names) & set(SECTIONS)


def test_choosing_by_name_and_by_section():
    assert [spec.name for spec in choose(["margins", "circles"])] == ["circles", "margins"]
    assert {spec.section for spec in choose(["paper"])} == {"paper"}
    assert choose(None) == list(PLATES)
    with pytest.raises(UserError, match="unknown figure 'circle'.*circles.*section.*paper"):
        choose(["circle"])


def test_an_epoch_that_was_not_kept_names_the_nearest(trained):
    run = Run(trained(11, "add"))
    with pytest.raises(UserError, match=f"nearest: {run.final_epoch}"):
        Scene(run, epoch=run.final_epoch + 1)


def test_progress_json_is_read_where_it_is_there(trained, tmp_path, made_by_hand):
    path = tmp_path / "run"
    shutil.copytree(trained(11, "add"), path)
    assert overtime.known_progress(Scene(Run(path))) is None
    target = measure_and_write(path)
    scene = Scene(Run(path))
    scene.over = overtime.gather(scene, scene.run.epochs, [])
    measured_here = measured(Scene(Run(trained(11, "add"))))
    np.testing.assert_array_equal(scene.progress("gini"), measured_here.progress("gini"))
    record = json.loads(target.read_text())
    made_by_hand(path)
    target.write_text(json.dumps(record | {"epochs": record["epochs"][:-1]}))
    assert overtime.known_progress(Scene(Run(path))) is None  # of other checkpoints: not ours
    target.write_text("{")
    with pytest.raises(DamagedFile):
        overtime.known_progress(Scene(Run(path)))


def test_many_kept_epochs_are_thinned_out():
    assert overtime.chosen_epochs(range(0, 50, 10)) == [0, 10, 20, 30, 40]
    chosen = overtime.chosen_epochs(range(1000), 160)
    assert (len(chosen), chosen[0], chosen[-1]) == (160, 0, 999)


def test_words_stand_side_by_side():
    assert ax.side_by_side([0.2, 0.8], [0.2, 0.2]) == [0.2, 0.8]
    np.testing.assert_allclose(ax.side_by_side([0.01, 0.02, 0.5], [0.2, 0.2, 0.2]), [0.1, 0.3, 0.5])
    np.testing.assert_allclose(ax.side_by_side([0.5, 0.97, 0.99], [0.2, 0.2, 0.2]), [0.5, 0.7, 0.9])


def test_a_list_of_words():
    assert [ax.listed(x) for x in ([], [1], [1, 2], [1, 2, 3])] == ["none", "1", "1 and 2", "1, 2 and 3"]


def test_the_scene_of_a_task_without_group(trained):
    scene = Scene(Run(trained(11, "x2+y2")))
    assert scene.keys == ()
    with pytest.raises(UserError, match="no cyclic group"):
        _ = scene.grid
