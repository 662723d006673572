import json

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError
from grokking.from_config import initial_weights, split_of
from grokking.metrics.embedding import embedding_circularity, gini
from grokking.metrics.history_row import measure_row
from grokking.metrics.norms import matrix_norms
from grokking.runs.progress_measures import measure_and_write, measure_checkpoint, read_progress
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory
from tests.metrics.handmade import cosine_cube, observe

EPOCHS = [0, 10, 20]
SMALL = {"p": 11, "d_model": 8, "n_heads": 2, "d_mlp": 16, "train_frac": 0.5, "n_epochs": 20}


def write_run(path, **changes) -> Run:
    """A run whose weights shrink by a tenth per checkpoint, so that epochs differ."""
    config = RunConfig(**{**SMALL, **changes})
    directory = RunDirectory(path)
    directory.create(config, {})
    for i, epoch in enumerate(EPOCHS):
        weights = {name: 0.9**i * w for name, w in initial_weights(config).items()}
        directory.save(Checkpoint(epoch, weights, config))
    return Run(path)


def read(path) -> dict:
    return json.loads((path / "progress.json").read_text())


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    path = tmp_path_factory.mktemp("run") / "small"
    run = write_run(path)
    assert measure_and_write(path) == path / "progress.json"
    return run


def test_every_list_has_one_value_per_checkpoint(run):
    record = read_progress(run)
    assert record["epochs"] == EPOCHS
    assert record["config"] == run.config.as_dict()
    for name, values in record.items():
        if name not in ("config", "key_frequencies", "circle_frequency"):
            assert len(values) == len(EPOCHS), name


def test_measures_shared_with_the_history_have_its_values(run):
    record = read_progress(run)
    for i, epoch in enumerate(EPOCHS):
        row = measure_row(run.observe(epoch), run.split)
        for name in ("train_loss", "test_loss", "train_acc", "test_acc", "gini", "fourier_strength"):
            assert record[name][i] == row[name], name
        assert record["weight_norm"][i] == pytest.approx(row["weight_norm"], rel=1e-12)


def test_a_run_without_key_frequencies_has_no_restricted_and_excluded_loss(run):
    record = read_progress(run)
    assert record["key_frequencies"] == []
    for name in (
        "restricted_loss",
        "restricted_loss_train",
        "restricted_loss_test",
        "excluded_loss",
        "excluded_loss_by_frequency",
        "logit_fve",
    ):
        assert record[name] == [None] * 3, name
    assert None not in record["group_loss"]
    assert all(0 < x < 1 for x in record["logit_fve_all"])
    assert [len(x) for x in record["logit_fve_by_frequency"]] == [5, 5, 5]


def test_norms_of_the_matrices_make_up_the_weight_norm(run):
    record = read_progress(run)
    norms = np.array([record[f"norm_{name}"] for name in run.shape.parameter_shapes()])
    np.testing.assert_allclose(np.sqrt((norms**2).sum(axis=0)), record["weight_norm"])
    assert record["norm_W_E"][1] == pytest.approx(0.9 * record["norm_W_E"][0], rel=1e-6)


def test_norms_by_hand():
    weights = {"W_E": torch.tensor([[3.0], [4.0]]), "b_in": torch.zeros(3)}
    assert matrix_norms(weights) == {"W_E": 5.0, "b_in": 0.0}


def test_measuring_again_writes_the_same_bytes(run):
    path = run.directory.path
    before = (path / "progress.json").read_bytes()
    measure_and_write(path)
    assert (path / "progress.json").read_bytes() == before
    assert str(path).encode() not in before


def test_a_handmade_network_is_measured_against_the_frequencies_it_is_given():
    """Key frequencies come from the final model, even for a checkpoint that has none of its own."""
    keys = [2, 5, 11]
    seen, _ = observe(23, "mul", cosine_cube(22, +1, keys, amplitude=100.0))
    split = split_of(RunConfig(p=23, task="mul", train_frac=0.4), seen.task)
    row = measure_checkpoint(seen, split, {"mul": keys}, {"mul": 3})
    assert row["restricted_loss"] < 1e-6
    assert row["excluded_loss"] == pytest.approx(np.log(22), abs=1e-4)
    assert len(row["excluded_loss_by_frequency"]) == 3
    assert row["logit_fve"] == pytest.approx(1.0) == row["logit_fve_all"]
    # All neurons of handmade networks are dead.
    assert row["fourier_strength"] is row["neuron_fve"] is None
    assert row["neuron_owned_share"] == 0.0
    embedding = seen.embedding("mul")
    assert row["gini"] == gini(embedding)
    assert row["embedding_circularity_final_k"] == embedding_circularity(embedding, 3)


def test_without_a_split_there_are_no_train_and_test_values():
    seen, _ = observe(23, "add", cosine_cube(23, +1, [4], amplitude=300.0))
    row = measure_checkpoint(seen, None, {"add": [4]}, {"add": 4})
    assert not [name for name in row if "train" in name or "test" in name or name.startswith("excluded")]
    assert row["restricted_loss"] < 1e-3
    assert {"all_loss", "all_acc", "group_loss", "logit_fve", "gini"} <= set(row)


def test_several_operations_carry_their_names(tmp_path):
    write_run(tmp_path / "two", task="add,mul")
    measure_and_write(tmp_path / "two")
    record = read(tmp_path / "two")
    assert {
        "key_frequencies_add",
        "key_frequencies_mul",
        "gini_add",
        "group_loss_train_mul",
        "test_acc_mul",
        "test_acc",
        "weight_norm",
        "norm_W_E",
    } <= set(record)
    assert "gini" not in record
    assert [len(x) for x in record["logit_fve_by_frequency_mul"]] == [5, 5, 5]
    measure_and_write(tmp_path / "two", ["mul"])
    assert "gini_mul" in read(tmp_path / "two")
    assert "gini_add" not in read(tmp_path / "two")


def test_an_operation_without_a_group_has_losses_and_norms(tmp_path):
    write_run(tmp_path / "squares", task="x2+y2")
    measure_and_write(tmp_path / "squares")
    record = read(tmp_path / "squares")
    assert {"train_loss", "test_acc", "weight_norm", "norm_W_U"} <= set(record)
    assert not [name for name in record if name.startswith(("key_", "gini", "restricted", "group"))]
    with pytest.raises(UserError, match=r"x2\+y2 has no group"):
        measure_and_write(tmp_path / "squares", ["x2+y2"])
    with pytest.raises(UserError, match="not trained on 'add'"):
        measure_and_write(tmp_path / "squares", ["add"])


def test_reading_says_what_is_missing_stale_or_damaged(tmp_path):
    path = tmp_path / "small"
    run = write_run(path)
    with pytest.raises(UserError, match="grokking measure"):
        read_progress(run)
    measure_and_write(path)
    record = read(path)
    assert read_progress(run) == record
    for damage in ("{", "[]", "{}", json.dumps({**record, "gini": [0.5]})):
        (path / "progress.json").write_text(damage)
        with pytest.raises(DamagedFile, match="progress.json"):
            read_progress(run)


def test_what_was_measured_before_the_run_went_on_is_refused(tmp_path):
    path = tmp_path / "small"
    run = write_run(path)
    measure_and_write(path)
    run.directory.checkpoint_path(20).unlink()
    with pytest.raises(UserError, match="other checkpoints"):
        read_progress(Run(path))


def test_a_folder_that_is_no_run_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(UserError, match="config.json"):
        measure_and_write(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_prints_the_path_alone(tmp_path, script):
    write_run(tmp_path / "small")
    ended = script("measure", tmp_path / "small", "--operation", "add")
    assert (ended.code, ended.out) == (0, f"{tmp_path / 'small' / 'progress.json'}\n")


def test_the_command_ends_with_one_line_and_code_2_for_a_mistake(tmp_path, script):
    script("measure", tmp_path / "nowhere").assert_refused("nowhere is not a folder")


def test_the_final_model_says_which_frequencies_matter(run):
    view, row = RunView(run, epoch=0), measure_row(run.observe(EPOCHS[-1]), None)
    assert list(view.keys) == row["key_frequencies"]
    assert view.circle == row["dominant_frequency"]
