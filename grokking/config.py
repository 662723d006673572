"""One dataclass is the defaults, the help texts, the validation and the saved record of a run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from grokking.activations import TABLE
from grokking.config_fields import coerce, option, require
from grokking.errors import UserError

ACTIVATIONS = tuple(TABLE)
RECIPES = ("standard", "nanda")
KEEP = ("film", "few")
SHARED, SEPARATE = OPERAND_TOKENS = ("shared", "separate")
MODULAR, KINEMATICS = "modular", "kinematics"
ENCODINGS = ("categorical", "continuous")
ENDS = ("FIRST", "LAST")
EXTRA_BIASES = ("b_Q", "b_K", "b_V", "b_O", "b_U")
"""Biases that a model may have beside those of its MLP, in the order in which they are stored."""
SPLITS = ("drawn", "kept", "unknown")
"""How a run knows its train pairs: from recipe and seed, from a file of its own, or not at all."""
HOW_IT_WAS_TRAINED = (
    "lr",
    "weight_decay",
    "betas",
    "warmup",
    "n_epochs",
    "log_every",
    "checkpoint_every",
    "seed",
    "recipe",
    "init_digest",
)
"""What weights from elsewhere do not say."""
IN_WORDS = {
    "train_frac": "train fraction",
    "weight_decay": "weight decay",
    "lr": "learning rate",
    "seed": "seed",
}
LAYER_NORM_EPS = 1e-5
"""PyTorch's default."""
MAX_P = 9973
MAX_VALUES = 500


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides the numbers of a run; where it is kept and on what it runs does not.

    Raises UserError, naming the field, for a value no run can have.
    """

    p: int = option(113, "modulus, an odd prime", family=MODULAR)
    task: str = option(
        "add",
        "operation(s), joined by commas: add, sub, mul, div, x2+y2, x3+xy; "
        "or kinematics: the height of a projectile",
    )
    train_frac: float = option(0.3, "share of the pairs trained on, between 0 and 1")
    d_model: int = option(128, "width of the residual stream")
    n_heads: int = option(4, "attention heads; d_model must be a multiple")
    d_mlp: int = option(512, "MLP neurons")
    head_width: int = option(0, "width of an attention head; 0: d_model / n_heads")
    biases: str = option("", f"biases beside the MLP's, joined by commas: {', '.join(EXTRA_BIASES)}")
    activation: str = option("relu", "MLP non-linearity", ACTIVATIONS)
    layer_norm: bool = option(False, "layer norm before attention, MLP and unembedding")
    layer_norm_eps: float = option(LAYER_NORM_EPS, "what layer norm adds to the variance", later=True)
    attention_temperature: float = option(1.0, "softmax temperature of the attention")
    equals_class: bool = option(False, 'an extra "=" answer class in the loss, never correct', family=MODULAR)
    operand_tokens: str = option(
        SHARED,
        "of several operations: the same numbers for all, or numbers of their own for each",
        OPERAND_TOKENS,
        family=MODULAR,
    )
    lr: float = option(1e-3, "AdamW learning rate")
    weight_decay: float = option(1.0, "AdamW decoupled weight decay")
    betas: tuple[float, float] = option((0.9, 0.98), "AdamW betas", metavar=("BETA1", "BETA2"))
    warmup: int = option(0, "epochs of linear warm-up: rate lr · min(updates so far / warmup, 1)")
    n_epochs: int = option(30_000, "full-batch updates; more than a finished run has extends it")
    log_every: int = option(100, "epochs between rows of history.json")
    checkpoint_every: int = option(1000, "weights are kept at least this often")
    keep: str = option("film", "film keeps weights oftener still, where things change; few does not", KEEP)
    seed: int = option(0, "seed of weights and split")
    recipe: str = option("standard", "how weights and split are drawn from the seed", RECIPES)
    init_digest: str = option("", "sha256 of the weights started from; set by --init_from")
    imported: bool = option(False, "whether the weights were trained elsewhere")
    split: str = option("drawn", "how the train pairs are known", SPLITS)
    extra_tokens: int = option(
        0, "rows of W_E beyond the numbers and the operations; set by an import", family=MODULAR
    )
    extra_classes: int = option(
        0, "answer classes beyond p and equals_class; set by an import", family=MODULAR
    )
    encoding: str = option(
        "categorical", "a token per value, or scalars through a learned map", ENCODINGS, family=KINEMATICS
    )
    angle_range: tuple[float, float] = option(
        (10.0, 80.0), "lowest and highest launch angle, degrees", family=KINEMATICS, metavar=ENDS
    )
    n_angles: int = option(36, "launch angles, evenly spaced", family=KINEMATICS)
    heldout_angles: int = option(5, "angles between the others that are never trained", family=KINEMATICS)
    speed_range: tuple[float, float] = option(
        (15.0, 40.0), "lowest and highest launch speed, m/s", family=KINEMATICS, metavar=ENDS
    )
    n_speeds: int = option(26, "launch speeds, evenly spaced", family=KINEMATICS)
    heldout_speeds: int = option(5, "fastest speeds, which are never trained", family=KINEMATICS)
    distance_range: tuple[float, float] = option(
        (1.0, 30.0), "nearest and farthest distance, m", family=KINEMATICS, metavar=ENDS
    )
    n_distances: int = option(30, "distances, evenly spaced", family=KINEMATICS)
    ceiling: float = option(32.0, "heights from 0 up to this, m, are asked for", family=KINEMATICS)
    n_bins: int = option(64, "answer classes: equal bins of height from 0 to the ceiling", family=KINEMATICS)

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, coerce(f, getattr(self, f.name)))
        _check_family(self)
        _check_task(self)
        _check_model(self)
        _check_optimiser(self)
        _check_schedule(self)

    @property
    def family(self) -> str:
        """The kind of task: ``MODULAR`` or ``KINEMATICS``."""
        return KINEMATICS if self.task == KINEMATICS else MODULAR

    @property
    def d_head(self) -> int:
        """Width of one attention head."""
        return self.head_width or self.d_model // self.n_heads

    def known(self, name: str) -> bool:
        """Whether a field says something: of imported weights nobody knows how they were trained."""
        if name == "train_frac":
            return self.split != "unknown"
        return not (self.imported and name in HOW_IT_WAS_TRAINED)

    def in_words(self, *names: str) -> list[str]:
        """``["train fraction 0.3", "weight decay 1"]``: what a figure says of how the run was trained.

        Of imported weights: that the split is unknown, where it is, and that they were trained elsewhere.
        """
        known = {}
        for name in filter(self.known, names):
            value = getattr(self, name)
            known[name] = f"{IN_WORDS[name]} {value if isinstance(value, int) else format(value, '.4g')}"
        if "train_frac" in names:
            known.setdefault("train_frac", "split unknown")
            known |= {"elsewhere": "trained elsewhere"} if self.imported else {}
        return [known[name] for name in (*names, "elsewhere") if name in known]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready record of what is known of the fields this kind of task has; see ``from_dict``."""
        other = foreign_fields(self.family)
        other |= {f.name for f in fields(self) if f.metadata["later"] and getattr(self, f.name) == f.default}
        values = {n: value for n, value in asdict(self).items() if n not in other and self.known(n)}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    def identity(self) -> dict[str, Any]:
        """The record without ``n_epochs``: two runs that share it differ at most in length."""
        record = self.as_dict()
        record.pop("n_epochs", None)
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "RunConfig":
        """Inverse of ``as_dict``; absent fields take their defaults, unknown ones are refused."""
        if not isinstance(record, Mapping):
            raise UserError(f"a config is a JSON object, not {type(record).__name__}")
        unknown = sorted(set(map(str, record)) - field_names())
        if unknown:
            raise UserError(f"unknown config field {unknown[0]!r}; known: {', '.join(sorted(field_names()))}")
        return cls(**record)


def field_names() -> set[str]:
    """Names of all config fields."""
    return {f.name for f in fields(RunConfig)}


def differing_keys(a: RunConfig, b: RunConfig) -> list[str]:
    """Fields, other than ``n_epochs``, in which two configs disagree."""
    left, right = a.identity(), b.identity()
    return [key for key in {**left, **right} if left.get(key) != right.get(key)]


def foreign_fields(family: str) -> set[str]:
    """Names of the fields that only another kind of task has."""
    return {f.name for f in fields(RunConfig) if f.metadata["family"] not in ("", family)}


def is_odd_prime(n: int) -> bool:
    """True for 3, 5, 7, 11, …"""
    return n > 2 and n % 2 == 1 and all(n % d for d in range(3, int(n**0.5) + 1, 2))


def _check_family(c: RunConfig) -> None:
    """A value that would be ignored is refused."""
    foreign = foreign_fields(c.family)
    for f in fields(c):
        if f.name in foreign and getattr(c, f.name) != f.default:
            raise UserError(
                f"{f.name} is {getattr(c, f.name)!r}, but with task {c.task!r} it means nothing: "
                f"it belongs to {f.metadata['family']} tasks; leave it out"
            )
    if c.family == KINEMATICS:
        require(c.recipe == "standard", "recipe", c.recipe, "standard, with task kinematics")
        _check_launches(c)


def _check_task(c: RunConfig) -> None:
    require(c.p <= MAX_P and is_odd_prime(c.p), "p", c.p, f"an odd prime, 3 to {MAX_P}")
    require(0 < c.train_frac < 1, "train_frac", c.train_frac, "between 0 and 1, both excluded")


def _check_launches(c: RunConfig) -> None:
    angles = c.angle_range
    require(
        0 < angles[0] < angles[1] < 90,
        "angle_range",
        angles,
        "degrees, 0 < FIRST < LAST < 90: at 90 the projectile goes straight up and tan has no value",
    )
    for name, unit in (("speed_range", "m/s: a speed of 0 launches nothing"), ("distance_range", "m")):
        ends = getattr(c, name)
        require(0 < ends[0] < ends[1], name, ends, f"0 < FIRST < LAST, in {unit}")
    for name in ("n_angles", "n_speeds", "n_distances"):
        require(2 <= getattr(c, name) <= MAX_VALUES, name, getattr(c, name), f"2 to {MAX_VALUES}")
    for name, most in (("heldout_angles", c.n_angles - 2), ("heldout_speeds", c.n_speeds - 2)):
        require(0 <= getattr(c, name) <= most, name, getattr(c, name), f"0 to {most}: two must be left")
    require(c.ceiling > 0, "ceiling", c.ceiling, "above 0 m")
    require(2 <= c.n_bins <= MAX_P, "n_bins", c.n_bins, f"2 to {MAX_P}")


def _check_model(c: RunConfig) -> None:
    for name in ("d_model", "n_heads", "d_mlp"):
        require(getattr(c, name) >= 1, name, getattr(c, name), "an integer of at least 1")
    for name in ("head_width", "extra_tokens", "extra_classes"):
        require(getattr(c, name) >= 0, name, getattr(c, name), "an integer of at least 0")
    require(
        bool(c.head_width) or c.d_model % c.n_heads == 0,
        "d_model",
        c.d_model,
        f"a multiple of n_heads = {c.n_heads}, or any with head_width",
    )
    extra = c.biases.split(",") if c.biases else []
    require(
        extra == [b for b in EXTRA_BIASES if b in extra],
        "biases",
        c.biases,
        f"some of {','.join(EXTRA_BIASES)}, in this order",
    )
    require(c.attention_temperature > 0, "attention_temperature", c.attention_temperature, "above 0")
    require(0 < c.layer_norm_eps < 1, "layer_norm_eps", c.layer_norm_eps, "between 0 and 1, both excluded")
    require(
        c.layer_norm or c.layer_norm_eps == LAYER_NORM_EPS,
        "layer_norm_eps",
        c.layer_norm_eps,
        "only with layer_norm; leave it out",
    )


def _check_optimiser(c: RunConfig) -> None:
    require(c.lr >= 0, "lr", c.lr, "0 or above")
    require(c.weight_decay >= 0, "weight_decay", c.weight_decay, "0 or above")
    require(all(0 <= b < 1 for b in c.betas), "betas", c.betas, "two numbers, 0 <= beta < 1")
    require(c.warmup >= 0, "warmup", c.warmup, "0 or above")


def _check_schedule(c: RunConfig) -> None:
    for name in ("n_epochs", "log_every", "checkpoint_every"):
        require(getattr(c, name) >= 1, name, getattr(c, name), "an integer of at least 1")
    # PyTorch's generator on the CPU reads 32 bits, of which the split takes one.
    require(0 <= c.seed < 2**31, "seed", c.seed, "0 to 2^31 - 1")


PRESETS: dict[str, dict[str, Any]] = {
    # Nanda et al. 2023 (arXiv 2301.05217), section 3 and its public notebook.
    "nanda": {
        "p": 113,
        "train_frac": 0.3,
        "warmup": 10,
        "equals_class": True,
        "recipe": "nanda",
        "n_epochs": 15_000,
    },
    # The second source's task 1.
    "timeless": {"p": 131, "train_frac": 0.3, "n_epochs": 40_000},
    # The smallest of the recipes tried that memorises by epoch 200 and then waits before it groks.
    "quick": {
        "p": 59,
        "train_frac": 0.4,
        "d_model": 64,
        "d_mlp": 256,
        "lr": 2e-3,
        "seed": 1,
        "n_epochs": 3000,
        "log_every": 20,
        "checkpoint_every": 100,
    },
    # Heights of projectiles: 4,125 combinations trained.
    "kinematics": {
        "task": KINEMATICS,
        "train_frac": 0.25,
        "d_model": 64,
        "d_mlp": 256,
        "n_epochs": 1000,
        "log_every": 20,
        "checkpoint_every": 100,
    },
}


def preset(name: str, **overrides: Any) -> RunConfig:
    """The named preset with some fields changed; raises UserError for an unknown name."""
    if name not in PRESETS:
        raise UserError(f"unknown preset {name!r}; known: {', '.join(PRESETS)}")
    return replace(RunConfig(**PRESETS[name]), **overrides)
