"""Threads that walk through the same compiled code and wait for each other inside it.

Handing one piece of work to another thread through Python takes as long as the piece itself: an update
has six places where all must have finished before any may go on. So every thread is sent off once
and they meet in compiled code, at a gate that is a counter in shared memory.

What a team runs must be the same for all threads, must not raise, and reaches as many barriers in each.
"""

import ctypes
import platform
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, typeof, types
from numba.core import cgutils
from numba.extending import intrinsic

LOOKS = 2000
"""Looks at the gate before a waiting thread offers its processor to others, each time it looks."""
APART = 16
"""int64 numbers between the two of a gate, so that they share no cache line."""
HAS_PAUSE = platform.machine() in ("x86_64", "AMD64")
"""Whether there is an instruction by which a waiting thread leaves more of its core to another."""


class ThreadTeam(NamedTuple):
    """One thread's place among ``n``.

    me: 0 … n - 1.  gate: int64 [2 · APART], shared: how many have arrived, and how often the gate
    has opened.  give_way: address of the system's function that offers the processor to others.
    """

    me: int
    n: int
    gate: np.ndarray
    yield_cpu: int


def new_team(n: int) -> list[ThreadTeam]:
    """The places of ``n`` threads around one gate."""
    gate = np.zeros(2 * APART, np.int64)
    return [ThreadTeam(me, n, gate, YIELD_CPU) for me in range(n)]


def compiled(pieces: "Sequence[partial[None]]") -> None:
    """Compile now what the pieces of a team call, all the same function; does nothing the second time.

    Else all threads would compile it at their start, for up to a minute: an interrupt waits for the
    end of the team, and must not wait for that.
    """
    first = pieces[0]
    first.func.compile(tuple(map(typeof, first.args)))  # type: ignore[attr-defined]


def _give_way_address() -> int:
    if sys.platform == "win32":
        function = ctypes.WinDLL("kernel32").SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0


YIELD_CPU = _give_way_address()


@njit(nogil=True, cache=True)
def barrier(team):  # type: ignore[no-untyped-def]
    """Returns once all threads of the team are here; what they wrote before is then seen by all."""
    if team.n == 1:
        return
    arrived, opened = team.gate.ctypes.data, team.gate.ctypes.data + 8 * APART
    before = _add(opened, 0)
    if _add(arrived, 1) == team.n - 1:
        _add(arrived, -team.n)
        _add(opened, 1)
        return
    looks = 0
    while _load(opened) == before:
        looks += 1
        if looks < LOOKS:
            _pause()
        else:
            _call(team.yield_cpu)


@njit(nogil=True, cache=True)
def chunk_bounds(team, size):  # type: ignore[no-untyped-def]
    """First and last-plus-one of ``size`` things that are this thread's."""
    return team.me * size // team.n, (team.me + 1) * size // team.n


@intrinsic
def _add(_typing_context: Any, address: Any, value: Any) -> Any:
    """Adds to the int64 at an address, as one indivisible act; returns what was there before."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        amount = context.cast(builder, args[1], signature.args[1], types.int64)
        return builder.atomic_rmw("add", pointer, amount, "seq_cst")

    return types.int64(address, value), generate


@intrinsic
def _load(_typing_context: Any, address: Any) -> Any:
    """The int64 at an address, read anew; what its writer wrote before is seen afterwards."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.load_atomic(builder.inttoptr(args[0], ir.IntType(64).as_pointer()), "seq_cst", 8)

    return types.int64(address), generate


@intrinsic
def _pause(_typing_context: Any) -> Any:
    """Waits for some cycles, where ``HAS_PAUSE``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        if HAS_PAUSE:
            nothing = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, nothing, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def _call(_typing_context: Any, address: Any) -> Any:
    """Calls the function without arguments at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        function = ir.FunctionType(ir.IntType(32), []).as_pointer()
        builder.call(builder.inttoptr(args[0], function), [])
        return context.get_dummy_value()

    return types.void(address), generate
