"""Wrong readings are found out by what the network answers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from grokking.runs.run import Run
from tests.conftest import Ended
from tests.interop.conftest import fit, plain_state
from tests.interop.foreign import Nanda2022, Plain

P = 11
RECORDED = Path(__file__).parents[2] / "docs" / "recorded"


@pytest.fixture(scope="module")
def four_heads() -> Plain:
    torch.manual_seed(0)
    network = Plain(P, h=4)
    fit(network, P)
    return network


@pytest.fixture(scope="module")
def square() -> Nanda2022:
    """All matrices square, so that every one could be transposed."""
    torch.manual_seed(0)
    network = Nanda2022(P, d=16, h=1, m=16)
    fit(network, P)
    return network


def test_the_accuracy_on_all_pairs_is_shown(square, imported) -> None:
    result = imported(square.state_dict())
    assert result.check.accuracy > 0.95
    assert result.check.text.startswith(f"accuracy on all pairs: {result.check.accuracy:.4f} (chance 0.0909)")
    assert not result.check.better


def test_heads_that_the_shapes_leave_open_are_found_by_what_the_network_answers(
    four_heads, imported, same_logits
) -> None:
    result = imported(four_heads.state_dict())
    assert Run(result.path).config.n_heads == 4
    assert any(note.startswith("heads: 4 (not in the file; chosen by ") for note in result.notes)
    same_logits(four_heads, result.path)


def test_heads_are_found_where_accuracy_would_name_others(imported) -> None:
    """A grokked network of 4 heads answers as well read as 8; so too under a reading that is asked for."""
    state = plain_state(Run(RECORDED / "multiplication"))
    straight = imported(state, task="mul")
    assert Run(straight.path).config.n_heads == 4
    asked = imported(
        {**state, "out_proj.weight": state["out_proj.weight"].T.contiguous()},
        task="mul",
        reading="W_O as [(h e) d]",
    )
    assert Run(asked.path).config.n_heads == 4
    assert asked.check.accuracy == straight.check.accuracy > 0.99


def test_an_untrained_network_says_nothing_about_its_heads(imported) -> None:
    torch.manual_seed(0)
    result = imported(Plain(P, h=4).state_dict())
    assert Run(result.path).config.n_heads == 1
    assert any("do not show it" in note for note in result.notes)
    assert "untrained, or of another task" in result.check.text


@pytest.mark.parametrize(
    "name, axes",
    [
        ("blocks.0.attn.W_O", "W_O as [(h e) d]"),
        ("blocks.0.mlp.W_in", "W_in as [d m]"),
    ],
)
def test_a_transposed_matrix_is_named_and_can_be_asked_for(
    name: str, axes: str, square, imported, same_logits
) -> None:
    state = square.state_dict()
    state[name] = state[name].T.contiguous()
    result = imported(state)
    assert result.check.at_chance
    best, accuracy = result.check.better[0]
    assert best == f"--reading '{axes}'"
    assert accuracy > 0.95
    assert "at chance, while the same weights read otherwise are not" in result.check.text
    again = imported(state, reading=axes)
    assert again.check.accuracy > 0.95
    same_logits(square, again.path)


def test_an_operation_token_at_the_front_is_found(square, imported) -> None:
    state = square.state_dict()
    state["embed.W_E"] = state["embed.W_E"].roll(1, dims=1)
    result = imported(state)
    assert result.check.better[0][0] == "--reading 'operation_tokens 0'"
    assert imported(state, operation_tokens=(0,)).check.accuracy > 0.95
    assert imported(state, reading="operation_tokens 0").check.accuracy > 0.95


def test_another_task_is_named(imported) -> None:
    torch.manual_seed(0)
    network = Nanda2022(P)
    fit(network, P, task="sub")
    result = imported(network.state_dict())
    assert result.check.better[0][0] == "--task sub"
    assert imported(network.state_dict(), task="sub").check.accuracy > 0.95


# The script


@pytest.fixture
def import_square(square, script, tmp_path: Path) -> Callable[..., Ended]:
    """import_square("--p", 8, …) is ``grokking import`` on ``square``, into ``out``."""
    torch.save(square.state_dict(), tmp_path / "weights.pt")
    return partial(script, "import", tmp_path / "weights.pt", "--output_dir", tmp_path / "out")


def test_the_script_prints_what_was_found_and_the_path_last(import_square, tmp_path: Path) -> None:
    lines = import_square("--epoch", 500, "--split", "python-shuffle:1").out.splitlines()
    assert lines[-1] == str(tmp_path / "out")
    assert lines[-2].startswith("accuracy on all pairs: ")
    assert any(
        line.startswith("network: p 11, 1 heads of 16, d_model 16, d_mlp 16, 12 classes") for line in lines
    )
    assert Run(tmp_path / "out").epochs == [500]


@pytest.mark.parametrize(
    "flags, word",
    [
        (["--p", "8", "--task", "mul"], "p is 8"),
        (["--p", "13"], "need 14 tokens"),
        (["--n_heads", "3"], "contradict"),
        (["--task", "nonsense"], "unknown task"),
        (["--operation_tokens", "99"], "operation_tokens"),
        (["--reading", "backwards"], "unknown reading"),
        (["--mapping", "absent.json"], "absent.json"),
        (["--task", "add,mul"], "no odd prime fits 12 tokens"),
    ],
)
def test_the_script_ends_in_one_line(flags, word, import_square, tmp_path: Path) -> None:
    import_square(*flags).assert_refused(word)
    assert not (tmp_path / "out").exists()
