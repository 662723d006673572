"""Threads that walk through the same compiled code and wait for each other inside it.

Passing one piece of work to another thread through Python takes as long as the piece itself, and an update
has six places where every thread must wait until all have finished. So every thread is started once, and
the threads wait for each other in compiled code, at a barrier made of two counters in shared memory.

All threads of a team must run the same function, which must not raise and must reach the barrier equally
often in every thread.
"""

import ctypes
import platform
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import typeof, types
from numba.core import cgutils
from numba.extending import intrinsic

from grokking.engines.numba.compiling import inner

CHECKS_BEFORE_YIELD = 2000
"""A waiting thread checks the barrier this often before it offers its processor to others at each check."""
APART = 16
"""int64 numbers from one counter of a barrier to the other, so that they share no cache line."""
HAS_PAUSE = platform.machine() in ("x86_64", "AMD64")
"""Whether there is an instruction by which a waiting thread leaves more of its core to another."""


class ThreadTeam(NamedTuple):
    """One thread's place among ``n``.

    me: 0 … n - 1.  gate: int64 [2 · APART], shared: how many threads have arrived, and how often the
    barrier has opened.  yield_cpu: address of the system's function that offers the processor to others.
    """

    me: int
    n: int
    gate: np.ndarray
    yield_cpu: int


def new_team(n: int) -> list[ThreadTeam]:
    """The places of ``n`` threads that share one barrier."""
    gate = np.zeros(2 * APART, np.int64)
    return [ThreadTeam(me, n, gate, YIELD_CPU) for me in range(n)]


def compiled(pieces: "Sequence[partial[None]]") -> None:
    """Compile now the function that all pieces of a team call; does nothing the second time.

    Otherwise all threads would compile it when they start, for up to a minute. An interrupt waits until a
    team has ended, so it would have to wait for that, too.
    """
    first = pieces[0]
    first.func.compile(tuple(map(typeof, first.args)))  # type: ignore[attr-defined]


def _yield_address() -> int:
    if sys.platform == "win32":
        function = ctypes.WinDLL("kernel32").SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0


YIELD_CPU = _yield_address()


@inner()
def barrier(team):  # type: ignore[no-untyped-def]
    """Returns once all threads of the team have arrived; each then sees what the others wrote before."""
    if team.n == 1:
        return
    arrived, opened = team.gate.ctypes.data, team.gate.ctypes.data + 8 * APART
    before = _add(opened, 0)
    if _add(arrived, 1) == team.n - 1:
        _add(arrived, -team.n)
        _add(opened, 1)
        return
    checks = 0
    while _load(opened) == before:
        checks += 1
        if checks < CHECKS_BEFORE_YIELD:
            _pause()
        else:
            _call(team.yield_cpu)


@inner()
def chunk_bounds(team, size):  # type: ignore[no-untyped-def]
    """First and last-plus-one index of this thread's share of ``size`` items."""
    return team.me * size // team.n, (team.me + 1) * size // team.n


@intrinsic
def _add(_typing_context: Any, address: Any, value: Any) -> Any:
    """Adds to the int64 at an address atomically; returns the value before."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        amount = context.cast(builder, args[1], signature.args[1], types.int64)
        return builder.atomic_rmw("add", pointer, amount, "seq_cst")

    return types.int64(address, value), generate


@intrinsic
def _load(_typing_context: Any, address: Any) -> Any:
    """The int64 at an address, loaded atomically: earlier writes of the thread that wrote it are visible."""

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
