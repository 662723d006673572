"""Where accuracy crosses one half, by hand."""

from grokking.metrics.critical_fraction import critical_fraction


def test_the_crossing_lies_on_the_line_between_two_fractions() -> None:
    found = critical_fraction({0.3: 0.9, 0.1: 0.1, 0.2: 0.3})
    assert found is not None
    assert abs(found.value - (0.2 + 0.1 / 3)) < 1e-9
    assert (found.low, found.high) == (0.2, 0.3)


def test_the_highest_crossing_counts() -> None:
    found = critical_fraction({0.1: 0.2, 0.2: 0.6, 0.3: 0.4, 0.4: 1.0})
    assert found is not None
    assert (found.low, found.high) == (0.3, 0.4)


def test_a_network_that_keeps_or_loses_everything_has_none() -> None:
    assert critical_fraction({0.1: 0.9, 0.2: 1.0}) is None
    assert critical_fraction({0.1: 0.1, 0.2: 0.2}) is None
    assert critical_fraction({}) is None
