"""The config of an imported run: from the sizes of the weights, from hints, or from the run's own config."""

from collections.abc import Mapping
from typing import Any

from grokking.config import HOW_IT_WAS_TRAINED, TRAINING_SLOTS, RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of, task_of
from grokking.interop.axes import SIZES
from grokking.interop.detect_layout import LayoutMatch
from grokking.interop.facts import LN_PRE, UserHints
from grokking.interop.weights import WeightInterpretation, sizes
from grokking.models.mlp import MLP_BIASES, SIDE_BY_SIDE, SUM
from grokking.models.transformer import LAYER_NORM_EPS
from grokking.models.transformer.shape import AFTER, BEFORE, FINAL, LAYER
from grokking.tasks import family_of
from grokking.tasks.base import N_CTX
from grokking.tasks.modular import is_odd_prime, parse_operations

MOST_FURTHER = 2
"""Tokens beyond numbers and operations, such as "=", that may be there without the user saying so."""


def network_config(
    match: LayoutMatch, hints: UserHints, interpretation: WeightInterpretation, biases: tuple[str, ...]
) -> RunConfig:
    """The config of an imported run; its split is unknown as yet.

    Raises UserError where no modulus fits the number of tokens and classes.
    """
    if hints.own_config is not None:
        return _config_of_ours(match, hints, hints.own_config, biases)
    dims = sizes(match, interpretation.heads)
    task = _task(match, hints, dims, interpretation)
    if match.layout.model == "mlp":
        return RunConfig(**task, **_mlp(match, hints, dims), imported=True, split="unknown")
    even = dims["e"] * dims["h"] == dims["d"]
    return RunConfig(
        **task,
        d_model=dims["d"],
        n_heads=dims["h"],
        d_mlp=dims["m"],
        head_width=0 if even else dims["e"],
        biases=",".join(biases),
        activation=hints.activation or "relu",
        **_norm(match, hints),
        **_switches(match, hints),
        attention_temperature=temperature(hints, dims["e"]),
        imported=True,
        split="unknown",
    )


def _task(
    match: LayoutMatch, hints: UserHints, dims: Mapping[str, int], interpretation: WeightInterpretation
) -> dict[str, Any]:
    """The fields of the task: as many numbers as there are, then operations, then what no question has."""
    composing = hints.task is not None and family_of(hints.task).name == "group"
    n_ops = 1 if composing else len(parse_operations(hints.operations))
    read = 0 if match.layout.model == "mlp" or dims["x"] == N_CTX - 1 else n_ops
    sets = 2 if hints.separate_vocabularies else 1
    numbers = (dims["v"] - read) // sets
    task: dict[str, Any]
    if composing:
        task = {"task": hints.task, "group_table": hints.group_table or ""}
        p = task_of(RunConfig(**task)).p
    else:
        p = hints.p or infer_p(numbers + n_ops, dims["c"], n_ops)
        task = {"task": hints.operations, "p": p}
    if p > numbers or p > dims["c"]:
        raise UserError(
            f"p = {p} and {n_ops} operation{'s' * (n_ops > 1)} need {p * sets + read} tokens and {p} "
            f"classes; the weights have {dims['v']} and {dims['c']}"
        )
    _check_operation_tokens(interpretation.operation_tokens, n_ops, dims["v"])
    task["extra_tokens"] = dims["v"] - p * sets - read
    if composing:
        return task | {"extra_classes": dims["c"] - p}
    return task | {"equals_class": dims["c"] > p, "extra_classes": max(dims["c"] - p - 1, 0)}


def _check_operation_tokens(tokens: tuple[int, ...] | None, n_ops: int, d_vocab: int) -> None:
    if tokens is not None and (len(set(tokens)) != n_ops or not all(0 <= t < d_vocab for t in tokens)):
        raise UserError(
            f"operation_tokens are {' '.join(map(str, tokens))}; accepted: {n_ops} different ones of "
            f"0 to {d_vocab - 1}"
        )


def _mlp(match: LayoutMatch, hints: UserHints, dims: Mapping[str, int]) -> dict[str, Any]:
    """The fields of an MLP."""
    linear = "W_in" in match.keys
    return {
        "model": "mlp",
        "d_model": dims["d"],
        "d_mlp": dims["m"],
        "n_layers": int(linear) + dims.get("l", 0),
        "combine": SIDE_BY_SIDE if dims.get("k") == 2 else SUM,
        "shared_embedding": "W_E" in match.keys,
        "biases": ",".join(name for name in MLP_BIASES if name in match.keys),
        "activation": hints.activation or "relu",
    }


def _switches(match: LayoutMatch, hints: UserHints) -> dict[str, Any]:
    """Fields of a transformer that are not at their default."""
    given = {
        "n_layers": match.n_layers,
        "two_tokens": match.dims["x"] == N_CTX - 1,
        "attention_rate": hints.attention_rate,
        "attention_dir": hints.attention_dir,
        "separate_vocabularies": hints.separate_vocabularies,
        "tied_embedding": match.tied or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _norm(match: LayoutMatch, hints: UserHints) -> dict[str, Any]:
    if not match.norms and hints.norm != LN_PRE:
        return {"layer_norm": False}
    found: dict[str, Any] = {"layer_norm": True, "layer_norm_eps": hints.layer_norm_eps or LAYER_NORM_EPS}
    places = hints.norm_places or next(iter(possible_places(match)))
    return found | {"norm_kind": hints.norm_kind or LAYER, "norm_places": places}


def possible_places(match: LayoutMatch) -> tuple[str, ...]:
    """Where the norms of a network may be, the usual place first."""
    if match.norms == ("ln_final",):
        return (FINAL,)
    end = f",{FINAL}" * (match.norms != ("ln1", "ln2"))
    return (BEFORE + end, AFTER + end)


def temperature(hints: UserHints, d_head: int) -> float:
    """The attention's temperature: scores are divided by it and by √d_head."""
    if hints.attention_temperature is not None:
        return hints.attention_temperature
    # Twelve digits: √d_head of another program may differ from ours in the last.
    return 1.0 if hints.score_divisor is None else float(f"{hints.score_divisor / d_head**0.5:.12g}")


def _config_of_ours(
    match: LayoutMatch, hints: UserHints, own: RunConfig, biases: tuple[str, ...]
) -> RunConfig:
    """The config of a run of this project, less how it was trained, with what the user says instead.

    Raises UserError for weights of other sizes than it says.
    """
    how = {*HOW_IT_WAS_TRAINED, *(name for slot in TRAINING_SLOTS for name in getattr(own, slot).as_dict())}
    left_out = {*how, "train_frac", "checkpoint_density", "imported", "split"}
    kept = {name: value for name, value in own.as_dict().items() if name not in left_out}
    given = {
        "activation": hints.activation,
        "attention_temperature": hints.attention_temperature,
        "layer_norm_eps": hints.layer_norm_eps if own.get("layer_norm") else None,
    }
    kept |= {name: value for name, value in given.items() if value is not None}
    config = RunConfig.from_dict({**kept, "imported": True, "split": "unknown"})
    if match.layout.model != config.model:
        raise UserError(
            f"the config in the file is of a {config.model}: it is of another run than the weights"
        )
    if match.dims:
        _require_same_sizes(match, config)
    if config.model != "transformer":
        return config
    unknown = [name for name in biases if name not in config.biases.split(",")]
    if unknown or config.layer_norm != bool(match.norms):
        what = f"no {unknown[0]}, its weights do" if unknown else "another layer norm than its weights"
        raise UserError(f"the config in the file has {what}: they are of different runs")
    return config


def _require_same_sizes(match: LayoutMatch, config: RunConfig) -> None:
    """Raises UserError where the weights have other sizes than the config in the same file."""
    shape = shape_of(config)
    if config.model == "mlp":
        expected = {"v": shape.n_numbers + shape.n_extra, "d": shape.d_model, "c": shape.n_classes}
    else:
        expected = _sizes_of_transformer(shape)
    for letter, size in expected.items():
        if match.dims[letter] != size:
            raise UserError(
                f"the config in the file says {SIZES[letter]} {size}, its weights have "
                f"{match.dims[letter]}: they are of different runs"
            )


def _sizes_of_transformer(shape: Any) -> dict[str, int]:
    return {
        "v": shape.parameter_shapes()["W_E"][0],
        "x": shape.n_ctx,
        "d": shape.d_model,
        "h": shape.n_heads,
        "e": shape.d_head,
        "m": shape.d_mlp,
        "c": shape.n_classes,
    }


def infer_p(d_vocab: int, n_classes: int, n_ops: int) -> int:
    """The odd prime that fits as a modulus: a number token per class, then operations, perhaps a few more.

    >>> infer_p(114, 113, 1), infer_p(114, 114, 1), infer_p(115, 115, 1), infer_p(133, 131, 1)
    (113, 113, 113, 131)

    Raises UserError where none fits: other moduli are too many to guess.
    """
    most = min(d_vocab - n_ops, n_classes)
    for p in (d_vocab - n_ops, n_classes, *range(most, max(2, d_vocab - n_ops - MOST_FURTHER - 1), -1)):
        if p <= most and is_odd_prime(p):
            return p
    raise UserError(
        f"no odd prime fits {d_vocab} tokens and {n_classes} classes with {n_ops} operation "
        f"token{'s' * (n_ops > 1)}, and no other modulus is guessed; if the network calculates modulo "
        f"another number, give --p NUMBER of at most {most}"
    )
