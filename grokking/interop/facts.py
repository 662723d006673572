"""What a file says of its network beside the weights: the facts that decide what it answers.

Read are a config that lies in the file (``config``, ``cfg``, ``args`` …), the metadata of a safetensors
file, a JSON file beside it (``config.json``, ``cfg.json``, ``NAME.json``), and the record that this project
writes into its own exports. A fact that networks here cannot have is refused, never passed over.
"""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError
from grokking.interop.splits import TRAIN_ROWS
from grokking.models.activations import TABLE, known_as
from grokking.storage.atomic_io import read_json

OWN = "grokking_config"
"""Where our exports keep the config of the run."""
CHECKPOINT = "grokking"
"""Where the checkpoints of a run directory keep it."""
INSIDE = (
    "config",
    "cfg",
    "args",
    "hparams",
    "hyper_parameters",
    "hyperparameters",
    "model_config",
    "model_args",
    "model_kwargs",
)
BESIDE = ("config.json", "cfg.json", "args.json", "hparams.json")
DEEPEST = 3
MOST_BYTES = 2**20
"""Of a JSON file or text: a config has some kilobytes."""
LN, LN_PRE, NO_NORM = "layer norm", "layer norm without parameters", "none"
NORMS = {"ln": LN, "layernorm": LN, "layer_norm": LN, "lnpre": LN_PRE, "none": NO_NORM, "": NO_NORM}
MASKS = ("causal", "bidirectional", "none", "casual")  # the last as a public config spells it
LEARNED = ("standard", "learned", "absolute", "learnable")
Value = str | int | float | bool | None


@dataclass(frozen=True)
class Facts:
    """values: what is said, by the names of ``READERS``.  where: by the same names, the file and the key.
    own: the config of the run, where one of ours was exported.
    """

    values: dict[str, Any] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    own: RunConfig | None = None


def _activation(value: Value) -> str:
    name = known_as(str(value))
    if name is None:
        raise ValueError(f"{', '.join(TABLE)}; --activation overrides it")
    return name


def _whole(value: Value) -> int:
    if type(value) is not int or value < 1:
        raise ValueError("a whole number of at least 1")
    return value


def _above_zero(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        raise ValueError("a number above 0")
    return float(value)


def _norm(value: Value) -> str:
    kind = {True: "ln", False: "none"}.get(value) if isinstance(value, bool) else str(value or "none").lower()
    if kind not in NORMS:
        raise ValueError("layer norm (LN), layer norm without parameters (LNPre), or none")
    return NORMS[kind]


def _mask(value: Value) -> str:
    kind = {True: "causal", False: "none"}.get(value) if isinstance(value, bool) else str(value).lower()
    if kind not in MASKS:
        raise ValueError("causal, bidirectional, none")
    return "causal" if kind == "casual" else str(kind)


def _positions(value: Value) -> str:
    if str(value).lower() not in LEARNED:
        raise ValueError("learned positions (standard), one vector each, added to the embedding")
    return "learned"


READERS: dict[str, tuple[tuple[str, ...], Callable[[Value], Any]]] = {
    "activation": (
        ("act_fn", "activation", "activation_function", "hidden_act", "nonlinearity"),
        _activation,
    ),
    "n_heads": (("n_heads", "num_heads", "n_head", "num_attention_heads"), _whole),
    "norm": (
        ("normalization_type", "layer_norm", "use_ln", "use_layer_norm", "use_layernorm", "norm_type"),
        _norm,
    ),
    "layer_norm_eps": (("layer_norm_eps", "layer_norm_epsilon", "norm_eps", "ln_eps", "eps"), _above_zero),
    "score_divisor": (("attn_scale",), _above_zero),
    "attention_temperature": (("attention_temperature",), _above_zero),
    "mask": (("attention_dir", "causal", "is_causal"), _mask),
    "positions": (("positional_embedding_type", "position_embedding_type"), _positions),
}
"""By our name: what others call the fact, and how its value is read."""
NOT_HERE: dict[str, tuple[tuple[Value, ...], str]] = {
    "n_layers": ((1,), "one layer"),
    "num_layers": ((1,), "one layer"),
    "n_layer": ((1,), "one layer"),
    "attn_only": ((False, None), "an MLP after the attention"),
    "gated_mlp": ((False, None), "an MLP without a gate"),
    "parallel_attn_mlp": ((False, None), "the MLP after the attention, not beside it"),
    "attn_scores_soft_cap": ((None, 0, -1), "attention scores without a cap"),
    "output_logits_soft_cap": ((None, 0, -1), "logits without a cap"),
    "attn_coeff": ((None, 1), "attention without a constant part"),
    "final_rms": ((False, None), "layer norm, not RMSNorm"),
    "use_normalization_before_and_after": ((False, None), "layer norm before attention and MLP alone"),
    "post_embedding_ln": ((False, None), "no norm of the embedding"),
    "use_qk_norm": ((False, None), "queries and keys without a norm"),
    "use_local_attn": ((False, None), "attention to all tokens"),
    "num_experts": ((None, 0, 1), "one MLP"),
}
"""Keys that decide what a network answers: the values that networks here have, and what those mean."""


def facts_of(records: Iterable[tuple[str, Any]], overruled: Iterable[str] = ()) -> Facts:
    """What several records say together; each comes with the name of its file.

    overruled: facts that a person states, of which the records' values do not matter.  Raises UserError
    where a fact is unknown here, or where two records contradict each other.
    """
    values: dict[str, Any] = {}
    where: dict[str, str] = {}
    own: RunConfig | None = None
    for name, record in records:
        own = own or _own(record, name)
        for fact, key, value in _said(dict(_scalars(record)), name, set(overruled)):
            if values.setdefault(fact, value) != value:
                raise UserError(
                    f"{where[fact]} says {fact} {values[fact]!r}, {name} says {value!r}; which is it? give "
                    "the value by its flag, or take one of the two away"
                )
            where.setdefault(fact, f"{name}, {key}")
    return Facts(values, where, own)


def _said(found: Mapping[str, Value], name: str, overruled: set[str]) -> Iterator[tuple[str, str, Any]]:
    """Fact, key and value of everything in a flat record that decides numbers."""
    for key, (fine, what) in NOT_HERE.items():
        if key in found and found[key] not in fine:
            raise UserError(f"{name} says {key} {found[key]!r}; networks here have {what}")
    of_transformer_lens = "normalization_type" in found
    for fact, (keys, read) in READERS.items():
        key = next((k for k in keys if k in found), "")
        if not key or fact in overruled or (key == "eps" and not of_transformer_lens):
            continue  # elsewhere "eps" may be the optimiser's
        if key == "attn_scale" and (found.get("use_attn_scale") is False or found[key] == -1):
            continue  # as TransformerLens has it: 1, or √d_head
        try:
            yield fact, key, read(found[key])
        except ValueError as error:
            raise UserError(f"{name} says {key} {found[key]!r}; accepted: {error}") from None
    if found.get("use_attn_scale") is False and "score_divisor" not in overruled:
        yield "score_divisor", "use_attn_scale", 1.0


def _scalars(record: Any, depth: int = 0) -> Iterator[tuple[str, Value]]:
    """Numbers, texts and truth values of a record and of the configs in it, by key; the outermost win."""
    if not isinstance(record, Mapping) or depth > DEEPEST:
        return
    for inside in INSIDE:
        yield from _scalars(record.get(inside), depth + 1)
    for key, value in record.items():
        if isinstance(key, str) and (value is None or isinstance(value, str | int | float)):
            yield key, value


def _own(record: Any, name: str) -> RunConfig | None:
    """The config of one of our runs, where the record has it. Raises UserError for one that is none."""
    if not isinstance(record, Mapping) or OWN not in record:
        return None
    try:
        own = RunConfig.from_dict(record[OWN])
    except UserError as error:
        raise UserError(f"{name}: its {OWN} is none of this version: {error}") from error
    if own.model != "transformer":
        raise UserError(f"{name} is of a run with model {own.model!r}; only transformers are imported")
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
        found |= {"epoch": ours.get("epoch"), OWN: ours.get("config")}
        found |= {TRAIN_ROWS: ours[TRAIN_ROWS]} if TRAIN_ROWS in ours else {}
    return found


def _decoded(text: str) -> Any:
    try:
        return json.loads(text) if len(text) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        return text


def beside(source: Path) -> Iterator[tuple[str, Any]]:
    """Name and content of the JSON files beside a file, or in a folder, that may describe the network."""
    folder = source if source.is_dir() else source.parent
    names = [*BESIDE]
    if not source.is_dir():
        stem = source.stem
        names += [f"{stem}.json", f"{stem}_config.json", f"{stem.replace('model', 'config', 1)}.json"]
    for name in dict.fromkeys(names):
        path = folder / name
        if path.is_file() and path.stat().st_size <= MOST_BYTES:
            with contextlib.suppress(DamagedFile):  # a file of that name may be anything
                yield name, _of_a_run(read_json(path))


def _of_a_run(record: Any) -> Any:
    """The ``config.json`` of a run directory as a record that says so; any other as it is."""
    inner = record.get("config") if isinstance(record, Mapping) else None
    if isinstance(inner, Mapping) and {"d_mlp", "attention_temperature", "task"} <= set(inner):
        return {OWN: inner}
    return record
