"""``grokking llc`` on a tiny run."""

import json
from collections.abc import Callable
from pathlib import Path


def test_it_writes_and_prints_estimates_with_every_setting(
    script: Callable, tiny_run: Path, tmp_path: Path
) -> None:
    flags = ("--chains", 2, "--steps", 6, "--burn_in", 2, "--epochs", 0, 60, "--output_dir", tmp_path / "out")
    ended = script("llc", tiny_run, *flags)
    assert ended.code == 0
    record = json.loads((tmp_path / "out" / "llc.json").read_text())
    assert record["epochs"] == [0, 60]
    assert record["sampler"]["step_size"] == 1e-5
    assert len(record["trace"][0]) == 2
    assert len(record["trace"][0][0]) == 6
    assert (tmp_path / "out" / "llc.png").read_bytes().startswith(b"\x89PNG")
    for setting in ("chains 2", "burn_in 2", "localisation 100", "beta 0", "seed 0", "n 60"):
        assert setting in ended.out
    again = script("llc", tiny_run, *flags)
    assert again.out == ended.out


def test_an_epoch_without_a_checkpoint_is_refused_before_sampling(script: Callable, tiny_run: Path) -> None:
    script("llc", tiny_run, "--epochs", 0, 7).assert_refused("keeps no weights of epoch 7")
    script("llc", tiny_run, "--chains", 1).assert_refused("chains is 1", "2 or more")
