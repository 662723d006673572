"""Single-precision matrix products callable from compiled kernels.

numba's own ``np.dot`` needs scipy's BLAS; on the machines we measured the one that PyTorch brings is
a quarter faster, and it is already loaded. ``SGEMM`` is its address as a plain number, so that
kernels which take it as an argument can still be cached on disk.
"""

import ctypes
from pathlib import Path
from typing import Any

import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from grokking.engines.numba.compiling import inner


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


CHARACTER, INTEGER, REAL = ir.IntType(8), ir.IntType(32), ir.FloatType()
SGEMM_ARGUMENTS = (
    CHARACTER,
    CHARACTER,
    INTEGER,
    INTEGER,
    INTEGER,
    REAL,
    None,
    INTEGER,
    None,
    INTEGER,
    REAL,
    None,
    INTEGER,
)
"""What Fortran's SGEMM is given the addresses of, in its order; None: the argument is an address itself."""


@intrinsic
def _call_sgemm(_typing_context: Any, address: Any, arguments: Any) -> Any:
    """Calls SGEMM at ``address`` with 13 int64, each turned into what stands in ``SGEMM_ARGUMENTS``.

    The numbers lie on the stack: arrays for them would be allocated at every call.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        pointer = ir.IntType(8).as_pointer()
        function = ir.FunctionType(ir.VoidType(), [pointer] * len(SGEMM_ARGUMENTS)).as_pointer()
        values = cgutils.unpack_tuple(builder, args[1], len(SGEMM_ARGUMENTS))
        pointers = [
            _address_of(builder, value, kind) for value, kind in zip(values, SGEMM_ARGUMENTS, strict=True)
        ]
        builder.call(builder.inttoptr(args[0], function), pointers)
        return context.get_dummy_value()

    return types.void(address, arguments), generate


def _address_of(builder: Any, value: Any, kind: Any) -> Any:
    """Where the number lies as a ``kind`` of ``SGEMM_ARGUMENTS``, a pointer to bytes."""
    pointer = ir.IntType(8).as_pointer()
    if kind is None:
        return builder.inttoptr(value, pointer)
    number = builder.sitofp(value, kind) if kind is REAL else builder.trunc(value, kind)
    place = cgutils.alloca_once(builder, kind)
    builder.store(number, place)
    return builder.bitcast(place, pointer)


@inner()
def matmul(sgemm, a, a_transposed, b, b_transposed, out, accumulate):  # type: ignore[no-untyped-def]
    """out = A B, or out += A B, with A = ``a`` or its transpose and B = ``b`` or its transpose.

    a, b, out: float32 matrices whose rows are contiguous; they may be columns cut out of a wider
    one. Their shapes must fit; nothing is checked.
    """
    # Row-major out = A B is column-major outᵀ = Bᵀ Aᵀ, so the factors change places.
    inner = a.shape[0] if a_transposed else a.shape[1]
    rows, columns = out.shape
    _call_sgemm(
        sgemm,
        (
            84 if b_transposed else 78,  # T or N
            84 if a_transposed else 78,
            columns,
            rows,
            inner,
            1,
            b.ctypes.data,
            _stride(b),
            a.ctypes.data,
            _stride(a),
            1 if accumulate else 0,
            out.ctypes.data,
            _stride(out),
        ),
    )


@inner()
def _stride(a):  # type: ignore[no-untyped-def]
    """Numbers from one row to the next; BLAS wants at least a row's length, also of a single row."""
    return max(a.strides[0] // 4, a.shape[1])
