"""The checks that tests make of annotated calls: beartype, with NumPy's numbers taken for Python's.

``int`` in an annotation accepts an ``np.int64``, and ``float`` an int, as they do everywhere in Python that
asks for a number; shapes and dtypes of arrays are exact.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype

_beartyped = beartype(
    conf=BeartypeConf(
        hint_overrides=FrozenDict({int: int | np.integer, float: float | int | np.floating | np.integer})
    )
)


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """beartype's check, except of options: users write those, and the config refuses them by name."""
    return function if function.__qualname__.endswith("Options.__init__") else _beartyped(function)
