"""AdamW: by hand, bit for bit as torch.optim has it, and without what torch.optim drags in."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from grokking.optim.adamw import EPS, AdamW, AdamWOptions, step_by_formula

OPTIONS = AdamWOptions(lr=0.01, weight_decay=0.5, betas=(0.8, 0.95))
Step = Callable[..., None]
SIZES = {"matrix": (3, 7), "vector": (5,)}


def zeros() -> dict[str, torch.Tensor]:
    return {name: torch.zeros(size) for name, size in SIZES.items()}


def drawn(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(size, generator=generator) for name, size in SIZES.items()}


@pytest.mark.parametrize("step", [AdamW().step, step_by_formula])
def test_two_steps_by_hand(step: Step) -> None:
    """w = 1, gradients 2 and then -1, worked out in the order of the paper's algorithm 2."""
    weights, state = {"w": torch.ones(1)}, {name: {"w": torch.zeros(1)} for name in ("exp_avg", "exp_avg_sq")}
    step(weights, {"w": torch.tensor([2.0])}, state, OPTIONS, 0.1, 0)
    first = 1 * (1 - 0.1 * 0.5) - 0.1 * 2 / (2 + EPS)
    assert weights["w"].item() == pytest.approx(first, rel=1e-6)
    step(weights, {"w": torch.tensor([-1.0])}, state, OPTIONS, 0.1, 1)
    m, v = 0.8 * 0.2 * 2 - 0.2, 0.95 * 0.05 * 4 + 0.05
    second = first * 0.95 - 0.1 * (m / (1 - 0.8**2)) / ((v / (1 - 0.95**2)) ** 0.5 + EPS)
    assert weights["w"].item() == pytest.approx(second, rel=1e-5)
    assert [state[name]["w"].item() for name in ("exp_avg", "exp_avg_sq")] == pytest.approx([m, v])


def test_steps_are_those_of_torch_to_the_bit() -> None:
    weights, theirs = drawn(0), drawn(0)
    state = {name: zeros() for name in ("exp_avg", "exp_avg_sq")}
    optimiser = torch.optim.AdamW(theirs.values(), lr=0.01, betas=(0.8, 0.95), weight_decay=0.5, fused=True)
    for n in range(5):
        gradients = drawn(n + 1)
        for name, w in theirs.items():
            w.grad = gradients[name].clone()
        optimiser.step()
        AdamW().step(weights, gradients, state, OPTIONS, 0.01, n)
        for name, w in theirs.items():
            assert torch.equal(weights[name], w)
            for moment, tensors in state.items():
                assert torch.equal(tensors[name], optimiser.state[w][moment])


def test_rate_and_count_may_be_tensors() -> None:
    """As on a GPU, where a recorded step reads both from memory."""
    one, other = drawn(0), drawn(0)
    states = [{name: zeros() for name in ("exp_avg", "exp_avg_sq")} for _ in range(2)]
    for n in range(3):
        AdamW().step(one, drawn(n + 1), states[0], OPTIONS, 0.25, n)
        rate, count = torch.tensor(0.25), torch.tensor(float(n))
        AdamW().step(other, drawn(n + 1), states[1], OPTIONS, rate, count)
        assert (rate.item(), count.item()) == (0.25, n)
    for name in SIZES:
        torch.testing.assert_close(one[name], other[name])


def test_the_formula_agrees_with_the_kernel() -> None:
    fused, formula = drawn(0), drawn(0)
    states = [{name: zeros() for name in ("exp_avg", "exp_avg_sq")} for _ in range(2)]
    for n in range(4):
        AdamW().step(fused, drawn(n + 1), states[0], OPTIONS, 0.01, n)
        step_by_formula(formula, drawn(n + 1), states[1], OPTIONS, 0.01, n)
    for name in SIZES:
        torch.testing.assert_close(fused[name], formula[name], rtol=1e-5, atol=1e-6)


def test_training_imports_no_compiler(tmp_path: Path, root: Path) -> None:
    """torch.optim's classes import torch._dynamo, for seconds, when the first one is made."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from grokking.config import RunConfig\n"
        "from grokking.storage.run_directory import RunDirectory\n"
        "from grokking.training.loop import Execution, Job, train\n"
        "config = RunConfig(p=5, d_model=8, n_heads=1, d_mlp=8, train_frac=0.5, n_epochs=20)\n"
        "for engine in ('numba', 'batched', 'reference'):\n"
        "    run = RunDirectory(Path(sys.argv[1]) / engine)\n"
        "    train([Job(config, run)], Execution(engine=engine, threads=1), shown=False)\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
