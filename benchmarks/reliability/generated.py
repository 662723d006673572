"""Strategies for the input of the bench: what a careless or a hostile hand might give."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from hypothesis import strategies as st

from benchmarks.reliability.work import TINY
from grokking.config import RunConfig
from grokking.storage.checksummed_dir import Manifest
from grokking.storage.run_directory import RunDirectory
from grokking.storage.schema import ABOUT

SMALL = {"p": 5, "d_model": 4, "n_heads": 1, "d_mlp": 4, "n_epochs": 1, "log_every": 1, "train_frac": 0.5}
NUMBERS = st.one_of(
    st.integers(-3, 7),
    st.sampled_from([2**31, 10**30, -1, 0.5, 1e308, float("nan"), float("inf")]),
    st.floats(),
)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "../out",
            "/etc/passwd",
            "a/b",
            "$(touch x)",
            "; touch x",
            "<script>",
            "$\\x$",
            "{0}",
            "%s",
            "\x1b[31m",
            "-",
            "--",
        ]
    ),
)
JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)


SMALL_NUMBERS = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "1e3",
    "nan",
    "inf",
    "0.5",
    "1_0",
    "٣",
    " 4",
    "5",
    "7",
    "9" * 40,
    "x",
    "",
]
LONG_WORK = ("--jobs", "--threads", "--backend", "--scheduler", "--help")
"""Flags left to the bench itself: they start processes and clusters, or end everything at once."""


def command_lines(run: Path, commands: Mapping[str, Sequence[str]]) -> st.SearchStrategy[tuple]:
    """A command and arguments that, if they are accepted, mean no more than seconds of work.

    commands: flags by name of the command.
    """
    training = st.tuples(st.just("train"), _training_arguments(run))
    others = [st.tuples(st.just(name), _arguments(run, flags)) for name, flags in sorted(commands.items())]
    return st.one_of(training, st.one_of(others), st.one_of(others))


def _training_arguments(run: Path) -> st.SearchStrategy[list[str]]:
    flags = sorted(set(RunConfig().as_dict()) - {"init_digest"})
    small = st.sampled_from(SMALL_NUMBERS)
    value = st.one_of(small, small, TEXTS)
    pair = st.tuples(st.sampled_from([f"--{name}" for name in flags]), value)
    wrong_and_right = ["mul", "add,sub", "div", "x2+y2", "add,,", "ADD"]
    tasks = st.tuples(st.just("--task"), st.sampled_from(wrong_and_right))
    betas = st.tuples(st.just("--betas"), value, value)
    places = st.tuples(
        st.sampled_from(["--run_name", "--output_dir", "--config", "--init_from", "--preset"]),
        st.one_of(TEXTS, st.sampled_from([str(run), f"{run}:0", str(run / "config.json"), "quick2"])),
    )
    seeds = st.tuples(st.just("--seeds"), st.sampled_from(["0:2", "1,1", "2:1", "0", "x", "", "9" * 12]))
    junk = st.lists(TEXTS, min_size=1, max_size=2)
    parts = st.one_of(pair, pair, pair, tasks, betas, places, seeds, junk)
    return st.lists(parts, max_size=4).map(_joined)


def _arguments(run: Path, flags: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """Mostly a run directory, then flags of the command with right and wrong values, and junk."""
    right = [
        str(run),
        str(run / "history.json"),
        str(run.parent),
        "add",
        "source",
        "10x10",
        "320x240",
        "gif",
        "onnx",
        "state_dict",
        "out.pt",
        "out.png",
        "a/out",
        "dark",
        "mpeg4",
    ]
    value = st.one_of(st.sampled_from(right), st.sampled_from(SMALL_NUMBERS), TEXTS)
    flag = st.sampled_from([name for name in flags if name not in LONG_WORK] or ["--x"])
    parts = st.one_of(st.tuples(flag), st.tuples(flag, value), st.tuples(flag, value), st.tuples(value))
    start = st.one_of(st.just([str(run)]), st.just([str(run)]), st.just([]), TEXTS.map(lambda text: [text]))
    return st.tuples(start, st.lists(parts, max_size=3).map(_joined)).map(_joined)


def _joined(parts: Iterable[Iterable[str]]) -> list[str]:
    return [text for part in parts for text in part]


def manifests(content: bytes) -> st.SearchStrategy[bytes]:
    """A manifest altered, and manifests that are right by their own checksum, whatever they say."""
    names = st.one_of(TEXTS, st.sampled_from(sorted(json.loads(content)["files"])))
    states = st.lists(st.one_of(st.none(), TEXTS, JUNK), max_size=3).map(tuple)
    signed = st.dictionaries(names, states, max_size=6).map(lambda files: Manifest(files).to_bytes())
    return st.one_of(mutated(content), signed)


def configs() -> st.SearchStrategy[Any]:
    """Records with right and wrong fields, right and wrong values, and what is no record."""
    names = st.one_of(st.sampled_from(sorted(RunConfig().as_dict())), TEXTS)
    config = st.dictionaries(names, JUNK, max_size=4).map(lambda fields: {**SMALL, **fields})
    about = st.dictionaries(st.sampled_from(sorted(ABOUT)), JUNK, max_size=3)
    return st.one_of(
        JUNK, st.tuples(st.one_of(config, JUNK), about).map(lambda two: {**two[1], "config": two[0]})
    )


@st.composite
def mutated(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes of a JSON file: anything, one part replaced by something else, or bytes altered."""
    how = draw(st.integers(0, 3))
    if how == 0:
        return draw(st.binary(max_size=200))
    if how == 1:
        return json.dumps(draw(JUNK), default=str).encode()
    if how == 2:
        at, new = draw(st.integers(0, len(content))), draw(st.binary(max_size=8))
        return content[:at] + new + content[at + draw(st.integers(0, 8)) :]
    record = json.loads(content)
    for _ in range(draw(st.integers(1, 3))):
        _replace_part(draw, record)
    return json.dumps(record, default=str).encode()


def _replace_part(draw: st.DrawFn, record: Any) -> None:
    """Put junk somewhere into a JSON record, at any depth."""
    while isinstance(record, dict | list) and record:
        keys = sorted(record) if isinstance(record, dict) else range(len(record))
        key = draw(st.sampled_from(keys))
        if not isinstance(record[key], dict | list) or not record[key] or draw(st.booleans()):
            record[key] = draw(JUNK)
            return
        record = record[key]


def headers(run: Path) -> st.SearchStrategy[bytes]:
    """The newest checkpoint with its header, or the record in it, replaced or altered."""
    content = RunDirectory(run).checkpoint_path(TINY.n_epochs).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    record = header["__metadata__"]["grokking"].encode()
    tensors = safetensors.torch.load(content)

    def with_header(new: bytes) -> bytes:
        return len(new).to_bytes(8, "little") + new + content[8 + length :]

    def with_record(new: bytes) -> bytes:
        return safetensors.torch.save(tensors, {"grokking": new.decode(errors="replace")})

    return st.one_of(
        mutated(json.dumps(header).encode()).map(with_header),
        mutated(record).map(with_record),
        st.binary(max_size=100),
        st.binary(min_size=8, max_size=8).map(lambda n: n + content[8:]),
    )


def weights_files(content: bytes, states: Sequence[object]) -> st.SearchStrategy[bytes]:
    """A file of weights cut, with bytes replaced, and files that hold something else than weights."""

    def altered(where: tuple[float, bytes, int]) -> bytes:
        at = int(where[0] * len(content))
        return content[:at] + where[1] + content[at + where[2] :]

    share = st.floats(0, 1, exclude_max=True)
    return st.one_of(
        st.tuples(share, st.binary(max_size=8), st.sampled_from([0, 1, 8, 10**9])).map(altered),
        st.binary(max_size=200),
        st.one_of(JUNK, st.sampled_from(states)).map(_saved),
    )


def _saved(record: object) -> bytes:
    file = io.BytesIO()
    torch.save(record, file)
    return file.getvalue()
