"""What one file of weights holds: one network, or a whole run of them.

A state dict lies there bare or under ``model``, ``state_dict``, ``model_state_dict`` …, or a list of
them under ``state_dicts`` or ``checkpoints`` with their ``epochs``. Losses and
accuracies may lie in the same file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from grokking.errors import UserError
from grokking.interop.config_files import metadata_of
from grokking.interop.external_history import Curves
from grokking.interop.splits import TRAIN_ROWS
from grokking.interop.untrusted import contents, quoted, tensors_of

TRAIN_KEYS = (TRAIN_ROWS, "train_data")
"""Keys of the pairs trained on."""
LISTS = ("state_dicts", "checkpoints", "model_state_dicts")
EPOCH_LISTS = ("epochs", "checkpoint_epochs", "steps")
SINGLE = ("model_state_dict", "state_dict", "model_state", "model", "net", "network", "weights", "params")
MOST_SHOWN = 4
EPOCH_KEYS = ("epoch", "step", "iteration", "global_step", "iter")


@dataclass
class CheckpointFile:
    """What one file holds.

    train: whatever it says of the pairs trained on.  curves: losses and accuracies that it reports.
    left_out: what lies there that was not read, each with its place and its class.  about: what else the file
    holds in addition to the weights, such as a config.
    """

    path: Path
    states: list[tuple[int | None, dict[str, Tensor]]]
    train: Any = None
    curves: Curves = field(default_factory=Curves)
    left_out: list[str] = field(default_factory=list)
    about: Mapping[Any, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> "CheckpointFile":
        """Open a file. Raises UserError for one that holds no weights, and as ``untrusted.contents``."""
        found = contents(path)
        record, left_out = found.record, found.left_out
        if not isinstance(record, Mapping):
            held = left_out[0] if record is None and left_out else f"a {type(record).__name__}"
            raise UserError(
                f"{path} holds {held}; accepted: a dict of tensors, or one around it{_plainly(left_out)}"
            )
        about = {**metadata_of(path), **{k: v for k, v in record.items() if not isinstance(v, Tensor)}}
        train = next((each[key] for each in (record, about) for key in TRAIN_KEYS if key in each), None)
        states = _states(path, record, left_out)
        if len(states) == 1 and states[0][0] is None:
            states = [(_epoch_of(about), states[0][1])]
        return cls(path, states, train, Curves.of(record), left_out, about)


def _plainly(left_out: list[str]) -> str:
    """What to do where what was not read may have been the weights."""
    if not left_out:
        return ""
    return (
        f"; not read, since only code of their own could: {', '.join(left_out[:MOST_SHOWN])}; if the weights "
        "are in there, save plain tensors instead, torch.save(model.state_dict(), …)"
    )


def _states(
    path: Path, record: Mapping[Any, Any], left_out: list[str]
) -> list[tuple[int | None, dict[str, Tensor]]]:
    for key in LISTS:
        if key in record:
            return _whole_run(path, key, record)
    for key in SINGLE:
        inner = tensors_of(record.get(key))
        if inner is not None:
            return [(_epoch_of(record), inner)]
    bare = tensors_of(record)
    if bare is None:
        raise UserError(
            f"{path} holds no tensors by name; found: {quoted(map(str, record))}; accepted: a state dict, "
            f"bare or under {', '.join(SINGLE[:4])}, or a list under {LISTS[0]} with {EPOCH_LISTS[0]}"
            + _plainly(left_out)
        )
    return [(_epoch_of(record), bare)]


def _whole_run(path: Path, key: str, record: Mapping[Any, Any]) -> list[tuple[int | None, dict[str, Tensor]]]:
    states = record[key]
    epochs = next((record[name] for name in EPOCH_LISTS if name in record), None)
    if isinstance(states, Mapping):
        epochs, states = list(states), list(states.values())
    if isinstance(epochs, Tensor):
        epochs = epochs.flatten()[: len(states) + 1].tolist()
    epochs = list(epochs)[: len(states) + 1] if isinstance(epochs, list | tuple | range) else []
    if not isinstance(states, list | tuple) or not states or len(epochs) != len(states):
        raise UserError(
            f"{path} holds {len(states) if isinstance(states, list | tuple) else 'no list of'} networks "
            f"under {key!r} and {len(epochs)} epochs; accepted: as many of the one as of the other"
        )
    found = []
    for epoch, state in zip(epochs, states, strict=True):
        tensors = tensors_of(state)
        if tensors is None or _whole(epoch) is None:
            raise UserError(
                f"{path}: {key!r} is not a list of state dicts, each with a whole number for its epoch"
            )
        found.append((_whole(epoch), tensors))
    return found


def _epoch_of(record: Mapping[Any, Any]) -> int | None:
    return next((n for key in EPOCH_KEYS if (n := _whole(record.get(key))) is not None), None)


def _whole(value: Any) -> int | None:
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int else None
