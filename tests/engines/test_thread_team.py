"""Threads that meet inside compiled code."""

from functools import partial

import numpy as np
import pytest
from numba import njit

from grokking.engines.numba.compiling import from_python
from grokking.engines.numba.thread_team import barrier, chunk_bounds, new_team
from grokking.engines.threads import Workers

SHARE = from_python(chunk_bounds)


@njit(nogil=True)
def take_turns(team, numbers):  # type: ignore[no-untyped-def]
    """Each round every thread writes its own number, and reads all of them: so they must have met."""
    wrong = 0
    for round_ in range(numbers.shape[0]):
        numbers[round_, team.me] = round_ + team.me
        barrier(team)
        for k in range(team.n):
            wrong += numbers[round_, k] != round_ + k
    return wrong


MORE_THAN_PROCESSORS = [pytest.param(n, marks=pytest.mark.slow) for n in (3, 8)]


@pytest.mark.parametrize("n", [1, 2, *MORE_THAN_PROCESSORS])
def test_what_was_written_before_they_met_is_seen_by_all(n: int) -> None:
    # Where there are fewer processors than threads a meeting waits for the system to let each in.
    numbers, wrong = np.full((6000 // n, n), -1), np.full(n, -1)

    def work(team) -> None:  # type: ignore[no-untyped-def]
        wrong[team.me] = take_turns(team, numbers)

    team = new_team(n)
    take_turns(new_team(1)[0], numbers[:1].copy())  # compiled once, not by all at once
    for _ in range(3):  # a gate can be used again
        numbers[:] = -1
        Workers(n).run_together([partial(work, place) for place in team])
        assert not wrong.any()


@pytest.mark.parametrize("size", [0, 1, 5, 64, 1000])
@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_shares_are_all_and_even(n: int, size: int) -> None:
    shares = [SHARE(place, size) for place in new_team(n)]
    assert [first for first, _ in shares] == [0, *(last for _, last in shares[:-1])]
    assert shares[-1][1] == size
    sizes = [last - first for first, last in shares]
    assert max(sizes) - min(sizes) <= 1


def test_more_pieces_than_threads_would_wait_forever() -> None:
    with pytest.raises(ValueError, match="3 pieces for 2 threads"):
        Workers(2).run_together([lambda: None] * 3)
