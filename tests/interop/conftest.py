"""Importing in a test: a state dict becomes a file, the file a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from grokking.interop.facts import UserHints
from grokking.interop.importing import ImportResult, Request, import_checkpoints
from grokking.runs.run import Run
from grokking.tasks.modular import make_task

Import = Callable[..., ImportResult]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """imported(content, hints …, split=…) saves a file and imports it."""

    def run(
        content: Any,
        name: str = "weights.pt",
        split: str | None = None,
        epochs: tuple[str, ...] = (),
        mapping: Path | None = None,
        reading: str | None = None,
        **hints: Any,
    ) -> ImportResult:
        source = content
        if not isinstance(content, Path):
            source = tmp_path / "source" / name
            source.parent.mkdir(exist_ok=True)
            torch.save(content, source)
        output = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        return import_checkpoints(
            Request(source, output, UserHints(**hints), epochs, split, mapping, reading)
        )

    return run


@pytest.fixture
def same_logits() -> Callable[[nn.Module, Path, int], None]:
    """same_logits(theirs, run directory, epoch): one function, by the readable forward and by look-up."""

    def check(theirs: nn.Module, path: Path, epoch: int = 0, tolerance: float = 1e-5) -> None:
        run = Run(path)
        tokens = torch.from_numpy(run.task.tokens)
        with torch.no_grad():
            expected = theirs.logits(tokens)
            for found in (run.model(epoch)(tokens), run.observe(epoch).outputs.logits):
                assert (found - expected).abs().max() <= tolerance * expected.abs().max().clamp(min=1)

    return check


def fit(network: nn.Module, p: int, task: str = "add", share: float = 1.0, epochs: int = 150) -> np.ndarray:
    """Train somebody's network for a moment on the first pairs of a permutation; returns their rows."""
    pairs = make_task(p, task)
    rows = torch.randperm(len(pairs.tokens), generator=torch.Generator().manual_seed(598))
    rows = rows[: int(share * len(rows))].numpy()
    tokens, answers = torch.from_numpy(pairs.tokens[rows]), torch.from_numpy(pairs.answers[rows])
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(epochs):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network.logits(tokens), answers).backward()
        optimiser.step()
    return rows


def plain_state(run: Run) -> dict[str, torch.Tensor]:
    """The last weights of a run as a state dict of plain layer names; how many heads, it does not state."""
    weights = run.weights(run.final_epoch)
    heads = {f"{x}_proj.weight": weights[f"W_{x.upper()}"].transpose(1, 2).flatten(0, 1) for x in "qkv"}
    state = {
        "embed.weight": weights["W_E"],
        "pos_embed": weights["W_pos"],
        **heads,
        "out_proj.weight": weights["W_O"].flatten(0, 1).T,
        "fc1.weight": weights["W_in"].T,
        "fc1.bias": weights["b_in"],
        "fc2.weight": weights["W_out"].T,
        "fc2.bias": weights["b_out"],
        "head.weight": weights["W_U"].T,
    }
    return {name: tensor.contiguous() for name, tensor in state.items()}
