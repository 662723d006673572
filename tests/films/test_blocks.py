"""Films of groups that are not cyclic: embeddings and neurons made from the group must come out as such."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.films.animations.blocks import TraceData
from grokking.films.animations.circle import CircleData
from grokking.films.film import FilmOptions, make_frames
from grokking.films.kinds.block_neurons import block_part, clean_film, collect_clean, collect_sine
from grokking.films.kinds.blocks import choose_block, collect
from grokking.films.kinds.clean import choose as choose_neuron
from grokking.films.kinds.partitions import choose as choose_partitions
from grokking.films.kinds.partitions import collect as collect_partitions
from grokking.films.kinds.sine import choose as choose_neurons
from grokking.films.registry import FILMS
from grokking.from_config import initial_weights
from grokking.groups.families import named_group
from grokking.groups.planes import planes_of
from grokking.runs.run import Run
from grokking.runs.view import RunView

NAMES = ("circle", "clean", "sine", "order")
BRIEF = FilmOptions(size=(480, 320), jobs=1)


def config_of(task: str) -> RunConfig:
    return RunConfig(task=task, d_model=32, n_heads=2, d_mlp=24, n_epochs=20, train_frac=0.5)


def embedded(task: str, columns: np.ndarray) -> dict[str, Tensor]:
    """Weights whose element tokens have these columns, float64 [n, m], and nothing else."""
    weights = initial_weights(config_of(task))
    weights["W_E"][: len(columns)] = 0
    weights["W_E"][: len(columns), : columns.shape[1]] = torch.from_numpy(columns.copy()).float()
    return weights


@pytest.fixture
def dihedral(tmp_path: Path, write_run) -> Run:
    """D7 with its elements on the orbit of block 2, small and then large."""
    group = named_group("d7")
    plane = planes_of(group, group.basis.block_of("2"))[0].T
    weights = {0: embedded("d7", plane), 20: embedded("d7", 3 * plane)}
    return write_run(tmp_path / "d7", config_of("d7"), weights)


def test_elements_on_an_orbit_lie_on_its_circle(dihedral: Run) -> None:
    view = RunView(dihedral)
    x = collect(view, choose_block(view, FilmOptions(block="2")), dihedral.epochs)
    assert isinstance(x, CircleData)
    assert np.allclose(x.circularity, 1)
    assert np.allclose(x.share[:, x.k - 1], 1)
    assert np.allclose(x.plane.radius, np.array([1, 3]) * (2 / 14) ** 0.5)
    angle = np.arctan2(*x.plane.coordinates[-1].T[::-1]) / (2 * np.pi) % 1
    assert np.allclose(np.abs((angle - x.plane.phase + 0.5) % 1 - 0.5), 0, atol=1e-6)
    assert np.all(np.diff(x.plane.phase[x.plane.order]) >= 0)
    assert np.nanmax(x.logged[0].y) < 1  # shuffled, they do not


def test_the_block_with_most_of_the_embedding_is_shown_unless_one_is_named(dihedral: Run) -> None:
    view = RunView(dihedral)
    view.__dict__["keys"] = ()
    labels = view.basis.labels
    assert labels[choose_block(view, FilmOptions()).block] == "2"
    assert labels[choose_block(view, FilmOptions(frequency=3)).block] == "3"
    with pytest.raises(UserError, match="labels are trivial, sign, 1, 2, 3"):
        choose_block(view, FilmOptions(block="4"))
    with pytest.raises(UserError, match="trivial block is constant"):
        choose_block(view, FilmOptions(block="trivial"))


def test_an_embedding_of_all_of_a_block_is_as_alike_as_its_traces(tmp_path: Path, write_run) -> None:
    basis = named_group("s4").basis
    rows = basis.rows[basis.rows_of(basis.block_of("standard"))]
    run = write_run(tmp_path / "s4", config_of("s4"), {0: embedded("s4", rows.T)})
    view = RunView(run)
    x = collect(view, choose_block(view, FilmOptions(block="standard")), [0])
    assert isinstance(x, TraceData)
    assert np.allclose(x.cosines[0], x.traces, atol=1e-6)
    assert x.similarity[0] == pytest.approx(1)
    assert x.null[0] < 0.6
    assert x.edges.tolist() == [
        1,
        4,
        10,
        18,
    ]  # () | double transpositions | transpositions | 3-cycles | 4-cycles


def test_the_order_film_sorts_by_class_and_by_the_cosets_that_the_embedding_is_made_of(
    tmp_path: Path, write_run
) -> None:
    group = named_group("s4")
    stabiliser = [x for x in range(24) if group.elements[x].find("4") < 0]
    indicators = np.array([[float(y in group.table[x, stabiliser]) for y in range(24)] for x in range(24)])
    run = write_run(tmp_path / "s4", config_of("s4"), {0: embedded("s4", indicators.T)})
    view = RunView(run)
    x = collect_partitions(view, choose_partitions(view, FilmOptions()), [0])
    classes, by_coset = x.parts
    assert by_coset.title == "by cosets x·H of H = S3 (4)"
    assert by_coset.edges.tolist() == [6, 12, 18]
    assert by_coset.share[0] == pytest.approx(1)
    assert by_coset.null[0] < 0.5 > classes.share[0]
    blocks = x.cosines[0][np.ix_(by_coset.order, by_coset.order)].reshape(4, 6, 4, 6)
    assert np.allclose(blocks[0, :, 0], 1, atol=1e-5)
    assert np.allclose(blocks[0, :, 1], -1 / 3, atol=1e-5)


def test_a_function_of_one_block_is_all_of_its_part_there() -> None:
    basis = named_group("s4").basis
    own, other = basis.block_of("standard"), basis.block_of("sign")
    means = 5 + basis.rows[basis.rows_of(own)][:2].T
    part, r2 = block_part(means, basis, own)
    assert np.allclose(part, means)
    assert np.allclose(r2, 1)
    assert np.allclose(block_part(means, basis, other)[1], 0)
    assert np.isnan(block_part(np.ones((24, 1)), basis, own)[1]).all()


@pytest.mark.parametrize("layout", ["unfolded", "source"])
def test_neurons_stand_in_the_order_of_their_part_or_of_the_classes(dihedral: Run, layout: str) -> None:
    view = RunView(dihedral)
    options = FilmOptions(view=layout)
    x = collect_clean(view, clean_film(choose_neuron).choose(view, options), dihedral.epochs)
    places = x.x[0]
    assert sorted(places) == list(range(14))
    assert np.array_equal(x.x, np.tile(places, (len(dihedral.epochs), 1)))
    if layout == "source":
        assert places[0] == 0
    else:
        assert np.all(np.diff(x.wave[-1]) > -1e-5 * np.abs(x.wave[-1]).max())
    assert np.all(x.r2 <= x.final_r2 + 1e-6)
    six = collect_sine(view, choose_neurons(view, options), dihedral.epochs)
    assert len(six.names) == len(six.choice.neurons) == six.places.shape[1]
    assert set(six.names) <= {f"block {label}" for label in view.basis.labels[1:]}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_all_films_of_a_group_are_drawn(dihedral: Run, tmp_path: Path, name: str) -> None:
    folder = make_frames(FILMS.get(name).load(), dihedral, tmp_path / name, BRIEF)
    assert len(list(folder.glob("frame_*.png"))) == 2


def test_a_block_is_not_asked_of_a_cyclic_group(added: Run, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="add has a cyclic group; its blocks are frequencies: give --frequency"
    ):
        make_frames(FILMS.get("circle").load(), added, tmp_path / "none", FilmOptions(block="sign"))
