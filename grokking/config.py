"""A config is the defaults, the help texts, the validation and the saved record of a run.

The fields that every run has stand here. A task family, a model and an optimiser each bring options of their
own (``grokking.config_fields.Options``); a config has those of the three it names, reads them as its own
attributes (``config.p``, ``config.d_model``, ``config.lr``) and writes one flat record.
"""

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from grokking.config_fields import Options, coerce, option, require
from grokking.errors import UserError
from grokking.gradient_filters import GRADIENT_FILTERS, NO_FILTER
from grokking.losses import CROSS_ENTROPY, LOSSES
from grokking.models import MODELS
from grokking.optim import OPTIMISERS
from grokking.registry import Registry
from grokking.tasks import TASK_FAMILIES, family_of

INIT_SCHEMES = ("standard", "nanda", "portable")
FILM, FEW = CHECKPOINT_DENSITIES = ("film", "few")
LOSS_DTYPES = ("float64", "float32")
SPLITS = ("drawn", "kept", "unknown")
"""How a run knows its train pairs: from scheme and seed, from a file of its own, or not at all."""
ONLY_RECORDED = ("n_epochs", "log_every", "checkpoint_every", "checkpoint_density", "measures", "init_digest")
"""Fields that decide what is recorded of a run and how long it is, not the numbers of an epoch."""
ENTRIES = ("task", "model", "optimiser", "gradient_filter", "loss")
"""Fields that name an entry of a registry, each of which brings options."""
SLOTS = tuple(f"{name}_options" for name in ENTRIES)
RENAMED = {"recipe": "init_scheme", "keep": "checkpoint_density"}
"""Fields that version 0.1 wrote under another name."""
TRAINING_SLOTS = SLOTS[2:]
"""Options of what trains: optimiser, gradient filter, loss."""
REGISTRIES: tuple[Registry[Any], ...] = (TASK_FAMILIES, MODELS, OPTIMISERS, GRADIENT_FILTERS, LOSSES)
"""The registries that ``ENTRIES`` are names of."""
HOW_IT_WAS_TRAINED = frozenset(
    {"warmup", "n_epochs", "log_every", "checkpoint_every", "measures", "seed", "init_scheme"}
    | {"init_digest", "optimiser", "gradient_filter", "loss", "loss_dtype"}
)
"""What weights from elsewhere do not say, in addition to the options of optimiser, filter and loss."""
IN_WORDS = {
    "train_frac": "train fraction",
    "weight_decay": "weight decay",
    "lr": "learning rate",
    "seed": "seed",
}


@dataclass(frozen=True, init=False)
class RunConfig:
    """Everything that decides the numbers of a run; where it is stored and on what it runs does not.

    ``RunConfig(p=59, task="mul", d_model=64)`` takes the fields below and the options of the task family,
    model and optimiser that it names. Raises UserError, naming the field, for a value no run can have.
    """

    task: str = option("add", "what is learnt")
    model: str = option("transformer", "the network")
    optimiser: str = option("adamw", "how weights follow their gradient")
    train_frac: float = option(0.3, "share of the pairs trained on, between 0 and 1")
    warmup: int = option(0, "epochs of linear warm-up: rate lr · min(updates so far / warmup, 1)")
    n_epochs: int = option(30_000, "full-batch updates; more than a finished run has extends it")
    log_every: int = option(100, "epochs between rows of history.json")
    checkpoint_every: int = option(1000, "a checkpoint is saved at least this often")
    checkpoint_density: str = option(
        FILM,
        "film also saves checkpoints while accuracy changes; few saves only the scheduled ones",
        CHECKPOINT_DENSITIES,
    )
    loss_dtype: str = option(
        "float64", "precision of the log-softmax and the loss in training", LOSS_DTYPES, written=False
    )
    measures: str = option("", "further metrics to take, joined by commas; grokking measure --list names all")
    seed: int = option(0, "seed of weights and split")
    init_scheme: str = option("standard", "how weights and split are drawn from the seed", INIT_SCHEMES)
    init_digest: str = option("", "sha256 of the weights started from; set by --init_from", flag=False)
    imported: bool = option(False, "whether the weights were trained elsewhere", flag=False)
    split: str = option("drawn", "how the train pairs are known", SPLITS, flag=False)
    gradient_filter: str = option(
        NO_FILTER, "what changes the gradient before the optimiser sees it", written=False
    )
    loss: str = option(CROSS_ENTROPY, "what training minimises", written=False)
    task_options: Options = field(default_factory=Options)
    model_options: Options = field(default_factory=Options)
    optimiser_options: Options = field(default_factory=Options)
    gradient_filter_options: Options = field(default_factory=Options)
    loss_options: Options = field(default_factory=Options)

    def __init__(self, **values: Any) -> None:
        values = {RENAMED.get(name, name): value for name, value in values.items()}
        for f in common_fields():
            object.__setattr__(self, f.name, coerce(f, values.pop(f.name, f.default)))
        given = {slot: values.pop(slot, None) for slot in SLOTS}
        for slot, options in zip(SLOTS, self._option_classes(), strict=True):
            object.__setattr__(self, slot, _options(options, given[slot], values))
        _refuse_foreign(self, values)
        _check(self)

    def _option_classes(self) -> tuple[type[Options], ...]:
        return (
            family_of(self.task).options,
            MODELS.get(self.model).options,
            OPTIMISERS.get(self.optimiser).options,
            GRADIENT_FILTERS.get(self.gradient_filter).options,
            LOSSES.get(self.loss).options,
        )

    def __getattr__(self, name: str) -> Any:
        """An option of the task family, the model, the optimiser, the gradient filter or the loss."""
        if not name.startswith("_"):
            for slot in SLOTS:
                if slot in self.__dict__ and hasattr(self.__dict__[slot], name):
                    return getattr(self.__dict__[slot], name)
        raise AttributeError(f"a config has no {name!r}")

    @property
    def family(self) -> str:
        """The name of the task's family."""
        return family_of(self.task).name

    @property
    def extra_measures(self) -> list[str]:
        """The names in ``measures``."""
        return names_in(self.measures)

    def has(self, name: str) -> bool:
        """Whether this config has a field of that name: its own, or an option."""
        return name in self._values

    def get(self, name: str) -> Any:
        """The value of a field, None where a config of this task, model and optimiser has no such field."""
        return self._values.get(name)

    @cached_property
    def _values(self) -> dict[str, Any]:
        """``items`` as they are looked up: a record asks for every field whether it is known."""
        return dict(self.items())

    def items(self) -> Iterator[tuple[str, Any]]:
        """Names and values of all fields, in the order in which they are written."""
        yield from self.task_options.as_dict().items()
        for name in ("task", "model", "optimiser", "train_frac"):
            yield name, getattr(self, name)
        yield from self.model_options.as_dict().items()
        for slot in TRAINING_SLOTS:
            yield from getattr(self, slot).as_dict().items()
        for f in common_fields()[4:]:
            yield f.name, getattr(self, f.name)

    def defaults(self) -> "RunConfig":
        """The config that names the same entries of the registries and has all else at its default."""
        return RunConfig(**{name: getattr(self, name) for name in ENTRIES})

    def known(self, name: str) -> bool:
        """Whether the value of a field is known; how imported weights were trained is not."""
        if name == "train_frac":
            return self.split != "unknown"
        options = (getattr(self, slot) for slot in TRAINING_SLOTS)
        how = name in HOW_IT_WAS_TRAINED or any(hasattr(o, name) for o in options)
        return self.has(name) and not (self.imported and how)

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
        """JSON-ready record of what is known of the config; see ``from_dict``."""
        silent = self._silent()
        known = {name: value for name, value in self.items() if name not in silent and self.known(name)}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in known.items()}

    def _silent(self) -> set[str]:
        """Fields that a record leaves out: at their default, and added after there were runs."""
        parts = (self, *(getattr(self, slot) for slot in SLOTS))
        return {
            f.name
            for part in parts
            for f in fields(part)
            if not f.metadata.get("written", True) and getattr(part, f.name) == f.default
        }

    def identity(self) -> dict[str, Any]:
        """The record without ``n_epochs``: two runs that share it differ at most in length."""
        record = self.as_dict()
        record.pop("n_epochs", None)
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "RunConfig":
        """Inverse of ``as_dict``; absent fields take their defaults, unknown ones are refused.

        Records of version 0.1 are read, too (see ``RENAMED``).
        """
        if not isinstance(record, Mapping):
            raise UserError(f"a config is a JSON object, not {type(record).__name__}")
        return cls(**{str(name): value for name, value in record.items() if str(name) not in SLOTS})


def names_in(text: str) -> list[str]:
    """Names joined by commas.

    >>> names_in("gini, curvature,")
    ['gini', 'curvature']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def common_fields() -> list["Field[Any]"]:
    """The fields that every config has."""
    return [f for f in fields(RunConfig) if f.name not in SLOTS]


def all_fields() -> dict[str, list[tuple[str, "Field[Any]"]]]:
    """Every field that some config has, by name, with its owners: ``""``, or "optimiser lion" and the like.

    Several owners may have a field of the same name, each with a default of its own.
    """
    found: dict[str, list[tuple[str, Field[Any]]]] = {f.name: [("", f)] for f in common_fields()}
    for kind, registry in zip(ENTRIES, REGISTRIES, strict=True):
        for entry in registry:
            owner = f"{entry.name} tasks" if kind == "task" else f"the {kind.replace('_', ' ')} {entry.name}"
            for f in fields(entry.options):
                found.setdefault(f.name, []).append((owner, f))
    return found


def is_a_flag(name: str) -> bool:
    """Whether the command line offers a field; one that only an import or a resumed run sets has no flag."""
    return bool(all_fields()[name][0][1].metadata["flag"])


def field_names() -> set[str]:
    """Names of all fields that some config has."""
    return set(all_fields())


def differing_keys(a: RunConfig, b: RunConfig) -> list[str]:
    """Fields, other than ``n_epochs``, in which two configs disagree."""
    left, right = a.identity(), b.identity()
    return [key for key in {**left, **right} if left.get(key) != right.get(key)]


def _options(kind: type[Options], given: Options | None, values: dict[str, Any]) -> Options:
    """The options of one entry, taken out of ``values``; what else stays in there.

    given: the options of the config that ``dataclasses.replace`` started from; where they belong to another
    entry, what is not at its default is put back into ``values``, to be refused by name.
    """
    own = {f.name for f in fields(kind)}
    if given is not None:
        before = given.as_dict() if isinstance(given, kind) else given.changed()
        for name, value in before.items():
            values.setdefault(name, value)
    return kind(**{name: values.pop(name) for name in own & set(values)})


def _refuse_foreign(config: RunConfig, values: Mapping[str, Any]) -> None:
    """A value that would be ignored is refused."""
    known = all_fields() if values else {}
    for name, value in values.items():
        if name not in known:
            raise UserError(f"unknown config field {name!r}; known: {', '.join(sorted(known))}")
        if all(value != f.default for _, f in known[name]):
            owners = " and ".join(owner for owner, _ in known[name])
            named = [f"{entry.replace('_', ' ')} {getattr(config, entry)!r}" for entry in _spoken(config)]
            chosen = f"{', '.join(named[:-1])} and {named[-1]}"
            raise UserError(
                f"{name} is {value!r}, but with {chosen} it means nothing: "
                f"it belongs to {owners}; leave it out"
            )


def _spoken(config: RunConfig) -> list[str]:
    """The entries that a message names: those of every run, and others where they are not the default."""
    late = {f.name: f.default for f in common_fields() if not f.metadata["written"]}
    return [name for name in ENTRIES if name not in late or getattr(config, name) != late[name]]


def _check(c: RunConfig) -> None:
    require(0 < c.train_frac < 1, "train_frac", c.train_frac, "between 0 and 1, both excluded")
    require(c.warmup >= 0, "warmup", c.warmup, "0 or above")
    for name in ("n_epochs", "log_every", "checkpoint_every"):
        require(getattr(c, name) >= 1, name, getattr(c, name), "an integer of at least 1")
    # PyTorch's generator on the CPU reads 32 bits, of which the split takes one.
    require(0 <= c.seed < 2**31, "seed", c.seed, "0 to 2^31 - 1")
    family = family_of(c.task)
    schemes = getattr(family, "init_schemes", INIT_SCHEMES)
    require(
        c.init_scheme in schemes, "init_scheme", c.init_scheme, f"{', '.join(schemes)}, with task {c.task}"
    )
    family.make(c.task, c.task_options)


def presets() -> dict[str, dict[str, Any]]:
    """Named configs, of every task family."""
    return {name: dict(record) for family in TASK_FAMILIES for name, record in family.presets.items()}


def preset(name: str, **overrides: Any) -> RunConfig:
    """The named preset with some fields changed; raises UserError for an unknown name."""
    known = presets()
    if name not in known:
        raise UserError(f"unknown preset {name!r}; known: {', '.join(known)}")
    return replace(RunConfig(**known[name]), **overrides)
