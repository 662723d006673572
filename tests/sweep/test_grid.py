"""From flags to runs: every combination, each with its own name, every mistake before any work."""

from dataclasses import replace
from pathlib import Path

import pytest

from grokking.cli.flags import add_grid_flags, grid_from_args, parse_values
from grokking.cli.parser import Parser
from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.storage.run_directory import RUN_NAME
from grokking.sweep.grid import grid, run_name


def parse(*flags: str) -> dict[str, RunConfig]:
    parser = Parser()
    add_grid_flags(parser)
    return grid_from_args(parser.read(flags))


def test_every_combination_is_a_run_with_the_seeds_outermost() -> None:
    runs = parse("--train_frac", "0.1", "0.3", "--seed", "0:2", "--p", "131")
    assert list(runs) == [
        "p=131_train_frac=0.1_seed=0",
        "p=131_train_frac=0.3_seed=0",
        "p=131_train_frac=0.1_seed=1",
        "p=131_train_frac=0.3_seed=1",
    ]
    assert [(c.p, c.train_frac, c.seed) for c in runs.values()] == [
        (131, 0.1, 0),
        (131, 0.3, 0),
        (131, 0.1, 1),
        (131, 0.3, 1),
    ]


def test_a_list_of_configs_is_a_grid_on_top_of_each(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"lr": 0.01, "p": 59}, {"optimiser": "muon", "loss": "stablemax"}]')
    runs = parse("--configs", str(tmp_path / "a.json"), "--seed", "7", "4", "--p", "61")
    assert list(runs) == [
        "p=61_train_frac=0.3_lr=0.01_seed=7",
        "p=61_optimiser=muon_train_frac=0.3_loss=stablemax_seed=7",
        "p=61_train_frac=0.3_lr=0.01_seed=4",
        "p=61_optimiser=muon_train_frac=0.3_loss=stablemax_seed=4",
    ]


@pytest.mark.parametrize("content", ["[]", "{}", "[1]"])
def test_a_file_that_is_no_list_of_configs_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match="a.json is no list of configs; accepted: JSON as"):
        parse("--configs", str(tmp_path / "a.json"))


def test_no_flags_are_the_default_run_with_few_weights() -> None:
    assert list(parse().values()) == [replace(RunConfig(), checkpoint_density="few")]
    assert list(parse("--keep", "film").values()) == [RunConfig()]


def test_a_preset_shows_through() -> None:
    runs = parse("--preset", "quick", "--weight_decay", "0", "1")
    assert [(c.p, c.d_mlp, c.seed, c.weight_decay) for c in runs.values()] == [
        (59, 256, 1, 0),
        (59, 256, 1, 1),
    ]


@pytest.mark.parametrize(
    "field, texts, expected",
    [
        ("seed", ["0:3", "7"], [0, 1, 2, 7]),
        ("p", ["59", "113"], [59, 113]),
        ("train_frac", ["0.1", "1e-1", "0.30"], None),  # twice the same
        ("train_frac", [".1", "0.30"], [0.1, 0.3]),
        ("task", ["add", "add,mul"], ["add", "add,mul"]),
        ("layer_norm", ["false", "True"], [False, True]),
        ("betas", ["0.9,0.98", "0.9,0.999"], [(0.9, 0.98), (0.9, 0.999)]),
        ("seed", ["3:3"], None),
        ("seed", ["5:2"], None),
        ("seed", ["0:9999999"], None),
        ("seed", ["1.5"], None),
        ("p", ["many"], None),
        ("layer_norm", ["maybe"], None),
        ("betas", ["a,b"], None),
    ],
)
def test_values(field: str, texts: list[str], expected: list[object] | None) -> None:
    if expected is None:
        with pytest.raises(UserError, match=field):
            parse_values(field, texts)
    else:
        assert parse_values(field, texts) == expected


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--train_fraction", "0.1"], "did you mean --train_frac"),
        (["--seeds", "0:5"], "did you mean --seed"),
        (["--banana=3"], "unknown argument '--banana=3'; see"),
        (["--task", "mul", "--p", "113", "12"], "p is 12"),
        (["--betas", "0.9", "0.98"], "betas takes two numbers"),
        (["--log_every", "10", "20"], "log_every changes what is recorded"),
        (["--seed", "0:1000", "--weight_decay", *map(str, range(200))], "200000 runs"),
        (["--preset", "fast"], "unknown preset"),
    ],
)
def test_mistakes_are_told_before_any_work(flags: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(*flags)


def test_a_name_does_not_depend_on_the_grid_it_is_part_of() -> None:
    small = set(parse("--seed", "0:2"))
    assert small < set(parse("--seed", "0:3", "--weight_decay", "0", "1", "--n_epochs", "500"))


def test_names_tell_apart_what_numbers_depend_on() -> None:
    base = RunConfig()
    others = [
        replace(base, **change)
        for change in (
            {"p": 59},
            {"task": "mul"},
            {"task": "add,mul"},
            {"train_frac": 0.31},
            {"train_frac": 0.3 + 1e-12},
            {"d_model": 64},
            {"n_heads": 2},
            {"d_mlp": 64},
            {"activation": "gelu"},
            {"layer_norm": True},
            {"attention_temperature": 2.0},
            {"equals_class": True},
            {"lr": 1e-5},
            {"weight_decay": 0.0},
            {"betas": (0.9, 0.999)},
            {"warmup": 10},
            {"seed": 2},
            {"init_scheme": "nanda"},
            {"task": "x2+y2"},
        )
    ]
    names = {run_name(config) for config in (base, *others)}
    assert len(names) == len(others) + 1
    assert all(RUN_NAME.fullmatch(name) for name in names)


def test_what_is_only_recorded_is_not_named() -> None:
    base = RunConfig()
    recorded = replace(base, n_epochs=5, log_every=7, checkpoint_every=9, checkpoint_density="few")
    assert run_name(recorded) == run_name(base) == "p=113_train_frac=0.3_seed=0"


def test_a_long_name_is_cut_and_stays_unique() -> None:
    far = {
        "p": 59,
        "task": "add,sub,mul,div,x2+y2,x3+xy",
        "d_model": 64,
        "n_heads": 2,
        "d_mlp": 77,
        "attention_temperature": 1.25,
        "activation": "gelu",
        "lr": 0.00123,
    }
    names = {run_name(RunConfig(**far, seed=seed)) for seed in range(3)}
    assert len(names) == 3
    assert all(len(name) == 100 and RUN_NAME.fullmatch(name) for name in names)


def test_values_by_field_serve_programs_too() -> None:
    runs = grid({"p": 59}, {"task": ["add", "mul"]})
    assert list(runs) == ["p=59_train_frac=0.3_seed=0", "p=59_task=mul_train_frac=0.3_seed=0"]
