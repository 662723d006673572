"""Where files keep a config: in the metadata of a safetensors file, and in JSON files in the same folder."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError
from grokking.interop.splits import TRAIN_ROWS
from grokking.storage.atomic_io import read_json

OWN_CONFIG = "grokking_config"
"""Where our exports keep the config of the run."""
CHECKPOINT = "grokking"
"""Where the checkpoints of a run directory keep it."""
NEARBY = ("config.json", "cfg.json", "args.json", "hparams.json")
EPOCHS = ("epoch", "num_epochs", "n_epochs", "epochs")
MAX_EPOCH = 999_999_999
MOST_BYTES = 2**20
"""Of a JSON file or text: a config has some kilobytes."""


def own_config_in(record: Any, name: str) -> RunConfig | None:
    """The config of one of our runs, where the record has it. Raises UserError for one that is none."""
    if not isinstance(record, Mapping) or OWN_CONFIG not in record:
        return None
    try:
        own = RunConfig.from_dict(record[OWN_CONFIG])
    except UserError as error:
        raise UserError(f"{name}: its {OWN_CONFIG} is none of this version: {error}") from error
    return own


def metadata_of(path: Path) -> dict[str, Any]:
    """The metadata of a safetensors file, JSON decoded; with the epoch of an export or checkpoint of ours.

    Empty for any other file, and where there is none.
    """
    if path.suffix.lower() != ".safetensors":
        return {}
    with safetensors.safe_open(path, framework="pt") as file:
        found = {key: _decoded(text) for key, text in (file.metadata() or {}).items()}
    ours = found.pop(CHECKPOINT, None)
    if isinstance(ours, Mapping):
        found |= {"epoch": ours.get("epoch"), OWN_CONFIG: ours.get("config")}
        found |= {TRAIN_ROWS: ours[TRAIN_ROWS]} if TRAIN_ROWS in ours else {}
    return found


def _decoded(text: str) -> Any:
    try:
        return json.loads(text) if len(text) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        return text


def json_files_near(source: Path) -> Iterator[tuple[str, Any]]:
    """Name and content of the JSON files next to a file, or in a folder, that may describe the network."""
    folder = source if source.is_dir() else source.parent
    names = [*NEARBY]
    if not source.is_dir():
        stem = source.stem
        names += [f"{stem}.json", f"{stem}_config.json", f"{stem.replace('model', 'config', 1)}.json"]
    for name in dict.fromkeys(names):
        path = folder / name
        if path.is_file() and path.stat().st_size <= MOST_BYTES:
            with contextlib.suppress(DamagedFile):  # a file of that name may be anything
                yield name, _of_a_run(read_json(path))


def epoch_in(records: Sequence[tuple[str, Any]]) -> tuple[int, str] | None:
    """The epoch that the first of some records says, and the name of its file; None where none does.

    Of several numbers in a record the epoch that was reached counts before the epochs that were asked for.
    """
    for name, record in records:
        for key in EPOCHS if isinstance(record, Mapping) else ():
            value = record.get(key)
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if type(value) is int and 0 <= value <= MAX_EPOCH:
                return value, name
    return None


def _of_a_run(record: Any) -> Any:
    """The ``config.json`` of a run directory as a record that says so; any other as it is."""
    inner = record.get("config") if isinstance(record, Mapping) else None
    ours = ({"d_mlp", "attention_temperature", "task"}, {"task", "model", "init_scheme"})
    if isinstance(inner, Mapping) and any(names <= set(inner) for names in ours):
        return {OWN_CONFIG: inner}
    return record
