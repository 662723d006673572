"""Single-precision matrix products callable from compiled kernels.

numba's own ``np.dot`` needs scipy's BLAS; on the machines we measured the one that PyTorch brings is
a quarter faster, and it is already loaded. ``SGEMM`` is its address as a plain number, so that
kernels which take it as an argument can still be cached on disk.
"""

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

N_ARGUMENTS = 13


def sgemm_address() -> int:
    """Where Fortran's SGEMM starts in memory; 0 if neither PyTorch nor scipy exports one."""
    folder = Path(torch.__file__).parent / "lib"
    for library in sorted(folder.glob("libtorch_cpu.*")):
        try:
            return ctypes.cast(ctypes.CDLL(str(library)).sgemm_, ctypes.c_void_p).value or 0
        except (OSError, AttributeError):
            continue
    try:
        from numba.extending import get_cython_function_address

        return int(get_cython_function_address("scipy.linalg.cython_blas", "sgemm"))
    except (ImportError, ValueError):
        return 0


SGEMM = sgemm_address()


@intrinsic
def _call(_typing_context: Any, address: Any, arguments: Any) -> Any:
    """Calls the function at ``address`` with 13 pointers, given as a tuple of integers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        pointer = ir.IntType(8).as_pointer()
        function = ir.FunctionType(ir.VoidType(), [pointer] * N_ARGUMENTS).as_pointer()
        values = cgutils.unpack_tuple(builder, args[1], N_ARGUMENTS)
        pointers = [builder.inttoptr(value, pointer) for value in values]
        builder.call(builder.inttoptr(args[0], function), pointers)
        return context.get_dummy_value()

    return types.void(address, arguments), generate


@njit(nogil=True, cache=True)
def matmul(sgemm, a, a_transposed, b, b_transposed, out, columns, accumulate):  # type: ignore[no-untyped-def]
    """out = A B, or out += A B; A and B may be read transposed.

    a, b, out: float32 [rows, stride], C-contiguous; of ``out`` only the first ``columns`` columns
    are written, of A and B those that the product needs are read. The rows of A B are those of
    ``out``; the inner length is the number of rows of B (of columns, if transposed, is ``a``'s).
    """
    # Row-major out = A B is column-major outᵀ = Bᵀ Aᵀ, so the factors change places.
    flags = np.array([84 if b_transposed else 78, 84 if a_transposed else 78], np.uint8)
    inner = a.shape[0] if a_transposed else (b.shape[0] if not b_transposed else b.shape[1])
    sizes = np.array([columns, out.shape[0], inner, b.shape[1], a.shape[1], out.shape[1]], np.int32)
    scales = np.array([1.0, 1.0 if accumulate else 0.0], np.float32)
    f, s, x = flags.ctypes.data, sizes.ctypes.data, scales.ctypes.data
    _call(sgemm, (f, f + 1, s, s + 4, s + 8, x, b.ctypes.data, s + 12, a.ctypes.data, s + 16,
                  x + 4, out.ctypes.data, s + 20))
