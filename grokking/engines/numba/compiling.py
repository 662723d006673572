"""How a kernel is compiled: what Python calls gets a way in from Python, what kernels call does not.

That way in, which takes apart named tuples of a dozen arrays and counts their references, is a quarter of
what numba has to compile for a function. A kernel that is called at one place only is put in there
(``inline="always"``): by itself it would be optimised once alone and once more as a part of its caller.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import njit

kernel: Callable[..., Any] = partial(njit, nogil=True, cache=True, no_cfunc_wrapper=True)
"""Decorates a function that Python calls."""
inner: Callable[..., Any] = partial(kernel, no_cpython_wrapper=True)
"""Decorates a function that only kernels call."""
part: Callable[..., Any] = partial(inner, inline="always")
"""Decorates a function that one kernel calls at one place. It must not have ``fastmath`` of its own."""


OWN = ("cache", "inline", "nopython", "no_cpython_wrapper", "no_cfunc_wrapper")
"""Options that say for whom a kernel is compiled, and not what it computes."""


def from_python(function: Any) -> Any:
    """An ``inner`` kernel as Python can call it, for tests and benchmarks; compiled anew in each process."""
    return njit(**{name: value for name, value in function.targetoptions.items() if name not in OWN})(
        function.py_func
    )
