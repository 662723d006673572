"""Every layout, by its own forward pass: imported logits are theirs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from grokking.errors import UserError
from grokking.runs.run import Run
from tests.interop.foreign import Nanda2022, Packed, PerHead, Plain, TransformerLens, drawn

P = 7
NETWORKS: dict[str, tuple[Callable[[], nn.Module], str, dict[str, object]]] = {
    "transformer_lens": (lambda: TransformerLens(P, biases=False), "transformer_lens", {}),
    "transformer_lens, biases": (lambda: TransformerLens(P), "transformer_lens", {}),
    "transformer_lens, layer norm": (lambda: TransformerLens(P, norms=True), "transformer_lens", {}),
    "transformer_lens, an = class": (lambda: TransformerLens(P, classes=P + 1), "transformer_lens", {}),
    "transformer_lens, wide heads": (lambda: TransformerLens(P, h=3, e=16), "transformer_lens", {}),
    "nanda": (lambda: Nanda2022(P), "nanda_2022", {}),
    "nanda, heads not d_model / n_heads": (lambda: Nanda2022(P, d=12, h=2, e=5), "nanda_2022", {}),
    "nanda, all square": (lambda: Nanda2022(P, d=8, h=1, m=8), "nanda_2022", {}),
    "per head": (lambda: PerHead(P), "per_head", {}),
    "per head, all square": (lambda: PerHead(P, d=8, h=1, m=8), "per_head", {}),
    "plain, as printed": (lambda: Plain(P), "plain", {}),
    "plain, four heads, biases": (lambda: Plain(P, h=4, biases=True), "plain", {"n_heads": 4}),
    "PyTorch's attention": (lambda: Packed(P), "plain", {"n_heads": 2}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_imported_logits_are_theirs(name: str, imported, same_logits) -> None:
    make, layout, hints = NETWORKS[name]
    torch.manual_seed(0)
    network = make()
    result = imported(network.state_dict(), **hints)
    same_logits(network, result.path)
    assert json.loads((result.path / "config.json").read_text())["import"]["layout"] == layout
    assert [note for note in result.notes if note.startswith(f"layout: {layout}")]


def test_biases_that_are_zero_are_left_out_and_others_are_not(imported) -> None:
    torch.manual_seed(0)
    assert Run(imported(TransformerLens(P, biases=False).state_dict()).path).config.biases == ""
    assert Run(imported(TransformerLens(P).state_dict()).path).config.biases == "b_Q,b_K,b_V,b_O,b_U"


def test_a_causal_mask_masks_nothing_at_the_last_position() -> None:
    torch.manual_seed(0)
    network, tokens = TransformerLens(P), torch.tensor([[0, 1, P], [5, 5, P], [6, 2, P]])
    assert torch.equal(network.logits(tokens), network.logits(tokens, causal=False))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_value_is_kept(dtype: torch.dtype, imported) -> None:
    torch.manual_seed(0)
    state = {
        key: t.to(dtype) if t.is_floating_point() else t for key, t in TransformerLens(P).state_dict().items()
    }
    run = Run(imported(state).path)
    weights = run.weights(0)
    assert torch.equal(weights["W_in"].to(dtype), state["blocks.0.mlp.W_in"])
    assert torch.equal(weights["W_in"].double(), state["blocks.0.mlp.W_in"].double())
    assert run.directory.record()["import"]["dtypes"] == [str(dtype).removeprefix("torch.")]


def test_double_precision_is_computed_in_double_precision(imported) -> None:
    torch.manual_seed(0)
    network = PerHead(P).double()
    path = imported(network.state_dict()).path
    tokens = torch.from_numpy(Run(path).task.tokens)
    with torch.no_grad():
        torch.testing.assert_close(Run(path).model(0)(tokens), network.logits(tokens), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.transformer."])
def test_prefixes_of_wrappers_do_not_matter(prefix: str, imported, same_logits) -> None:
    torch.manual_seed(0)
    network = Plain(P)
    same_logits(network, imported({prefix + key: t for key, t in network.state_dict().items()}).path)


def test_unknown_further_keys_are_listed_and_ignored(imported, same_logits) -> None:
    torch.manual_seed(0)
    network = Nanda2022(P)
    result = imported({**network.state_dict(), "dropout.constant": torch.tensor(0.1)})
    same_logits(network, result.path)
    assert any("'dropout.constant'" in note and "'blocks.0.attn.mask'" in note for note in result.notes)


class Strange(nn.Module):
    """A layout that nobody knows: tied embedding, packed values and outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.where = drawn(P + 1, 12), drawn(12, 3)
        self.qk, self.v, self.back = drawn(2, 12, 3, 4), drawn(12, 4, 3), drawn(4, 12, 3)
        self.up, self.down = drawn(12, 20), drawn(12, 20)

    def logits(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.words[tokens] + self.where.T
        q, k = (torch.einsum("bsd,dhe->bhse", x, m) for m in self.qk)
        v = torch.einsum("bsd,deh->bhse", x, self.v)
        z = (q @ k.transpose(-1, -2) / 2).softmax(-1) @ v
        x = x + torch.einsum("bhse,edh->bsd", z, self.back)
        return ((x + (x @ self.up).relu() @ self.down.T) @ self.words.T)[:, -1]


MAPPING = {
    "W_E": ["words", "v d"],
    "W_pos": ["where", "d x"],
    "W_Q": ["qk", "0/2 d h e"],
    "W_K": ["qk", "1/2 d h e"],
    "W_V": ["v", "d e h"],
    "W_O": ["back", "e d h"],
    "W_in": ["up", "d m"],
    "W_out": ["down", "d m"],
    "W_U": ["words", "c d"],
}
"""Where ``Strange`` keeps what."""


def test_a_mapping_file_reads_any_layout(imported, same_logits, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, mapping = Strange(), tmp_path / "mapping.json"
    mapping.write_text(json.dumps(MAPPING))
    with pytest.raises(
        UserError, match=r"unknown layout; keys found: 'words' \[8, 12\].*known layouts.*--mapping"
    ):
        imported(network.state_dict())
    same_logits(network, imported(network.state_dict(), mapping=mapping).path)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"W_E": None}, "maps no W_E"),
        ({"W_Z": ["words", "d"]}, "unknown 'W_Z'"),
        ({"W_E": "words"}, "takes"),
        ({"W_E": ["words", "v z"]}, "unknown 'z'"),
        ({"W_E": ["words", "v m"]}, "made of 'v d'"),
        ({"W_E": ["words", "(v d"]}, "not closed"),
        ({"W_E": ["words", "v v"]}, "twice"),
        ({"W_E": ["absent", "v d"]}, "nothing found for W_E"),
        ({"W_in": ["down", "d m"], "W_out": ["words", "m d"]}, "contradict"),
    ],
)
def test_mapping_files_that_are_wrong_say_where(change, message, imported, tmp_path: Path) -> None:
    (tmp_path / "mapping.json").write_text(
        json.dumps({name: value for name, value in {**MAPPING, **change}.items() if value is not None})
    )
    with pytest.raises(UserError, match=message):
        imported(Strange().state_dict(), mapping=tmp_path / "mapping.json")
