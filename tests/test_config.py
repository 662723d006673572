"""The config says what it refuses, and reads back what it wrote."""

import json
import math
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokking.config import (
    INIT_SCHEMES,
    SLOTS,
    RunConfig,
    common_fields,
    differing_keys,
    preset,
    presets,
)
from grokking.errors import UserError
from grokking.from_config import split_of
from grokking.groups.cyclic import prime_factors
from grokking.models.transformer import ACTIVATIONS
from grokking.tasks.modular import is_odd_prime, make_task

PRIMES = [n for n in range(3, 200) if prime_factors(n) == [n]]


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    n_heads = draw(st.integers(1, 8))
    beta = st.floats(0, 1, exclude_max=True)
    return RunConfig(
        p=draw(st.sampled_from(PRIMES)),
        task=draw(st.sampled_from(["add", "mul", "add,mul", "x2+y2,sub"])),
        train_frac=draw(st.floats(0, 1, exclude_min=True, exclude_max=True)),
        d_model=n_heads * draw(st.integers(1, 32)),
        n_heads=n_heads,
        d_mlp=draw(st.integers(1, 2048)),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        layer_norm=draw(st.booleans()),
        attention_temperature=draw(st.floats(1e-3, 1e3)),
        equals_class=draw(st.booleans()),
        lr=draw(st.floats(0, 10)),
        weight_decay=draw(st.floats(0, 10)),
        betas=(draw(beta), draw(beta)),
        warmup=draw(st.integers(0, 100)),
        n_epochs=draw(st.integers(1, 10**6)),
        log_every=draw(st.integers(1, 10**4)),
        checkpoint_every=draw(st.integers(1, 10**4)),
        seed=draw(st.integers(0, 2**31 - 1)),
        init_scheme=draw(st.sampled_from(INIT_SCHEMES)),
        head_width=draw(st.integers(0, 64)),
        biases=draw(st.sampled_from(["", "b_O", "b_Q,b_K,b_V,b_O,b_U"])),
        extra_tokens=draw(st.integers(0, 3)),
        extra_classes=draw(st.integers(0, 3)),
    )


@pytest.mark.slow
@given(configs())
def test_a_config_survives_json(config: RunConfig) -> None:
    assert RunConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


def test_imported_weights_say_nothing_of_how_they_were_trained() -> None:
    config = RunConfig(p=59, imported=True, split="unknown")
    record = config.as_dict()
    assert {"p", "d_mlp", "imported", "split"} <= set(record)
    assert not {"lr", "seed", "weight_decay", "n_epochs", "train_frac", "init_scheme"} & set(record)
    assert RunConfig.from_dict(record) == config
    assert "train_frac" in RunConfig(imported=True, split="kept", train_frac=0.4).as_dict()
    assert differing_keys(config, RunConfig(p=59))[0] == "imported"


def test_absent_fields_take_their_defaults() -> None:
    assert RunConfig.from_dict({"p": 59}) == RunConfig(p=59)


def test_the_default_recipe_is_the_documented_one() -> None:
    c = RunConfig()
    assert (c.p, c.train_frac, c.d_model, c.n_heads, c.d_mlp) == (113, 0.3, 128, 4, 512)
    assert (c.activation, c.layer_norm) == ("relu", False)
    assert (c.lr, c.weight_decay, c.betas) == (1e-3, 1.0, (0.9, 0.98))
    assert c.d_head == 32


@pytest.mark.parametrize(
    "field, value",
    [
        *[("p", p) for p in (2, 1, 0, -7, 10**6 + 3, 113.5, "113", True, None)],
        *[("biases", text) for text in ("b_in", "b_K,b_Q", "b_Q,", "b_Q,b_Q", None)],
        *[(name, -1) for name in ("head_width", "extra_tokens", "extra_classes")],
        ("split", "some"),
        *[("train_frac", f) for f in (0, 1, -0.3, 1.5, math.nan, math.inf, "0.3", None)],
        *[
            (name, n)
            for name in ("n_epochs", "log_every", "checkpoint_every", "d_mlp", "n_heads", "d_model")
            for n in (0, -1)
        ],
        *[(name, x) for name in ("lr", "weight_decay") for x in (-1e-9, math.nan, math.inf, -math.inf, True)],
        pytest.param("lr", 10**400, id="lr-huge"),
        ("d_model", 130),
        ("activation", "tanh"),
        ("init_scheme", "home-made"),
        ("layer_norm", 1),
        ("layer_norm_eps", 1e-6),
        ("layer_norm_eps", 0),
        ("attention_temperature", 0),
        ("attention_temperature", math.nan),
        ("betas", (0.9, 1.0)),
        ("betas", (-0.1, 0.9)),
        ("betas", (0.9,)),
        ("betas", (math.nan, 0.9)),
        ("betas", 0.9),
        ("warmup", -1),
        ("seed", -1),
        ("seed", 2**62),
    ],
)
def test_a_value_no_run_can_have_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(UserError, match=field) as caught:
        RunConfig(**{field: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("task", ["mul", "div", "add,mul"])
@pytest.mark.parametrize("p", [4, 9, 15, 121])
def test_multiplication_needs_a_prime(task: str, p: int) -> None:
    with pytest.raises(UserError, match=rf"p is {p}; accepted: an odd prime"):
        RunConfig(task=task, p=p)
    assert RunConfig(task="add,sub,x2+y2", p=p).p == p


def test_records_of_version_0_1_have_other_names_for_two_fields() -> None:
    old = RunConfig.from_dict({"p": 59, "recipe": "nanda", "keep": "few"})
    assert old == RunConfig(p=59, init_scheme="nanda", checkpoint_density="few")
    assert {"recipe", "keep"}.isdisjoint(old.as_dict())


def test_options_are_read_as_the_config_s_own_and_travel() -> None:
    config = replace(RunConfig(p=59, d_model=64), p=61, lr=0.5)
    assert (config.p, config.d_model, config.lr, config.d_head) == (61, 64, 0.5, 16)
    assert pickle.loads(pickle.dumps(config)) == config
    assert not hasattr(config, "n_bins")


def test_whole_floats_pass_as_integers() -> None:
    config = RunConfig.from_dict({"p": 59.0, "n_epochs": 1e3})
    assert config == RunConfig(p=59, n_epochs=1000)
    assert type(config.p) is int


@pytest.mark.parametrize("record", [[], "add", 3, None])
def test_only_an_object_is_a_config(record: object) -> None:
    with pytest.raises(UserError, match="JSON object"):
        RunConfig.from_dict(record)


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(UserError, match="'learning_rate'"):
        RunConfig.from_dict({"learning_rate": 1e-3})


def test_runs_that_differ_in_length_only_share_an_identity() -> None:
    short, long = RunConfig(n_epochs=10), RunConfig(n_epochs=20)
    assert short.identity() == long.identity()
    own = {name for slot in SLOTS for name in getattr(short, slot).recorded()}
    common = {f.name for f in common_fields()} - {"n_epochs", "loss_dtype"}
    assert set(short.identity()) == common | own
    assert differing_keys(short, long) == []
    assert differing_keys(short, replace(long, seed=3, lr=0.1)) == ["lr", "seed"]


def test_a_record_without_the_epsilon_of_layer_norm_has_the_usual_one() -> None:
    """Runs of version 0.1 were trained with it and do not name it."""
    record = RunConfig(layer_norm=True).as_dict()
    del record["layer_norm_eps"]
    assert RunConfig.from_dict(record) == RunConfig(layer_norm=True)
    record = RunConfig(layer_norm=True, layer_norm_eps=1e-12).as_dict()
    assert RunConfig.from_dict(record).layer_norm_eps == 1e-12


def test_odd_primes_are_the_numbers_with_one_odd_prime_factor() -> None:
    assert [n for n in range(-5, 2000) if is_odd_prime(n)] == [
        n for n in range(3, 2000) if prime_factors(n) == [n]
    ]


def test_presets_are_valid_and_can_be_overridden() -> None:
    for name in presets():
        assert preset(name, seed=5).seed == 5
    with pytest.raises(UserError, match=r"'nope'.*nanda"):
        preset("nope")


def test_nanda_is_the_published_recipe() -> None:
    c = preset("nanda")
    assert (c.p, c.train_frac, c.seed, c.init_scheme, c.warmup) == (113, 0.3, 0, "nanda", 10)
    assert (c.lr, c.weight_decay, c.betas) == (1e-3, 1.0, (0.9, 0.98))
    assert c.equals_class
    assert c.n_epochs >= 15_000


def test_timeless_splits_as_its_source_says() -> None:
    c = preset("timeless")
    split = split_of(c, make_task(c.p, c.task))
    assert (c.p, c.n_epochs) == (131, 40_000)
    assert (len(split.train), len(split.test)) == (5148, 12_013)
