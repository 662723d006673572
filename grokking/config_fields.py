"""The fields of a config: a default, a help text, a check that names the field."""

import math
from collections.abc import Collection, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

from grokking.errors import UserError

T = TypeVar("T")


def option(
    default: Any,
    help: str,
    choices: tuple[str, ...] | None = None,
    metavar: tuple[str, str] | None = None,
    flag: bool = True,
    written: bool = True,
) -> Any:
    """A field of a config or of the options of a registry's entry.

    choices: the texts accepted.  metavar: what a help text calls the two numbers of a pair.
    flag: whether the command line offers it; a field that only an import or a resumed run sets has no flag.
    written: whether config.json has it also at its default; a field added after there were runs has not.
    """
    about = {"help": help, "choices": choices, "metavar": metavar, "flag": flag, "written": written}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Options:
    """The fields that a task family, a model or an optimiser adds to the config of a run.

    A subclass is a frozen dataclass whose fields are made by ``option``; each becomes a flag of the command
    line and a key of config.json. Values are checked when the object is made: by type, then by ``check``.

    Raises UserError, naming the field, for a value no run can have.
    """

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, coerce(f, getattr(self, f.name)))
        self.check()

    def check(self) -> None:
        """Raises UserError for values of the right type that no run can have."""

    def as_dict(self) -> dict[str, Any]:
        """The options by name, in order."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def changed(self) -> dict[str, Any]:
        """The options that are not at their default."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


def coerce(f: "Field[Any]", value: Any) -> Any:
    """``value`` in the type of the field's default, refusing anything that would lose meaning."""
    kind = type(f.default)
    if kind is tuple:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise UserError(f"{f.name} takes two numbers, not {value!r}")
        return tuple(_number(f.name, v) for v in value)
    if kind is float:
        return _number(f.name, value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if type(value) is not kind:
        raise UserError(f"{f.name} takes {kind.__name__}, not {value!r}")
    choices: Collection[str] | None = f.metadata["choices"]
    if choices and value not in choices:
        raise UserError(f"unknown {f.name} {value!r}; known: {', '.join(choices)}")
    return value


def _number(name: str, value: Any) -> float:
    try:
        if not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value):
            return float(value)
    except OverflowError:
        raise UserError(f"{name} takes a finite number, not one of {len(str(value))} digits") from None
    raise UserError(f"{name} takes a finite number, not {value!r}")


def require(ok: bool, name: str, value: Any, accepted: str) -> None:
    """Raises UserError, saying what was given and what is accepted, unless ``ok``."""
    if not ok:
        raise UserError(f"{name} is {value!r}; accepted: {accepted}")


def one_of(name: str, value: str, ways: Mapping[str, T]) -> T:
    """What belongs to ``value`` among the ``ways``; raises UserError, naming them, for an unknown value.

    It replaces an ``if`` whose last case would silently accept every unforeseen value.
    """
    if value not in ways:
        raise UserError(f"unknown {name} {value!r}; known: {', '.join(ways)}")
    return ways[value]
