"""The task kinematics: the formula, the grid, what is left out and held out, and both encodings."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.config import RunConfig, presets
from grokking.engines import lookup as general
from grokking.errors import UserError
from grokking.figures.comparison import draw_comparison
from grokking.films.film import FilmOptions, make_frames
from grokking.films.kinds.sine import FILM as SINE
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.models.transformer.network import forward, lift, token_embeddings
from grokking.runs.compare import markdown, table
from grokking.runs.kinematics_probes import kinematics_task
from grokking.runs.progress_measures import measure_progress
from grokking.runs.run import Run
from grokking.tasks.kinematics import KINEMATICS, G, KinematicsTask, height

GRID = {
    "task": KINEMATICS,
    "n_angles": 12,
    "n_speeds": 11,
    "n_distances": 10,
    "heldout_angles": 2,
    "heldout_speeds": 2,
    "n_bins": 16,
}
SMALL = RunConfig(
    **GRID, train_frac=0.5, d_model=16, n_heads=2, d_mlp=32, n_epochs=60, log_every=20, checkpoint_every=30
)
ENCODINGS = ("categorical", "continuous")


@pytest.fixture(scope="module")
def task() -> KinematicsTask:
    return task_of(SMALL)


# The formula


def test_heights_known_by_hand() -> None:
    # At 45° tan is 1 and cos² is 1/2: y = x - g x² / v².
    assert height(np.array(45.0), np.array(20.0), np.array(10.0)) == pytest.approx(10 - G * 100 / 400)
    # The range of a launch is v² sin(2θ) / g, the highest point v² sin² θ / 2g at half of it.
    theta, v = np.radians(30), 25.0
    reach = v**2 * np.sin(2 * theta) / G
    assert height(np.array(30.0), np.array(v), np.array(reach)) == pytest.approx(0, abs=1e-9)
    top = height(np.array(30.0), np.array(v), np.array(reach / 2))
    assert top == pytest.approx(v**2 * np.sin(theta) ** 2 / (2 * G))


# The grid


def test_every_question_has_an_answer_in_range(task: KinematicsTask) -> None:
    assert (task.heights >= 0).all()
    assert (task.heights < SMALL.ceiling).all()
    inside = (task.height_grid >= 0) & (task.height_grid < SMALL.ceiling)
    assert len(task.heights) == inside.sum() < inside.size
    assert (task.row_of[inside] == np.arange(len(task.heights))).all()
    assert (task.row_of[~inside] == -1).all()
    assert (np.abs(task.bin_centres(task.answers) - task.heights) <= task.bin_height / 2 + 1e-9).all()


def test_tokens_stand_for_values(task: KinematicsTask) -> None:
    values = np.concatenate(task.values)
    angle, speed, distance, own = task.tokens.T
    assert np.array_equal(height(values[angle], values[speed], values[distance]), task.heights)
    assert (own == 33).all()
    assert (angle < 12).all()
    assert ((speed >= 12) & (speed < 23)).all()
    assert ((distance >= 23) & (distance < 33)).all()


def test_parts_are_apart_and_held_out_values_are_never_trained(task: KinematicsTask) -> None:
    split, parts = split_of(SMALL, task), task.heldout_parts
    everything = np.concatenate([split.train, split.test, *parts.values()])
    assert len(np.unique(everything)) == len(everything)
    angles, speeds = task.values[:2]
    for rows in (split.train, split.test):
        assert task.trained[0][task.indices[rows, 0]].all()
        assert (speeds[task.indices[rows, 1]] <= speeds[8]).all()
    assert (speeds[task.indices[parts["speeds"], 1]] > speeds[8]).all()
    unseen = set(angles[task.indices[parts["angles"], 0]])
    assert len(unseen) == 2
    assert all(angles[0] < angle < angles[-1] for angle in unseen)
    assert len(split.train) == int(0.5 * len(task.candidates()))


@pytest.mark.parametrize("config", [RunConfig(task=KINEMATICS), RunConfig(**presets()["kinematics"])])
def test_defaults_are_large_enough(config: RunConfig) -> None:
    task = task_of(config)
    assert len(split_of(config, task).train) >= 4000
    assert config.n_bins >= 32
    assert (np.bincount(task.answers[task.candidates()], minlength=config.n_bins) > 0).all()
    assert all(len(rows) > 1000 for rows in task.heldout_parts.values())


def test_a_grid_without_an_answer_is_refused() -> None:
    task = task_of(replace(SMALL, angle_range=(10, 20), speed_range=(1, 2), distance_range=(50, 60)))
    with pytest.raises(UserError, match="no height of the grid"):
        _ = task.tokens


# The config


@pytest.mark.parametrize(
    "field, value, word",
    [
        ("angle_range", (10, 90), "straight up"),
        ("angle_range", (0, 80), "angle_range"),
        ("angle_range", (80, 10), "angle_range"),
        ("speed_range", (0, 40), "launches nothing"),
        ("speed_range", (30, 30), "speed_range"),
        ("distance_range", (-1, 10), "distance_range"),
        ("n_angles", 1, "n_angles"),
        ("heldout_angles", 11, "heldout_angles"),
        ("heldout_speeds", -1, "heldout_speeds"),
        ("ceiling", 0, "ceiling"),
        ("n_bins", 1, "n_bins"),
        ("encoding", "binary", "categorical, continuous"),
        ("init_scheme", "nanda", "standard, with task kinematics"),
        ("p", 59, "it belongs to modular tasks"),
        ("equals_class", True, "leave it out"),
    ],
)
def test_what_no_launch_can_have_is_refused(field: str, value: object, word: str) -> None:
    with pytest.raises(UserError, match=word) as caught:
        replace(SMALL, **{field: value})
    assert field in str(caught.value)
    assert "\n" not in str(caught.value)


def test_fields_of_another_kind_of_task_are_refused_and_not_recorded() -> None:
    with pytest.raises(UserError, match=r"n_bins is 32.*belongs to kinematics tasks"):
        RunConfig(task="add", n_bins=32)
    assert "n_bins" not in RunConfig().as_dict()
    assert not {"p", "equals_class"} & set(SMALL.as_dict())
    assert RunConfig.from_dict(SMALL.as_dict()) == SMALL


def test_kinematics_stands_alone() -> None:
    with pytest.raises(UserError, match="unknown task 'kinematics'"):
        task_of(RunConfig(task="add,kinematics"))


# The network


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("layer_norm", [False, True])
def test_look_ups_are_the_readable_forward(encoding: str, layer_norm: bool, drawn_weights) -> None:
    config = replace(SMALL, encoding=encoding, layer_norm=layer_norm)
    shape, task = shape_of(config), task_of(config)
    weights, tokens = drawn_weights(shape), task.tokens[::7]
    expected = forward(weights, shape, torch.from_numpy(tokens))[:, -1]
    torch.testing.assert_close(general.outputs(weights, shape, tokens)[1], expected, rtol=1e-4, atol=1e-4)


def test_a_token_of_a_scalar_is_the_map_of_its_value() -> None:
    config = replace(SMALL, encoding="continuous")
    shape, weights = shape_of(config), initial_weights(config)
    table = token_embeddings(weights, shape)
    assert table.shape == (34, 16)
    assert torch.equal(table[33], weights["W_E"][0])
    speeds = task_of(config).values[1]
    trained = speeds[:9]
    by_hand = torch.tensor((2 * speeds[10] - trained[0] - trained[-1]) / (trained[-1] - trained[0]))
    assert by_hand > 1  # beyond what is trained
    row = torch.relu(by_hand.float() * weights["W_lift"][1] + weights["b_lift"][1]) @ weights["W_embed"][1]
    torch.testing.assert_close(table[12 + 10], row, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(lift(weights, 1, by_hand.float()[None])[0], row, rtol=1e-4, atol=1e-5)


def test_both_encodings_start_with_embeddings_of_one_size() -> None:
    sizes = [
        token_embeddings(initial_weights(c), shape_of(c))[:33].square().mean().item()
        for c in (RunConfig(**GRID, encoding=e, d_model=64) for e in ENCODINGS)
    ]
    assert sizes[0] == pytest.approx(1 / 64, rel=0.1)
    assert sizes[1] == pytest.approx(sizes[0], rel=0.5)


# Training and reading


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, train_run: Callable[..., Path]) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("kinematics")
    return {e: Run(train_run(replace(SMALL, encoding=e), folder / e, threads=1)) for e in ENCODINGS}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_trains_and_logs_every_part(runs: dict[str, Run], encoding: str) -> None:
    run = runs[encoding]
    history = run.history
    assert history["epochs"] == [0, 20, 40, 60]
    assert history["train_loss"][-1] < history["train_loss"][0]
    for part in ("train", "test", "angles", "speeds"):
        assert {f"{part}_{m}" for m in ("loss", "acc", "within_one", "mae")} <= set(history)
        assert all(a <= w for a, w in zip(history[f"{part}_acc"], history[f"{part}_within_one"], strict=True))
    assert run.config.as_dict() == history["config"]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_engines_agree(runs: dict[str, Run], encoding: str, tmp_path: Path, train_run) -> None:
    plain = Run(train_run(runs[encoding].config, tmp_path / "reference", engine="reference", threads=1))
    assert plain.history["train_loss"] == pytest.approx(runs[encoding].history["train_loss"], rel=1e-4)


@pytest.mark.slow
def test_an_extended_run_has_the_bytes_of_one_long_run(runs, tmp_path: Path, train_run, results) -> None:
    config = runs["continuous"].config
    train_run(replace(config, n_epochs=30), tmp_path / "two", threads=1)
    train_run(config, tmp_path / "two", threads=1)
    assert results(tmp_path / "two") == results(runs["continuous"].directory.path)


def test_the_compiled_engine_says_why_not(tmp_path: Path, train_run) -> None:
    with pytest.raises(UserError, match="two operands"):
        train_run(SMALL, tmp_path / "run", engine="numba")


def test_what_needs_a_group_refuses_in_one_line(runs: dict[str, Run], tiny_run: Path, tmp_path: Path) -> None:
    run = runs["categorical"]
    for attempt in (
        lambda: run.pair_task,
        lambda: measure_progress(run),
        lambda: make_frames(SINE, run, tmp_path / "f", FilmOptions()),
    ):
        with pytest.raises(UserError, match="a run of kinematics, which has no cyclic group") as caught:
            attempt()
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="is a run of add mod 11, not of kinematics"):
        kinematics_task(Run(tiny_run))


def test_runs_of_both_kinds_stand_side_by_side(runs: dict[str, Run], tiny_run: Path, tmp_path: Path) -> None:
    mixed = [runs["continuous"], Run(tiny_run)]
    lines = {line.split()[0]: line.split()[1:] for line in table(mixed).splitlines()}
    assert lines["p"] == ["-", "11"]
    assert lines["encoding"] == ["continuous", "-"]
    assert lines["speeds_mae"] == [f"{runs['continuous'].history['speeds_mae'][-1]:.4g}", "-"]
    assert "fourier_strength" not in table([runs["continuous"]])
    assert "test_mae" not in markdown([Run(tiny_run)])
    assert draw_comparison(mixed, tmp_path / "both.png").stat().st_size > 10_000


def test_the_command_line(command, tmp_path: Path) -> None:
    ended = command("--task", "kinematics", "--speed_range", 0, 40, "--output_dir", tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: speed_range is (0.0, 40.0)")
    assert ended.err.count("\n") == 1
    assert not list(tmp_path.iterdir())
