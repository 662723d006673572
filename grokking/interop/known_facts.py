"""The facts of an import in words: what the user, a file or the answers say of each, and what follows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of
from grokking.interop.choose_facts import ACTIVATION, EPSILON, FLAGS, HEADS, KIND, MASK, PLACES, RATE, SCALE
from grokking.interop.detect_layout import LayoutMatch
from grokking.interop.facts import LN, LN_PRE, NO_NORM, RMS_NORM, Facts, UserHints
from grokking.models.mlp import SIDE_BY_SIDE, SUM
from grokking.models.transformer.shape import BIDIRECTIONAL, CAUSAL, FINAL, LAYER, NORM_PLACES, RMS

FIELDS = {
    HEADS: "n_heads",
    SCALE: "attention_temperature",
    ACTIVATION: "activation",
    EPSILON: "layer_norm_eps",
    RATE: "attention_rate",
    MASK: "attention_dir",
    KIND: "norm_kind",
    PLACES: "norm_places",
}
"""What the user may state, by the name of the fact."""
NORM, POSITIONS, LAYERS, TOKENS = "layer norm", "positions", "layers", "tokens"
BEFORE_ALL = "before attention, MLP and unembedding"
LAST_POSITION = "the answer is read at the last position, which sees every token"


def given_facts(hints: UserHints) -> set[str]:
    """Names of the facts that the user states; what files say of those does not matter."""
    given = {name for name in FIELDS.values() if getattr(hints, name) is not None}
    return given | ({"score_divisor"} if "attention_temperature" in given else set())


def complete_hints(hints: UserHints, facts: Facts) -> UserHints:
    """What the user says, and what the files say where the user says nothing.

    The config of a run of this project counts as a whole, unless the user asks for another task or modulus.
    """
    own, values = facts.own_config, dict(facts.values)
    if own is not None:
        values |= {"activation": own.activation}
        if own.model == "transformer":
            values |= {"attention_temperature": own.attention_temperature}
            values |= {"layer_norm_eps": own.layer_norm_eps} if own.layer_norm else {}
        if _another(hints, own):
            own = None
    if "mask" in values:
        values["attention_dir"] = CAUSAL if values["mask"] == CAUSAL else BIDIRECTIONAL
    if values.get("norm") == RMS_NORM:
        values["norm_kind"] = RMS
    values = {name: value for name, value in values.items() if name in UserHints.__dataclass_fields__}
    values |= {name: getattr(hints, name) for name in values if getattr(hints, name) is not None}
    return replace(hints, **values, own_config=own, task=hints.task or (own.task if own else None))


def _another(hints: UserHints, own: RunConfig) -> bool:
    """Whether the user asks for another question than the run's."""
    asked = (hints.task not in (None, own.task), hints.p not in (None, own.get("p")))
    return hints.operation_tokens is not None or any(asked)


def how_known(hints: UserHints, facts: Facts) -> dict[str, str]:
    """How each fact that the user or a file states is known, by the name of the fact."""
    found = {}
    for fact, name in FIELDS.items():
        names = (name, "score_divisor") if fact == SCALE else (name,)
        files = [facts.where[n] for n in names if n in facts.where]
        if getattr(hints, name) is not None:
            found[fact] = f"as {FLAGS[fact]} says"
        elif files or facts.own_config is not None:
            found[fact] = f"read from {files[0] if files else 'the config of the run in the file'}"
    named = {NORM: "norm", MASK: "mask", POSITIONS: "positions", LAYERS: "n_layers"}
    return found | {fact: f"read from {facts.where[n]}" for fact, n in named.items() if n in facts.where}


def check_norm(match: LayoutMatch, hints: UserHints, how: Mapping[str, str]) -> None:
    """Raises UserError where a file says of layer norm what its tensors contradict.

    how: as ``how_known`` gives it.
    """
    scales = bool(match.norms)
    if hints.n_layers not in (None, match.n_layers):
        raise UserError(
            f"{hints.n_layers} layers are {how.get(LAYERS, 'given')}, but the tensors are those of "
            f"{match.n_layers}; correct the one or the other"
        )
    if hints.norm is not None and scales != (hints.norm in (LN, RMS_NORM)):
        have = "have scales and shifts of one" if scales else "have no scales and shifts of one"
        raise UserError(
            f"{hints.norm} is {how.get(NORM, 'given')}, but the tensors {have}; correct the one or the other"
        )
    if not scales and hints.norm != LN_PRE and how.get(EPSILON, "").startswith("as"):
        raise UserError(f"{FLAGS[EPSILON]} is given, but this network has no layer norm; leave it out")


def describe_facts(
    match: LayoutMatch, config: RunConfig, facts: Facts, how: Mapping[str, str]
) -> dict[str, tuple[Any, str]]:
    """Every fact that decides numbers: its value, and how it is known.

    how: as ``how_known`` gives it, and what ``choose_facts`` says of the others.
    """
    if not match.axes or config.model != "transformer":
        return _facts_of_others(match, config, how)
    temperature = config.attention_temperature
    factor = "1/√d_head" + (f" / {temperature:g}" if temperature != 1 else "")
    mask = facts.values.get("mask", "unknown" if facts.own_config is None else "causal")
    unread = "not in the file" if facts.own_config is None else "as all networks of this project have it"
    found: dict[str, tuple[Any, str]] = {
        ACTIVATION: (config.activation, how[ACTIVATION]),
        HEADS: (config.n_heads, how.get(HEADS, "from the shapes")),
        SCALE: (f"{factor} = {shape_of(config).score_scale:.4g}", how[SCALE]),
        MASK: (mask, f"{how.get(MASK, unread)}; it makes no difference, since {LAST_POSITION}"),
        POSITIONS: ("learned", how.get(POSITIONS, "W_pos is in the file")),
        NORM: (NO_NORM, how.get(NORM, "no scales and shifts in the file")),
    }
    if config.n_layers > 1:
        found[MASK] = (config.attention_dir, _about_mask(config, facts, how.get(MASK, unread)))
    if config.layer_norm:
        kind = "" if match.norms else f", {LN_PRE.removeprefix('layer norm ')}"
        found[NORM] = (places_in_words(config) + kind, how.get(NORM, "its scales and shifts are in the file"))
        found[EPSILON] = (config.layer_norm_eps, how[EPSILON])
    return found | _switches(match, config, how)


def places_in_words(config: RunConfig) -> str:
    """Where the norms of a transformer are."""
    if config.norm_places == NORM_PLACES[0]:
        return BEFORE_ALL
    inner, _, end = config.norm_places.partition(",")
    if inner == FINAL:
        return "before the unembedding alone"
    return f"{inner} attention and MLP" + (", and before the unembedding" if end else "")


def _about_mask(config: RunConfig, facts: Facts, how: str) -> str:
    """How the mask of a deep network is known, where a file may say another than the answers do."""
    if "mask" not in facts.values:
        return how
    same = (facts.values["mask"] == CAUSAL) == (config.attention_dir == CAUSAL)
    where = f"{facts.where['mask']} says {facts.values['mask']}"
    return f"{where}; {how if not same else 'the answers confirm it'}".replace(
        "not in the file; chosen", "the answers contradict it; chosen"
    )


def _switches(match: LayoutMatch, config: RunConfig, how: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """What tells a transformer from the plain one, where it differs or had to be decided."""
    from_shapes = "from the shapes"
    found: dict[str, tuple[Any, str]] = {}
    if match.n_layers > 1:
        found[LAYERS] = (match.n_layers, "from the names of the tensors")
    if config.two_tokens:
        found[TOKENS] = ("[a, b], no token for the operation", "W_pos has two rows")
    if RATE in how or config.attention_rate != 1:
        found[RATE] = (config.attention_rate, how.get(RATE, from_shapes))
    if config.layer_norm and (KIND in how or config.norm_kind != LAYER):
        found[KIND] = (config.norm_kind, how.get(KIND, how.get(NORM, from_shapes)))
    if config.layer_norm and PLACES in how and config.norm_places != NORM_PLACES[0]:
        found[PLACES] = (config.norm_places, how[PLACES])
    return found


def _facts_of_others(
    match: LayoutMatch, config: RunConfig, how: Mapping[str, str]
) -> dict[str, tuple[Any, str]]:
    """The facts of an MLP, and of a run of this project that its own config describes."""
    if not match.axes:
        why = "read from the config of the run in the file"
        return {name: (value, why) for name, value in config.model_options.as_dict().items()}
    side = {SIDE_BY_SIDE: "side by side", SUM: "added"}[config.combine]
    kind = "one for both operands" if config.shared_embedding else "one for each operand"
    shapes = "from the shapes"
    return {
        ACTIVATION: (config.activation, how[ACTIVATION]),
        "embeddings": (f"{kind}, taken {side}", shapes),
        "linear layers": (config.n_layers, shapes),
    }
