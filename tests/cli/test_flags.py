"""Flags become configs; every script ends the same ways."""

import argparse
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from grokking.cli.console import run_script
from grokking.cli.flags import add_config_flags, config_from_args, flag_fields
from grokking.cli.parser import Parser
from grokking.config import RunConfig, preset, presets
from grokking.errors import DamagedFile, Stopped, UserError
from grokking.storage.provenance import command_line


def config_of(*arguments: object) -> RunConfig:
    parser = Parser(prog="train.py")
    add_config_flags(parser)
    return config_from_args(parser.read([str(a) for a in arguments]))


# Flags


@pytest.mark.parametrize("text", ["-1:2", "-1e-3", "-1,2", "-.5", "-7"])
def test_what_begins_with_a_dash_and_a_digit_is_a_value(text: str) -> None:
    parser = Parser(prog="train.py")
    parser.add_argument("--seeds")
    parser.add_argument("--lr", nargs="+")
    assert parser.read(["--seeds", text, "--lr", text, "3"]) == argparse.Namespace(seeds=text, lr=[text, "3"])


def test_no_flags_are_the_defaults() -> None:
    assert config_of() == RunConfig()


def test_every_field_is_a_flag_with_its_default_in_the_help() -> None:
    parser = Parser(prog="train.py")
    add_config_flags(parser)
    text = " ".join(parser.format_help().split())
    for owners in flag_fields().values():
        for _, f in owners:
            assert f"--{f.name}" in text
            assert " ".join(f.metadata["help"].split()) in text
    assert "(default: 0.9 0.98 with the optimiser adamw, " in text
    assert "joined by commas: b_Q, b_K, b_V, b_O, b_U; " in text


@pytest.mark.parametrize(
    "flags, expected",
    [
        (
            ["--p", 59, "--task", "add,mul", "--train_frac", 0.5],
            {"p": 59, "task": "add,mul", "train_frac": 0.5},
        ),
        (["--betas", 0.8, 0.999], {"betas": (0.8, 0.999)}),
        (["--layer_norm"], {"layer_norm": True}),
        (["--no-layer_norm"], {"layer_norm": False}),
        (
            ["--activation", "gelu", "--attention_temperature", 2],
            {"activation": "gelu", "attention_temperature": 2.0},
        ),
        (
            ["--lr", "5e-4", "--weight_decay", 0, "--warmup", 10],
            {"lr": 5e-4, "weight_decay": 0.0, "warmup": 10},
        ),
        (
            ["--n_epochs", 7, "--log_every", 3, "--checkpoint_every", 5, "--seed", 9],
            {"n_epochs": 7, "log_every": 3, "checkpoint_every": 5, "seed": 9},
        ),
        (["--d_model", 96, "--n_heads", 3, "--d_mlp", 10], {"d_model": 96, "n_heads": 3, "d_mlp": 10}),
    ],
)
def test_flags_set_fields(flags: list[object], expected: dict[str, object]) -> None:
    assert config_of(*flags) == RunConfig(**expected)


def test_flags_override_a_preset_and_leave_the_rest_of_it() -> None:
    assert config_of("--preset", "nanda") == preset("nanda")
    assert config_of("--preset", "nanda", "--n_epochs", 5) == preset("nanda", n_epochs=5)


def test_a_config_file_is_repeated_and_overridden(tmp_path: Path) -> None:
    config = RunConfig(p=59, task="mul", betas=(0.5, 0.6), layer_norm=True)
    path = tmp_path / "config.json"
    for record in (config.as_dict(), {"config": config.as_dict(), "command": ["python"]}):
        path.write_text(json.dumps(record))
        assert config_of("--config", path) == config
        assert config_of("--config", path, "--p", 7).p == 7
        assert not config_of("--config", path, "--no-layer_norm").layer_norm


@pytest.mark.parametrize(
    "content", ["", "[]", '{"p": 59', '{"q": 59}', '{"p": 2}', "3", '{"config": []}', "\xff"]
)
def test_a_config_file_that_is_none_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError) as caught:
        config_of("--config", path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--preset", "nope"], "unknown preset 'nope'; known: nanda"),
        (["--p", "many"], "--p"),
        (["--p", 113.5], "--p"),
        (["--betas", 0.9], "--betas"),
        (["--learning_rate", 1], "--learning_rate"),
        (["--activation", "tanh"], "tanh"),
        (["--n_epochs"], "--n_epochs"),
        (["stray"], "stray"),
    ],
)
def test_a_wrong_flag_is_one_line(flags: list[object], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        config_of(*flags)
    assert "\n" not in str(caught.value)


def test_presets_are_named_in_the_help() -> None:
    parser = Parser(prog="train.py")
    add_config_flags(parser)
    for name in presets():
        assert name in parser.format_help()


@pytest.mark.parametrize(
    "started, shown",
    [
        ("/somewhere/train.py", ["python", "train.py"]),
        ("/somewhere/grokking/__main__.py", ["python", "-m", "grokking"]),
        ("/somewhere/bin/grokking", ["grokking"]),
    ],
)
def test_the_command_line_names_what_was_typed_without_its_folder(
    started: str, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [started, "--p", "7"])
    assert command_line() == [*shown, "--p", "7"]


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="train.py", formatter_class=argparse.RawDescriptionHelpFormatter)
    with pytest.raises(SystemExit) as end:
        parser.read(["--help"])
    assert end.value.code == 0
    assert "usage: train.py" in capsys.readouterr().out


# How scripts end


def ended(main: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        run_script(main)
    assert isinstance(end.value.code, int)
    return end.value.code, capsys.readouterr().err


def raising(error: BaseException) -> Callable[[], None]:
    def main() -> None:
        raise error

    return main


GOES_ON = "after epoch 70; the same command resumes from there\n"


@pytest.mark.parametrize(
    "error, code, err",
    [
        (UserError("p is 4"), 2, "error: p is 4\n"),
        (DamagedFile("a.json is damaged"), 2, "error: a.json is damaged\n"),
        (Stopped(signal.SIGTERM, 70), 143, f"stopped by SIGTERM {GOES_ON}"),
        (Stopped(signal.SIGINT, 70), 130, f"stopped by SIGINT {GOES_ON}"),
        (KeyboardInterrupt(), 130, "interrupted; run the same command again\n"),
    ],
)
def test_an_early_end_is_a_line_and_a_code(
    error: BaseException, code: int, err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(raising(error), capsys) == (code, err)


def test_a_bug_is_not_dressed_up_as_a_users_mistake() -> None:
    with pytest.raises(ZeroDivisionError):
        run_script(raising(ZeroDivisionError()))


def test_a_script_that_ends_well_just_returns(capsys: pytest.CaptureFixture[str]) -> None:
    run_script(lambda: None)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
