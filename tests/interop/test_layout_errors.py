"""Messages name the true cause, and what they advise works."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from grokking.errors import UserError
from grokking.page.bundle import make_bundle
from grokking.page.measure import page_views
from grokking.runs.run import Run
from grokking.training.launch import Request, start_runs
from tests.interop.foreign import Packed, PerHead, Plain, TransformerLens
from tests.interop.test_layouts import MAPPING, Strange

P = 7
NORMS = {f"{name}_{x}": [f"{name}.{x}", "d"] for name in ("ln1", "ln2", "ln_final") for x in "wb"}


@pytest.fixture
def refusal(imported) -> Callable[..., str]:
    """refusal(content, …) is what an import of it is refused with."""

    def run(content: Any, **options: Any) -> str:
        with pytest.raises(UserError) as caught:
            imported(content, **options)
        return str(caught.value)

    return run


def mapping_file(tmp_path: Path, **more: Any) -> Path:
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps({**MAPPING, **more}))
    return path


@pytest.mark.parametrize(
    "numbers, accepted", [(120, "at most 120"), (118, "at most 118")], ids=["S5", "order 118"]
)
def test_no_modulus_is_asked_for_that_cannot_be(numbers: int, accepted: str, refusal) -> None:
    hints = refusal(TransformerLens(numbers, d=4, h=1, e=4, m=4).state_dict())
    assert f"no odd prime fits {numbers + 1} tokens and {numbers} classes with 1 operation token," in hints
    assert hints.endswith(f"if the network calculates modulo another number, give --p NUMBER of {accepted}")


def test_the_modulus_that_is_then_given_is_taken(imported) -> None:
    torch.manual_seed(0)
    state = TransformerLens(20, d=4, h=1, e=4, m=4).state_dict()
    run = Run(imported(state, p=13, operation_tokens=(20,)).path)
    assert (run.config.p, run.config.extra_tokens, run.config.extra_classes) == (13, 7, 6)


def test_a_modulus_that_is_no_prime_is_taken_if_it_is_given(imported) -> None:
    """At chance, so that other tasks are tried: those that divide are left out."""
    torch.manual_seed(0)
    result = imported(TransformerLens(8, d=4, h=1, e=4, m=4).state_dict(), p=8)
    assert Run(result.path).config.p == 8
    tried = {each.name for each in result.check.tried}
    assert "--task sub" in tried
    assert not tried & {"--task mul", "--task div"}


@pytest.mark.parametrize(
    "change, missing",
    [
        ("W_pos", "W_pos [x d]"),
        ("unembed.weight", "W_U [d c]"),
        ("W_in.weight", "W_in [d m]"),
    ],
)
def test_the_one_thing_that_is_missing_is_named(change: str, missing: str, refusal) -> None:
    state = Plain(P).state_dict()
    del state[change]
    hints = refusal(state)
    assert f"this looks like layout plain, but it has no {missing}; if that lies under another" in hints


@pytest.mark.parametrize("name", ["attn1", "layer_1", "model.attention.1"])
def test_a_second_layer_is_not_to_be_mapped_away(name: str, refusal) -> None:
    first = {f"{name.replace('1', '0')}.W_{x}.weight": torch.zeros(16, 16) for x in "QKVO"}
    second = {f"{name}.W_{x}.weight": torch.zeros(16, 16) for x in "QKVO"}
    of_attention = tuple(f"W_{x}." for x in "QKVO")
    others = {k: t for k, t in Plain(P).state_dict().items() if not k.startswith(of_attention)}
    hints = refusal({**others, **first, **second})
    assert f"'{name}.W_Q.weight' belongs to a second layer, whose name is not known here" in hints
    assert "--mapping" not in hints


def test_two_numbered_matrices_of_an_mlp_are_one_layer(refusal) -> None:
    state = Plain(P).state_dict()
    state["mlp.layer1.weight"] = state.pop("W_in.weight")
    state["mlp.layer2.weight"] = state.pop("W_out.weight")
    hints = refusal(state)
    assert "second layer" not in hints
    assert "W_in [d m], W_out [m d]" in hints


def test_norms_without_a_shift_are_called_by_their_name(refusal) -> None:
    hints = refusal({**Packed(P).state_dict(), "rms_norm.weight": torch.ones(16)}, n_heads=2)
    assert "norms with a scale and without a shift" in hints
    assert "RMSNorm" in hints
    assert "layer norm with both" not in hints


def test_layer_norm_that_the_mapping_leaves_out_is_asked_for_and_then_read(
    refusal, imported, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    norms = {key: torch.rand(12) + 1 for key, _ in NORMS.values()}
    state = {**Strange().state_dict(), **norms}
    hints = refusal(state, mapping=mapping_file(tmp_path))
    assert "the mapping says nothing of 'ln1.w', 'ln1.b'" in hints
    assert "map ln1_w, ln1_b, ln2_w, ln2_b, ln_final_w, ln_final_b to them" in hints
    without = {name: value for name, value in NORMS.items() if name != "ln2_b"}
    del state["ln2.b"]
    hints = refusal(state, mapping=mapping_file(tmp_path, **without))
    assert "the mapping has ln1_w, ln1_b, ln2_w, ln_final_w, ln_final_b and lacks ln2_b" in hints
    run = Run(imported({**state, **norms}, mapping=mapping_file(tmp_path, **NORMS)).path)
    assert run.config.layer_norm
    assert torch.equal(run.weights(0)["ln2_b"], norms["ln2.b"])


def test_all_names_that_a_mapping_takes_stand_in_the_documentation(root: Path) -> None:
    text = (root / "docs" / "interop.md").read_text()
    assert not [name for name in (*NORMS, *MAPPING) if f"`{name}`" not in text and f'"{name}"' not in text]


def test_two_networks_of_one_epoch_in_one_file_are_not_to_be_told_apart_by_a_flag(refusal, tmp_path) -> None:
    torch.manual_seed(0)
    record = {"state_dicts": [PerHead(P).state_dict(), PerHead(P).state_dict()], "epochs": [5, 5]}
    hints = refusal(record)
    assert "its list of epochs names one twice" in hints
    assert "--epoch" not in hints
    record["epochs"] = [5, 6]
    assert "holds 2 networks with epochs of their own" in refusal(record, epochs=("7",))


# What imported weights can and cannot do


def test_nobody_is_told_to_train_an_imported_run(imported) -> None:
    run = Run(imported(PerHead(P).state_dict()).path)
    with pytest.raises(UserError, match="1 epoch only; two or more are needed: import a folder with files"):
        make_bundle(page_views(run)[0], 0)
    run.directory.checkpoint_path(0).write_bytes(b"")
    with pytest.raises(UserError, match="import the run again"):
        _ = Run(run.directory.path).epochs


def test_the_flags_with_which_imported_weights_are_trained_further_are_those_that_work(
    imported, command, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    path = imported(TransformerLens(P, h=3, e=16, norms=True).state_dict()).path
    with pytest.raises(UserError) as caught:
        start_runs({"a": Run(path).config}, Request(tmp_path / "more", init_from=f"{path}:0"))
    advice = str(caught.value).split("leave --config out: ")[1]
    flags = advice.replace("RUN_DIR:EPOCH", f"{path}:0").split()
    ended = command(*flags, "--n_epochs", 1, "--train_frac", 0.5, "--output_dir", tmp_path / "more")
    assert ended.code == 0, ended.err
    assert torch.equal(Run(tmp_path / "more" / "default").weights(0)["b_Q"], Run(path).weights(0)["b_Q"])


def test_weights_with_tokens_that_no_flag_makes_are_not_to_be_trained(imported, tmp_path: Path) -> None:
    config = Run(imported(TransformerLens(20, d=4, h=1, e=4, m=4).state_dict(), p=13).path).config
    with pytest.raises(UserError, match="cannot be trained further here either"):
        start_runs({"a": config}, Request(tmp_path / "more"))
