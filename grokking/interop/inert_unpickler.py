"""What people save together with their weights, read from a pickle without running any of it.

PyTorch's restricted unpickler asks here what a name in the file stands for. The names of NumPy's numbers
and arrays, of paths and of dates get readers of our own; nothing of those packages is called. An object of
any other class becomes an empty stand-in, which ``plain`` takes out again and lists. A function that the
file wants called is refused.
"""

import pickle
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.serialization import safe_globals

MOST_CLASSES = 64
"""Limit of the classes whose objects one file may hold: for each, the file is read once more."""
UNKNOWN = re.compile(r"Unsupported global: GLOBAL (\S{1,200}) was not an allowed global")
PLAIN_NUMBERS = re.compile(r"b1|[iu][1248]|f[248]|c8|c16")
"""NumPy's codes of bool, whole, real and complex numbers."""


class Called(Exception):
    """A file asks for a function or class to be called that is none of those known here."""


class StandIn:
    """An object of a class that is not known here, without anything of it."""

    def __new__(cls, *_: Any, **__: Any) -> "StandIn":
        """Whatever it was made of is dropped."""
        return object.__new__(cls)

    def __setstate__(self, _: Any) -> None:
        """So are its fields."""


class _Uncallable(type):
    """Of stand-ins for unknown names: a pickle makes an object of a class without a call of it."""

    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise Called(cls.__name__)


class _Value(StandIn):
    """A date or the like, which a pickle makes by a call: of this instead."""


class Namespace:
    """``argparse.Namespace`` and its like: the fields are data."""

    def __init__(self, *_: Any) -> None:
        self.fields: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.fields = state if isinstance(state, dict) else {}


class _Dtype:
    """``numpy.dtype``: its code and its order of bytes."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]

    def numpy(self) -> np.dtype[Any] | None:
        """The type, None unless it is one of plain numbers."""
        if not PLAIN_NUMBERS.fullmatch(self.code):
            return None
        return np.dtype(self.order.replace("|", "=") + self.code)


class _Array:
    """``numpy.ndarray``: shape, type and bytes."""

    def __init__(self) -> None:
        self.values: Tensor | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, content = state
        kind = dtype.numpy()
        if kind is not None:
            flat = np.frombuffer(content, kind).astype(kind.newbyteorder("="))
            self.values = as_tensor(flat.reshape(shape, order="F" if fortran else "C"))


def as_tensor(array: np.ndarray) -> Tensor | None:
    """An array of numbers as a tensor with memory of its own, every value kept; None for other arrays."""
    if array.dtype.kind not in "biufc" or array.dtype.itemsize > 16:
        return None
    try:
        return torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))))
    except TypeError:  # long doubles and other types that torch does not have
        return None


def _scalar(dtype: _Dtype, content: Any = None) -> Any:
    kind = dtype.numpy()
    return _Value() if kind is None else np.frombuffer(content, kind)[0].item()


def _reconstructed(cls: Any, *_: Any) -> Any:
    """``copyreg._reconstructor``: how old pickles make an object."""
    return cls.__new__(cls) if isinstance(cls, type) and issubclass(cls, StandIn) else _Value()


def _dictionary(*_: Any) -> dict[Any, Any]:
    """Of a kind of its own: filled like a plain one."""
    return {}


class _Dictionary:
    """A class of dictionaries, whose objects are plain ones here."""

    def __new__(cls, *_: Any) -> dict[Any, Any]:  # type: ignore[misc]
        return {}


def _path(*parts: Any) -> str:
    return str(PurePosixPath(*map(str, parts)))


def _no_bytes() -> bytes:
    return b""


NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
PATHS = ("PurePath", "Path", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
VALUES = (
    *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
    *(f"numpy.random._pickle.__{name}_ctor" for name in ("randomstate", "generator", "bit_generator")),
    *("collections.deque", "decimal.Decimal", "fractions.Fraction"),
    *("builtins.frozenset", "builtins.range", "builtins.slice"),
)
"""What is made by a call from its parts alone."""
READERS: dict[str, Callable[..., Any]] = {
    **{f"{module}.scalar": _scalar for module in NUMPY},
    **{f"{module}._reconstruct": lambda *_: _Array() for module in NUMPY},
    "numpy.ndarray": _Array,
    "numpy.dtype": _Dtype,
    **{f"{module}.{name}": _path for module in ("pathlib", "pathlib._local") for name in PATHS},
    "argparse.Namespace": Namespace,
    "types.SimpleNamespace": Namespace,
    "copyreg._reconstructor": _reconstructed,
    "collections.defaultdict": _dictionary,
    "pytorch_lightning.utilities.parsing.AttributeDict": _Dictionary,
    "lightning.fabric.utilities.data.AttributeDict": _Dictionary,
    "lightning.pytorch.utilities.parsing.AttributeDict": _Dictionary,
    "builtins.bytes": _no_bytes,
    **{name: type(name, (_Value,), {}) for name in VALUES},
}
"""By a name in a file, what reads its parts."""


def load_inert(load: Callable[[], Any]) -> Any:
    """What ``load``, a call of PyTorch's restricted unpickler, gives with the names above known to it.

    A class that is not known becomes a StandIn of its name.  Raises Called for a call of any, and what
    ``load`` raises.
    """
    readers = dict(READERS)
    while True:
        known: list[Any] = [(reader, name) for name, reader in readers.items()]
        try:
            with safe_globals(known):
                return load()
        except pickle.UnpicklingError as error:
            unknown = UNKNOWN.search(str(error))
            if unknown is None or len(readers) >= len(READERS) + MOST_CLASSES:
                raise
            name = unknown[1] if "." in unknown[1] else f"builtins.{unknown[1]}"
            if name in readers:
                raise
            readers[name] = _Uncallable(name, (StandIn,), {})


def plain(record: Any) -> tuple[Any, list[str]]:
    """The record without stand-ins, with Namespaces as dicts and arrays as tensors; and what was left out.

    In a list None takes the place of what is left out.  An entry says where it lay, and its class.
    """
    cleaning = _Cleaning()
    return cleaning.of(record, ""), [f"{where!r} ({name})" for where, name in cleaning.left_out.items()]


class _Cleaning:
    """One walk through a record. done: by the id of a container it and its copy; it may hold itself."""

    def __init__(self) -> None:
        self.left_out: dict[str, str] = {}
        self.done: dict[int, tuple[Any, Any]] = {}

    def of(self, value: Any, where: str) -> Any:
        """The value itself where nothing is to be changed."""
        name = _left_out_as(value)
        if name is not None:
            self.left_out.setdefault(where, name)
            return None
        if isinstance(value, _Array):
            return value.values
        if not isinstance(value, dict | list | tuple | Namespace):
            return value
        if id(value) not in self.done:
            self.done[id(value)] = value, None
            self.done[id(value)] = value, self._copy(value, where)
        return self.done[id(value)][1]

    def _copy(self, value: Any, where: str) -> Any:
        if isinstance(value, list | tuple):
            copied = [self.of(item, where) for item in value]
            return copied if isinstance(value, list) else tuple(copied)
        kept = {}
        for key, item in (value.fields if isinstance(value, Namespace) else value).items():
            place = f"{where}.{key}" if where else str(key)
            clean = None if _left_out_as(key) else self.of(item, place)
            if clean is not None or item is None:
                kept[key] = clean
        return kept


def _left_out_as(value: Any) -> str | None:
    """The name of the class of what cannot be kept."""
    if isinstance(value, _Array):
        return "numpy.ndarray" if value.values is None else None
    cls = value if isinstance(value, type) else type(value)
    return cls.__name__ if issubclass(cls, StandIn) else None
