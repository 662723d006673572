"""What a file, or its user, says of a network beside its weights: facts that decide what it answers.

The facts come from a config in the file (``config``, ``cfg``, ``args`` …), the metadata of a safetensors
file, a JSON file in the same folder (``config.json``, ``cfg.json``, ``NAME.json``), and the record that this
project writes into its own exports. A fact that networks here cannot have is refused, never passed over.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of
from grokking.interop.config_files import own_config_in
from grokking.models.activations import TABLE, known_as
from grokking.models.transformer import MOST_LAYERS
from grokking.tasks.modular import MAX_P, OPERATIONS


@dataclass(frozen=True)
class UserHints:
    """Facts that the user or a file gives, since the weights do not contain them; None for those not given.

    n_heads: where shapes do not say it.  p: else what the number of tokens and classes implies.
    score_divisor: what attention scores are divided by, unless ``attention_temperature`` says it; else
    √d_head.  norm: the kind of layer norm, as in ``facts.NORMS``.  own_config: that of a run of this project.
    stated_p, stated_task: the modulus and the operation that a file says, used where they fit.
    group_table: with the task "table", as a config has it.  n_layers: as a file says.  The others: as the
    options of the transformer are called.
    """

    task: str | None = None
    p: int | None = None
    n_heads: int | None = None
    activation: str | None = None
    attention_temperature: float | None = None
    operation_tokens: tuple[int, ...] | None = None
    layer_norm_eps: float | None = None
    score_divisor: float | None = None
    norm: str | None = None
    stated_p: int | None = None
    stated_task: str | None = None
    group_table: str | None = None
    n_layers: int | None = None
    attention_rate: float | None = None
    attention_dir: str | None = None
    norm_kind: str | None = None
    norm_places: str | None = None
    separate_vocabularies: bool | None = None
    own_config: RunConfig | None = None

    @property
    def operations(self) -> str:
        """The task, addition where it is not stated."""
        return self.task or "add"

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes that need no looking at the tensors, by letter."""
        own = None if self.own_config is None else shape_of(self.own_config)
        known = {"h": self.n_heads, "x": None if own is None else own.n_ctx}
        return {letter: size for letter, size in known.items() if size is not None}


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
DEEPEST = 3
LN, LN_PRE, RMS_NORM, NO_NORM = "layer norm", "layer norm without parameters", "RMSNorm", "none"
NORMS = {"ln": LN, "layernorm": LN, "layer_norm": LN, "lnpre": LN_PRE, "none": NO_NORM, "": NO_NORM} | {
    name: RMS_NORM for name in ("rms", "rmsnorm", "rms_norm")
}
MASKS = ("causal", "bidirectional", "none", "casual")  # the last as a public config spells it
LEARNED = ("standard", "learned", "absolute", "learnable")
Value = str | int | float | bool | None


@dataclass(frozen=True)
class Facts:
    """values: what files say, by the names of ``READERS``.  where: by the same names, the file and the key.
    own_config: that of the run, where one of ours was exported.
    """

    values: dict[str, Any] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    own_config: RunConfig | None = None


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


def _layers(value: Value) -> int:
    if type(value) is not int or not 1 <= value <= MOST_LAYERS:
        raise ValueError(f"1 to {MOST_LAYERS} layers")
    return value


def _share(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("a number from 0 to 1")
    return float(value)


def _modulus(value: Value) -> int:
    if type(value) is not int or not 3 <= value <= MAX_P:
        raise ValueError(f"a whole number from 3 to {MAX_P}")
    return value


def _operation(value: Value) -> str:
    """``add``, ``addition``, ``x+y`` or ``lambda x: (x[0]+x[1])%59`` to the name here."""
    text = str(value).lower().replace(" ", "")
    sign = FORMULA.search(text)
    names = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
    name = names[sign[1]] if sign else SPELT.get(text, text)
    if name not in OPERATIONS:
        raise ValueError(f"one of {', '.join(OPERATIONS)}")
    return name


def _yes_or_no(value: Value) -> bool:
    if value not in (0, 1):
        raise ValueError("true or false")
    return bool(value)


def _norm(value: Value) -> str:
    kind = {True: "ln", False: "none"}.get(value) if isinstance(value, bool) else str(value or "none").lower()
    if kind not in NORMS:
        raise ValueError("layer norm (LN), layer norm without parameters (LNPre), RMSNorm (RMS), or none")
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
    "n_layers": (("n_layers", "num_layers", "n_layer"), _layers),
    "attention_rate": (("attn_coeff", "attention_rate"), _share),
    "stated_p": (("p", "modulus", "prime", "mod", "P", "C"), _modulus),
    "stated_task": (("task", "operation", "operator", "fn_name", "funcs"), _operation),
    "separate_vocabularies": (("diff_vocab", "separate_vocabularies"), _yes_or_no),
    "mask": (("attention_dir", "causal", "is_causal"), _mask),
    "positions": (("positional_embedding_type", "position_embedding_type"), _positions),
}
"""By our name: what others call the fact, and how its value is read."""
IF_UNDERSTOOD = ("stated_p", "stated_task")
"""Facts that the weights show, too: what is not understood is passed over."""
FORMULA = re.compile(r"(?:x\[0\]|\bx|\ba)([-+*/])(?:x\[1\]|y\b|b\b)")
SPELT = {"addition": "add", "plus": "add", "modadd": "add", "modular_addition": "add"} | {
    "subtraction": "sub",
    "minus": "sub",
    "multiplication": "mul",
    "times": "mul",
    "division": "div",
}
NOT_HERE: dict[str, tuple[tuple[Value, ...], str]] = {
    "attn_only": ((False, None), "an MLP after the attention"),
    "gated_mlp": ((False, None), "an MLP without a gate"),
    "parallel_attn_mlp": ((False, None), "the MLP after the attention, not parallel to it"),
    "attn_scores_soft_cap": ((None, 0, -1), "attention scores without a cap"),
    "output_logits_soft_cap": ((None, 0, -1), "logits without a cap"),
    "final_rms": ((False, None), "one kind of norm for all"),
    "use_normalization_before_and_after": ((False, None), "layer norm before attention and MLP alone"),
    "post_embedding_ln": ((False, None), "no norm of the embedding"),
    "use_qk_norm": ((False, None), "queries and keys without a norm"),
    "use_local_attn": ((False, None), "attention to all tokens"),
    "num_experts": ((None, 0, 1), "one MLP"),
}
"""Keys that decide what a network answers: the values that networks here have, and what those mean."""


def facts_of(records: Iterable[tuple[str, Any]], given_facts: Iterable[str] = ()) -> Facts:
    """What several records say together; each comes with the name of its file.

    given_facts: facts that the user states, of which the records' values do not matter.  Raises UserError
    where a fact is unknown here, or where two records contradict each other.
    """
    values: dict[str, Any] = {}
    where: dict[str, str] = {}
    own: RunConfig | None = None
    for name, record in records:
        own = own or own_config_in(record, name)
        for fact, key, value in _stated(dict(_scalars(record)), name, set(given_facts)):
            if values.setdefault(fact, value) != value:
                raise UserError(
                    f"{where[fact]} says {fact} {values[fact]!r}, {name} says {value!r}; which is it? give "
                    "the value by its flag, or take one of the two away"
                )
            where.setdefault(fact, f"{name}, {key}")
    return Facts(values, where, own)


def _stated(found: Mapping[str, Value], name: str, given_facts: set[str]) -> Iterator[tuple[str, str, Any]]:
    """Fact, key and value of everything in a flat record that decides numbers."""
    for key, (fine, what) in NOT_HERE.items():
        if key in found and found[key] not in fine:
            raise UserError(f"{name} says {key} {found[key]!r}; networks here have {what}")
    of_transformer_lens = "normalization_type" in found
    for fact, (keys, read) in READERS.items():
        key = next((k for k in keys if k in found), "")
        if not key or fact in given_facts or (key == "eps" and not of_transformer_lens):
            continue  # elsewhere "eps" may be the optimiser's
        if key == "attn_scale" and (found.get("use_attn_scale") is False or found[key] == -1):
            continue  # as TransformerLens has it: 1, or √d_head
        try:
            yield fact, key, read(found[key])
        except ValueError as error:
            if fact in IF_UNDERSTOOD:
                continue
            raise UserError(f"{name} says {key} {found[key]!r}; accepted: {error}") from None
    if found.get("use_attn_scale") is False and "score_divisor" not in given_facts:
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
