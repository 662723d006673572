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
def matmul(sgemm, a, a_transposed, b, b_transposed, out, accumulate):  # type: ignore[no-untyped-def]
    """out = A B, or out += A B, with A = ``a`` or its transpose and B = ``b`` or its transpose.

    a, b, out: float32 matrices whose rows are contiguous; they may be columns cut out of a wider
    one. Their shapes must fit; nothing is checked.
    """
    # Row-major out = A B is column-major outᵀ = Bᵀ Aᵀ, so the factors change places.
    flags = np.array([84 if b_transposed else 78, 84 if a_transposed else 78], np.uint8)
    inner = a.shape[0] if a_transposed else a.shape[1]
    rows, columns = out.shape
    sizes = np.array([columns, rows, inner, _stride(b), _stride(a), _stride(out)], np.int32)
    scales = np.array([1.0, 1.0 if accumulate else 0.0], np.float32)
    f, s, x = flags.ctypes.data, sizes.ctypes.data, scales.ctypes.data
    _call(
        sgemm,
        (
            f,
            f + 1,
            s,
            s + 4,
            s + 8,
            x,
            b.ctypes.data,
            s + 12,
            a.ctypes.data,
            s + 16,
            x + 4,
            out.ctypes.data,
            s + 20,
        ),
    )


@njit(nogil=True, cache=True)
def _stride(a):  # type: ignore[no-untyped-def]
    """Numbers from one row to the next; BLAS wants at least a row's length, also of a single row."""
    return max(a.strides[0] // 4, a.shape[1])
