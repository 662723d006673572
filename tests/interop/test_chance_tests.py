"""What chance explains is not called evidence, and what losses show is."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.interop.evidence import (
    SplitTest,
    chance_of_hits,
    describe_split_tests,
    rank_test,
    surer_when_right,
)
from grokking.runs.run import Run
from grokking.tasks.split import Split
from tests.interop.foreign import Plain

ROOT = Path(__file__).parents[2]
NETWORKS = ROOT.parent / "shared" / "networks"


@pytest.fixture(scope="module")
def grokked() -> tuple[Run, dict[str, torch.Tensor]]:
    """Multiplication modulo 59 at its last epoch, with the names of an export."""
    run = Run(ROOT / "docs" / "recorded" / "multiplication")
    return run, dict(run.weights(run.final_epoch))


def test_the_tail_of_guessing_is_that_of_the_binomial_distribution() -> None:
    # C(9, k) 2^(9-k) / 3^9 for k = 6 … 9: 672 + 144 + 18 + 1.
    assert chance_of_hits(6, 9, 1 / 3) == pytest.approx(835 / 19683)
    assert chance_of_hits(6, 9, 1 / 3, tried=10) == pytest.approx(8350 / 19683)
    assert chance_of_hits(6, 9, 1 / 3, tried=100) == 1
    assert chance_of_hits(0, 9, 1 / 3) == 1
    assert chance_of_hits(9, 9, 1 / 3) == pytest.approx(3.0**-9)


def test_the_rank_test_counts_pairs_and_agrees_with_all_permutations() -> None:
    assert rank_test(np.array([1.0, 2.0]), np.array([3.0, 4.0]))[0] == 1
    assert rank_test(np.array([1.0, 3.0]), np.array([3.0, 4.0]))[0] == (3 + 0.5) / 4
    assert rank_test(np.ones(5), np.ones(7)) == (0.5, 1.0)
    assert rank_test(np.ones(0), np.ones(7)) == (0.5, 1.0)
    values = np.random.default_rng(3).normal(size=12) - np.repeat([0.7, 0], 6)
    share, p = rank_test(values[:6], values[6:])
    drawn = []
    for chosen in itertools.combinations(range(12), 6):
        low = np.isin(np.arange(12), chosen)
        drawn.append((values[low][:, None] < values[~low]).mean())
    assert p == pytest.approx(np.mean(np.array(drawn) >= share - 1e-12), abs=0.02)


def test_sureness_is_that_of_the_largest_probability() -> None:
    logits = torch.tensor([[9.0, 0, 0], [0, 5, 0], [0, 0, 1], [2, 0, 0]])
    assert surer_when_right(logits, np.array([True, True, False, False])) == 1
    assert surer_when_right(logits, np.array([True, False, True, False])) == 0.5  # 9 beats 5 and 2, 1 neither
    assert surer_when_right(logits, np.array([False, False, True, True])) == 0


# The split


def other_split(run: Run) -> str:
    """As many pairs as the run's split trains on, chosen by chance."""
    n = len(run.task.tokens)
    rows = np.random.default_rng(5).permutation(n)[: len(run.split.train)]
    return json.dumps(run.task.tokens[rows, :2].tolist())


def test_the_losses_of_a_grokked_network_confirm_its_split_and_no_other(grokked, imported, tmp_path) -> None:
    run, weights = grokked
    right, wrong = tmp_path / "right.json", tmp_path / "wrong.json"
    right.write_text(json.dumps(run.task.tokens[run.split.train, :2].tolist()))
    wrong.write_text(other_split(run))
    result = imported(weights, task="mul", split=str(right))
    (note,) = [note for note in result.notes if "split is confirmed by the losses" in note]
    losses = run.observe(run.final_epoch).losses_and_correct[0]
    test = SplitTest.of(0, losses, run.split)
    assert test.p < 1e-30
    assert test.share > 0.6
    assert test.text(1) in note
    assert f"mean loss {losses[run.split.train].mean():.2g} of train" in note
    (note,) = [n for n in imported(weights, task="mul", split=str(wrong)).notes if "rank test P = " in n]
    assert note.startswith("warning: nothing confirms the split")
    assert 0.001 < float(note.split("rank test P = ")[1].split(")")[0]) <= 1


def test_p_is_corrected_for_the_epochs_that_were_looked_at() -> None:
    rng = np.random.default_rng(1)
    split = Split.from_train(np.arange(50), 100)
    tests = [SplitTest.of(epoch, rng.exponential(size=100), split) for epoch in range(40)]
    columns = {"train_acc": [1.0] * 40, "test_acc": [1.0] * 40}
    assert min(test.p for test in tests) < 0.05
    note = describe_split_tests(columns, tests)
    assert note is not None
    assert note.startswith("warning: nothing confirms the split")
    assert "corrected for 40 epochs" in note
    assert describe_split_tests({"train_acc": [0.9, 1.0], "test_acc": [0.2, 1.0]}, tests[:2]) is None
    assert describe_split_tests({}, []) is None


@pytest.mark.skipif(not NETWORKS.is_dir(), reason="networks of others are not here")
def test_the_split_of_a_public_network_is_told_from_another_seed(imported, tmp_path: Path) -> None:
    mapping = {
        "W_E": ["tok_emb.weight", "v d"],
        "W_pos": ["pos_emb", "x d"],
        **{f"W_{x}": ["blocks.0.attn.qkv.weight", f"({i}/3 h e) d"] for i, x in enumerate("QKV")},
        "W_O": ["blocks.0.attn.proj.weight", "d (h e)"],
        "W_in": ["blocks.0.mlp.up.weight", "m d"],
        "b_in": ["blocks.0.mlp.up.bias", "m"],
        "W_out": ["blocks.0.mlp.down.weight", "d m"],
        "b_out": ["blocks.0.mlp.down.bias", "d"],
        "W_U": ["unembed.weight", "c d"],
        **{
            f"{n}_{x}": [f"{key}.{word}", "d"]
            for n, key in (("ln1", "blocks.0.ln1"), ("ln2", "blocks.0.ln2"), ("ln_final", "ln_f"))
            for x, word in (("w", "gamma"), ("b", "beta"))
        },
    }
    (tmp_path / "mapping.json").write_text(json.dumps(mapping))
    source = NETWORKS / "layer_norm" / "p97_frac0.30_wd1_seed0.pt"
    notes = {}
    for seed in (0, 1):
        result = imported(
            source,
            mapping=tmp_path / "mapping.json",
            activation="gelu",
            n_heads=4,
            split=f"torch-randperm:{seed}",
        )
        notes[seed] = " ".join(result.notes)
        assert result.check.verdict == "solved"
    assert "the split is confirmed by the losses" in notes[0]
    assert "nothing confirms the split" in notes[1]


# The task and the reading


def test_nothing_is_suggested_that_nine_pairs_give_by_chance(imported) -> None:
    """A network modulo 3 that always says 0 is right for five of nine products, and for three sums."""
    state = {key: torch.zeros_like(t) for key, t in Plain(3, d=4, m=4).state_dict().items()}
    state["unembed.bias"] = torch.tensor([1.0, 0, 0])
    check = imported(state, n_heads=1).check
    assert check.accuracy == pytest.approx(1 / 3)
    assert ("--task mul", 5, 9) in [(each.name, each.correct, each.n) for each in check.tried]
    assert check.better == []
    assert "--task" not in check.text


def test_a_network_of_another_question_is_doubtful_with_what_was_tried(grokked, imported) -> None:
    """Its answers are sure, other than this task's for most products, and right ones are no surer."""
    _, weights = grokked
    order = torch.arange(59)
    order[7:] = order[7:].roll(11)
    result = imported({**weights, "W_U": weights["W_U"][:, order].contiguous()}, task="mul")
    check = result.check
    assert 4 / 59 < check.accuracy < 0.2
    assert check.verdict == "doubtful"
    assert "doubtful: neither chance, nor pairs known by heart" in check.text
    assert "also tried, and no better: --task " in check.text
    kept = json.loads((result.path / "config.json").read_text())["import"]
    assert kept["verdict"] == "doubtful"
    assert kept["accuracy"] == check.accuracy
    assert [name for name, _ in kept["tried"]] == [each.name for each in check.tried]
    assert {"--task add", "--task sub"} <= {each.name for each in check.tried}


@pytest.mark.parametrize(
    "epoch, verdict", [(0, "chance"), (130, "memorised"), (340, "memorised"), (3000, "solved")]
)
def test_networks_that_learn_are_not_doubted(epoch: int, verdict: str, grokked, imported) -> None:
    run, _ = grokked
    assert epoch in run.epochs
    assert imported(dict(run.weights(epoch)), task="mul").check.verdict == verdict
