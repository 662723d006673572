"""What the fields of a config are made of: a default, a help text, a check that names the field."""

import math
from collections.abc import Collection, Mapping
from dataclasses import Field, field
from typing import Any, TypeVar

from grokking.errors import UserError

T = TypeVar("T")


def option(
    default: Any,
    help: str,
    choices: tuple[str, ...] | None = None,
    family: str = "",
    metavar: tuple[str, str] | None = None,
    later: bool = False,
) -> Any:
    """A field of a config.

    choices: the texts accepted.  family: the kind of task that alone has this field, "" for all.
    metavar: what a help text calls the two numbers of a pair.  later: the field came after the first
    release, so a record leaves its default out: runs from before keep their bytes.
    """
    about = {"help": help, "choices": choices, "family": family, "metavar": metavar, "later": later}
    return field(default=default, metadata=about)


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

    So that nothing which nobody thought of passes for the last case of an ``if``.
    """
    if value not in ways:
        raise UserError(f"unknown {name} {value!r}; known: {', '.join(ways)}")
    return ways[value]
