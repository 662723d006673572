"""Networks that others trained: each is imported without a flag, and says what was published of it.

Sources, licences and figures: ``../shared/networks/README.md`` beside this repository. Skipped where the
weights are not there.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from grokking.interop.facts import UserHints
from grokking.interop.importing import ImportResult, Request, import_checkpoints
from grokking.runs.progress_measures import measure_progress
from grokking.runs.run import Run

NETWORKS = Path(__file__).parents[3] / "shared" / "networks"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not NETWORKS.is_dir(), reason="the weights of others are not here"),
]
PIZZA, GROUPS = "clock_and_pizza/model_{}.pt", "group_composition/{}/model.pt"
LAYER_NORM = "layer_norm/p97_frac0.30_wd1_seed0.pt"
DIGITS = 5.1e-5
"""Four decimal places."""

CONFIGS: dict[str, dict[str, Any]] = {
    PIZZA.format("p99zdpze5l"): {"p": 59, "n_layers": 1, "two_tokens": True, "attention_rate": 0.0},
    PIZZA.format("l8k1hzciux"): {"p": 59, "n_layers": 1, "two_tokens": True, "attention_rate": 1.0},
    PIZZA.format("4asyr7ht1p"): {"p": 59, "n_layers": 2, "attention_dir": "bidirectional"},
    PIZZA.format("7r4zst7evs"): {"p": 59, "model": "mlp", "shared_embedding": True, "activation": "relu"},
    GROUPS.format("S5_T_seed1"): {"task": "table", "n_heads": 4, "activation": "relu"},
    GROUPS.format("S5_MLP_seed1"): {"task": "table", "model": "mlp", "shared_embedding": False},
    GROUPS.format("D59_T_seed1"): {"task": "table", "n_heads": 4},
    GROUPS.format("C118_T_seed1"): {"task": "add", "p": 118},
    GROUPS.format("C113_MLP_seed1"): {"task": "add", "p": 113, "model": "mlp"},
    LAYER_NORM: {"p": 97, "layer_norm": True, "n_heads": 4, "activation": "gelu"},
}
EPOCHS = {
    PIZZA.format("p99zdpze5l"): 20_000,
    GROUPS.format("S5_T_seed1"): 50_000,
    GROUPS.format("D59_T_seed1"): 100_000,
    GROUPS.format("C113_MLP_seed1"): 250_000,
    LAYER_NORM: 0,
}
"""As the JSON file beside the weights says; the last has none."""
WEIGHT_NORMS = {"p99zdpze5l": 22.8538, "l8k1hzciux": 24.8139, "4asyr7ht1p": 16.21864}
LOSSES = {
    GROUPS.format("S5_T_seed1"): 1.25837e-7,
    GROUPS.format("S5_MLP_seed1"): 1.96804e-5,
    GROUPS.format("D59_T_seed1"): 5.5153e-6,
    GROUPS.format("C118_T_seed1"): 1.45057e-7,
    GROUPS.format("C113_MLP_seed1"): 2.05262e-5,
    LAYER_NORM: 0.0068929,
}
SIMILARITY: dict[str, dict[str, float]] = {
    "S5_T_seed1": {"sign": 0.3488, "standard ⊗ sign": 0.7119},
    "S5_MLP_seed1": {"sign": 0.3090, "standard": 0.4109, "standard ⊗ sign": 0.2944, "5b": 0.1990},
    "D59_T_seed1": {"2": 0.3149, "5": 0.5290, "21": 0.1923, "sign": 0.2182},
    "C118_T_seed1": {"10": 0.7386, "16": 0.2552, "19": 0.2962, "37": 0.4641, "59": 0.2676},
    "C113_MLP_seed1": {"4": 0.4908, "16": 0.4362, "17": 0.2676, "44": 0.4626, "50": 0.4264},
}
"""The sign character of an even cyclic group is its highest frequency."""
EXPLAINED = {
    "S5_T_seed1": 0.6285,
    "S5_MLP_seed1": 0.3905,
    "D59_T_seed1": 0.4636,
    "C118_T_seed1": 0.9855,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("imported")


@pytest.fixture(scope="module")
def network(folder: Path) -> Any:
    """network(file) imports one of the files, once, as ``grokking import FILE --output_dir DIR`` does."""

    @cache
    def imported(file: str) -> tuple[Run, ImportResult]:
        output = folder / file.replace("/", "_")
        result = import_checkpoints(Request(NETWORKS / file, output))
        return Run(output), result

    return imported


@pytest.fixture(scope="module")
def progress(network: Any) -> Any:
    """progress(name) is what ``grokking measure`` writes of a network of a group."""

    @cache
    def measured(name: str) -> dict[str, Any]:
        return measure_progress(network(GROUPS.format(name))[0])

    return measured


@pytest.mark.parametrize("file", CONFIGS)
def test_each_is_read_without_a_flag_and_answers_every_pair(file: str, network: Any) -> None:
    run, result = network(file)
    assert {name: run.config.get(name) for name in CONFIGS[file]} == CONFIGS[file]
    assert result.check.verdict == "solved"
    assert run.history["all_acc"] == [1.0]


@pytest.mark.parametrize("file", EPOCHS)
def test_the_epoch_comes_from_the_file_beside_the_weights(file: str, network: Any) -> None:
    assert network(file)[0].epochs == [EPOCHS[file]]


@pytest.mark.parametrize("name", WEIGHT_NORMS)
def test_the_norm_of_the_weights(name: str, network: Any) -> None:
    norm = WEIGHT_NORMS[name]
    digits = len(str(norm).partition(".")[2])
    [found] = network(PIZZA.format(name))[0].history["weight_norm"]
    assert found == pytest.approx(norm, abs=0.51 * 10**-digits)


@pytest.mark.parametrize("file", LOSSES)
def test_the_loss_on_all_pairs(file: str, network: Any) -> None:
    assert network(file)[0].history["all_loss"][0] == pytest.approx(LOSSES[file], rel=5e-6)


@pytest.mark.parametrize("name", SIMILARITY)
def test_the_similarity_of_logits_to_characters(name: str, progress: Any) -> None:
    [similarity] = progress(name)["logit_similarity"]
    published = SIMILARITY[name]
    assert {label: similarity[label] for label in published} == pytest.approx(published, abs=DIGITS)
    if name == "S5_T_seed1":
        assert all(abs(value) < 0.001 for label, value in similarity.items() if label not in published)


@pytest.mark.parametrize("name", EXPLAINED)
def test_the_share_of_the_logits_that_the_key_blocks_explain(name: str, progress: Any) -> None:
    """Their key representations are the blocks that own neurons here."""
    record = progress(name)
    keys = record.get("key_blocks", record.get("key_frequencies"))
    assert {str(key) for key in keys} == set(SIMILARITY[name])
    assert record["logits_explained"][0] == pytest.approx(EXPLAINED[name], abs=DIGITS)


def test_the_share_that_thirteen_named_frequencies_explain(progress: Any) -> None:
    """More than own neurons here: the authors name them in key_reps.txt."""
    named = (NETWORKS / GROUPS.format("C113_MLP_seed1")).with_name("key_reps.txt").read_text().split()
    [similarity] = progress("C113_MLP_seed1")["logit_similarity"]
    squares = [similarity[name.removeprefix("freq_")] ** 2 for name in named]
    assert len(squares) == 13
    assert sum(squares) == pytest.approx(0.9368, abs=DIGITS)


def test_embedding_and_readout_of_the_transformer_of_s5(network: Any) -> None:
    """Published with the mean over tokens counted, of which W_E has 6e-6 of its energy."""
    history = network(GROUPS.format("S5_T_seed1"))[0].history
    for name, published in (("embedding_share", 0.99855), ("readout_share", 0.99978)):
        [share] = history[name]
        assert share["sign"] + share["standard ⊗ sign"] == pytest.approx(published, abs=1e-5)


@pytest.mark.parametrize(
    "name, group, commuting",
    [("S5_T_seed1", "S5", 840), ("S5_MLP_seed1", "S5", 840), ("D59_T_seed1", "D59", 3658)],
)
def test_the_answers_say_which_group_it_is(name: str, group: str, commuting: int, network: Any) -> None:
    run, result = network(GROUPS.format(name))
    found = run.directory.record()["import"]["group"]
    assert (found["group"], found["commuting_pairs"], found["agreement"]) == (group, commuting, 1.0)
    assert any(f"composition in {group}" in note for note in result.notes)


def test_the_mask_that_the_config_names_is_held_against_the_answers(network: Any) -> None:
    """config_4asyr7ht1p.json says that attention is causal; the code that trained it had no mask."""
    _, result = network(PIZZA.format("4asyr7ht1p"))
    [note] = [note for note in result.notes if note.startswith("attention mask")]
    assert "config_4asyr7ht1p.json, attention_dir says causal; the answers contradict it" in note
    assert "0.7768 with causal" in note


def test_the_activation_of_the_mlp_is_chosen_by_evidence_and_said(network: Any) -> None:
    _, result = network(PIZZA.format("7r4zst7evs"))
    [note] = [note for note in result.notes if note.startswith("activation")]
    assert note.startswith("activation: relu (not in the file; the spread of right answers' margins hardly")


def test_the_network_of_gelu_read_with_relu(folder: Path) -> None:
    hints = UserHints(activation="relu")
    request = Request(NETWORKS / LAYER_NORM, folder / "relu", hints, split="torch-randperm:0")
    result = import_checkpoints(request)
    acts = Run(result.path).observe(0)
    losses, correct = acts.losses_and_correct
    assert losses.mean() == pytest.approx(0.0485, abs=DIGITS)
    assert correct.all()
    assert len(Run(result.path).known_split.train) == 2822
