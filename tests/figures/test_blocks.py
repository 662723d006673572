"""Figures of a group that is not cyclic: drawn if "block" can be read for "frequency", else said why not."""

from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.figures.block_words import in_blocks
from grokking.figures.build import FigureOptions, draw_figures
from grokking.figures.draw import draw_figure, fits, why_left_out, worded
from grokking.figures.over_training import OverTraining, gather, measure, parts_to_measure
from grokking.figures.registry import choose, figures
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.training.launch import Execution, Request, start_runs

LABELS = ("trivial", "sign", "1", "2")
CONFIG = RunConfig(
    task="d5", d_model=16, n_heads=2, d_mlp=24, n_epochs=20, log_every=10, checkpoint_every=10, train_frac=0.6
)


@pytest.fixture(scope="module")
def dihedral(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short run of D5, whose blocks are trivial, sign, 1 and 2."""
    request = Request(tmp_path_factory.mktemp("runs"), execution=Execution(engine="batched", threads=1))
    return Run(start_runs({"d5": CONFIG}, request)[0])


def test_sentences_about_frequencies_become_sentences_about_blocks() -> None:
    assert in_blocks("Key frequencies: k = 1, k = 2.", LABELS) == "Key blocks: sign, 1."
    assert in_blocks("head 0: k = 2, 80 %", LABELS) == "head 0: 1, 80 %"
    assert in_blocks("It lies at k = 1.", ("trivial", "standard ⊗ sign")) == "It lies at standard ⊗ sign."
    assert in_blocks("frequency k", LABELS) == "block"


def test_no_figure_that_holds_for_blocks_speaks_of_waves_there(dihedral: Run) -> None:
    view = RunView(dihedral)
    for spec in figures():
        if spec.blocks:
            for words in worded(spec, view):
                assert not any(word in words for word in ("frequenc", "wave", "sine", "k = ")), words


def test_what_has_no_meaning_for_blocks_says_why(dihedral: Run, tmp_path: Path) -> None:
    view = RunView(dihedral)
    left_out = [spec for spec in figures() if not fits(spec, view)]
    assert {spec.name for spec in left_out} >= {"circles", "orders", "pca_and_fourier", "paper_figure_3"}
    assert all(spec.why_cyclic for spec in left_out)
    (circles,) = choose(["circles"])
    assert why_left_out(circles, view).startswith("D5 is not cyclic, and a block has no circle;")
    with pytest.raises(UserError, match="D5 is not cyclic, and a block has no circle"):
        draw_figures(dihedral.directory.path, tmp_path / "out", FigureOptions(only=("circles",), jobs=1))


def drawn(view: RunView, name: str) -> tuple[str, list[str]]:
    """The facts of a figure, and every text on it."""
    (spec,) = choose([name])
    parts = parts_to_measure(set(spec.needs), view)
    over = OverTraining()
    if parts or spec.needs:
        epochs = view.run.epochs
        over = gather(view, epochs, [measure(view, epoch, parts) for epoch in epochs])
    with Style().context():
        canvas, facts = draw_figure(spec, view, over)
        canvas.figure.draw_without_rendering()
        axes = canvas.figure.axes
        texts = [t.get_text() for a in axes for t in (*a.get_xticklabels(), *a.get_yticklabels(), *a.texts)]
        return facts, [*texts, *(a.get_xlabel() for a in axes), *(a.get_ylabel() for a in axes)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["embedding_spectrum", "embedding_over_training", "neuron_frequencies", "logit_spectrum"]
)
def test_axes_carry_the_labels_of_blocks(dihedral: Run, name: str) -> None:
    facts, texts = drawn(RunView(dihedral), name)
    assert {"sign", "1", "2"} <= set(texts)
    assert not any("frequenc" in words for words in (facts, *texts))


@pytest.mark.slow
def test_the_shares_drawn_are_those_of_the_blocks(dihedral: Run) -> None:
    view = RunView(dihedral)
    view.__dict__["keys"] = (1, 3)
    share = dihedral.history["embedding_share"][-1]
    facts, texts = drawn(view, "embedding_spectrum")
    largest = max(share, key=lambda label: share[label])
    assert f"{share[largest]:.0%}".replace("%", " %") in facts
    assert facts.endswith(f"lies at {largest}.")
    assert "2" in texts  # block 3 by its label


@pytest.mark.slow
def test_all_figures_that_fit_are_drawn_and_the_page_names_the_others(dihedral: Run, tmp_path: Path) -> None:
    page = draw_figures(dihedral.directory.path, tmp_path, FigureOptions(formats=("png",), jobs=1))
    text = page.read_text()
    assert "Left out, since D5 is not cyclic, and the paper is about addition: paper_figure_3" in text
    for spec in figures():
        assert (tmp_path / f"{spec.name}.png").exists() == fits(spec, RunView(dihedral))
