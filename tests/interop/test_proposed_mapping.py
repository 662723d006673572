"""The mapping that a message proposes is one that imports the network."""

import json
from pathlib import Path

import pytest
import torch

from grokking.errors import UserError
from grokking.interop.proposed_mapping import proposed_mapping
from grokking.runs.run import Run
from tests.interop.foreign import Plain

P = 7


def renamed(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The network's tensors under names that say nothing, in their order."""
    return {f"tensor{i}": tensor for i, tensor in enumerate(network.state_dict().values())}


def test_the_proposal_imports_the_network_that_it_was_made_for(imported, tmp_path: Path, same_logits) -> None:
    network = Plain(P)
    state = renamed(network)
    with pytest.raises(UserError, match="a mapping that fits these shapes: ") as caught:
        imported(state, n_heads=2)
    proposal, _ = json.JSONDecoder().raw_decode(str(caught.value).split("fits these shapes: ")[1])
    (tmp_path / "mapping.json").write_text(json.dumps(proposal))
    result = imported(state, mapping=tmp_path / "mapping.json", n_heads=network.h)
    same_logits(network, result.path)
    assert Run(result.path).config.p == P


def test_what_shapes_do_not_say_is_named() -> None:
    state = {"a": torch.zeros(9, 16), "in": torch.zeros(40, 16), "out": torch.zeros(16, 40)}
    state |= {f"square{i}": torch.zeros(16, 16) for i in range(4)}
    text = proposed_mapping(state)
    assert text is not None
    assert "shapes do not say which tensor is W_E, W_pos, W_U" in text


@pytest.mark.parametrize("state", [{}, {"words": torch.zeros(8, 12)}, {"x": torch.zeros(3)}])
def test_nothing_is_proposed_where_shapes_say_nothing(state: dict[str, torch.Tensor]) -> None:
    assert proposed_mapping(state) is None
