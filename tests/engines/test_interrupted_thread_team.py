"""An interrupt while threads that wait for each other are sent off: all begin, all end, then it is heard.

Without that, the thread that was not sent off is waited for in compiled code, by one that nobody can stop.
"""

import signal
import threading
from functools import partial

import numpy as np
import pytest
from numba import njit

from grokking.engines.numba.thread_team import barrier, compiled, new_team
from grokking.engines.threads import Workers, run_in_turn
from grokking.interrupts import deferred

PATIENCE = 300
"""Seconds; only a thread that is lost for good takes as long."""


@njit(nogil=True)
def meet_and_sign(team, signed):  # type: ignore[no-untyped-def]
    barrier(team)
    signed[team.me] += 1


class InterruptsWhenDealtOut(list):  # type: ignore[type-arg]
    """Work for threads. Ctrl-C comes when this thread takes its own share: the others have theirs by then."""

    def __getitem__(self, which):  # type: ignore[no-untyped-def]
        if isinstance(which, slice) and not which.start:
            signal.raise_signal(signal.SIGINT)
        return super().__getitem__(which)


def team_of(n: int, signed: np.ndarray) -> InterruptsWhenDealtOut:
    meet_and_sign(new_team(1)[0], np.zeros(1, np.int64))  # compiled
    return InterruptsWhenDealtOut(partial(meet_and_sign, place, signed) for place in new_team(n))


@pytest.mark.parametrize("n", [2, 3])
def test_an_interrupt_before_the_own_piece_begins_is_heard_after_all_have_ended(n: int) -> None:
    signed = np.zeros(n, np.int64)
    workers, pieces = Workers(n), team_of(n, signed)
    with pytest.raises(KeyboardInterrupt):
        workers.run_together(pieces)
    assert signed.tolist() == [1] * n
    workers.run_together(list(pieces))  # and the same team meets again
    assert signed.tolist() == [2] * n


def test_the_handler_of_before_is_there_again() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        Workers(2).run_together(team_of(2, np.zeros(2, np.int64)))
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupted_thread_begins_no_more_pieces_and_waits_for_the_others() -> None:
    begun, done = threading.Event(), []

    def interrupted() -> None:
        assert begun.wait(PATIENCE)
        signal.raise_signal(signal.SIGINT)

    def other() -> None:
        begun.set()
        done.append("other")

    with pytest.raises(KeyboardInterrupt):
        Workers(2).run([interrupted, other, lambda: done.append("next")])
    assert done == ["other"]


def test_pieces_after_giving_up_are_not_begun() -> None:
    given_up, done = threading.Event(), []
    run_in_turn([lambda: done.append(1), given_up.set, lambda: done.append(2)], given_up)
    assert done == [1]


def test_signals_wait_for_the_end_of_a_block_and_keep_their_order() -> None:
    heard: list[str] = []
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        signal.signal(signal.SIGINT, lambda *_: heard.append("INT"))
        signal.signal(signal.SIGTERM, lambda *_: heard.append("TERM"))
        with deferred():
            signal.raise_signal(signal.SIGTERM)
            with deferred():
                signal.raise_signal(signal.SIGINT)
            assert heard == []
        assert heard == ["TERM", "INT"]
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def test_a_team_is_compiled_before_it_is_sent_off() -> None:
    """Compiling takes up to a minute: done by the pieces, it would keep an interrupt waiting."""

    @njit(nogil=True)
    def fresh(team, signed):  # type: ignore[no-untyped-def]
        signed[team.me] += 1

    signed = np.zeros(2, np.int64)
    pieces = [partial(fresh, place, signed) for place in new_team(2)]
    compiled(pieces)
    assert len(fresh.signatures) == 1
    assert signed.tolist() == [0, 0]
    Workers(2).run_together(pieces)
    assert len(fresh.signatures) == 1
