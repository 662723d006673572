"""The group behind a table of answers: exact ones, renamed ones, ones with mistakes, and no tables."""

import json

import numpy as np
import pytest

from grokking.errors import UserError
from grokking.groups.families import named_group
from grokking.groups.identify import associativity_violated, nearest_identity, read_table


def answers_of(name: str, seed: int = 0) -> np.ndarray:
    """The answers of a network that has learned the group, with tokens in an unknown order."""
    table = named_group(name).table
    order = np.random.default_rng(seed).permutation(len(table))
    return np.argsort(order)[table[np.ix_(order, order)]]


@pytest.mark.parametrize(
    "name, title, pairs, sizes",
    [
        ("s5", "S5", 840, [1, 10, 15, 20, 30, 24, 20]),
        ("d59", "D59", 3658, [1, 59] + [2] * 29),
        ("c118", "Z_118", 118 * 118, [1] * 118),
        ("q8", "Q8", 40, [1, 1, 2, 2, 2]),
        ("s3xc2", "D6", 72, [1, 1, 3, 3, 2, 2]),
    ],
)
def test_the_group_of_a_perfect_network(name: str, title: str, pairs: int, sizes: list[int]) -> None:
    report = read_table(answers_of(name))
    facts = report.facts()
    assert report.is_group
    assert (facts["group"], facts["commuting_pairs"], facts["class_sizes"]) == (title, pairs, sizes)
    assert facts["closure"] == facts["identity_holds"] == facts["inverses"] == facts["agreement"] == 1
    assert (facts["associativity_violated"], facts["renamed"]) == (0, False)


def test_the_orders_of_elements_are_counted() -> None:
    orders = read_table(answers_of("s5")).facts()["element_orders"]
    # 1 identity, 10 + 15 involutions, 20 three-cycles, 30 four-cycles, 24 five-cycles, 20 of type (2, 3).
    assert orders == {1: 1, 2: 25, 3: 20, 4: 30, 5: 24, 6: 20}


def test_a_report_is_ready_for_json() -> None:
    assert json.loads(json.dumps(read_table(answers_of("s3")).facts()))["group"] == "S3"


def test_the_identity_is_named_by_its_answer_class() -> None:
    answers = answers_of("s4")
    identity = read_table(answers).facts()["identity"]
    np.testing.assert_array_equal(answers[identity], np.arange(24))


@pytest.mark.parametrize("name", ["s4", "d7", "c12"])
def test_operands_and_answers_may_have_names_of_their_own(name: str) -> None:
    table = named_group(name).table
    left, right, classes = (np.random.default_rng(i).permutation(len(table)) for i in range(3))
    answers = classes[table[np.ix_(left, right)]] + 5
    report = read_table(answers)
    assert report.is_group
    assert report.elements.renamed
    assert report.facts()["group"] == named_group(name).title
    elements = report.elements
    named = elements.answers[elements.table[elements.left[:, None], elements.right]]
    np.testing.assert_array_equal(named, answers)


def test_subtraction_is_a_renamed_addition() -> None:
    x = np.arange(13)
    report = read_table((x[:, None] - x) % 13)
    assert report.is_group
    assert report.elements.renamed
    assert report.facts()["group"] == "Z_13"


@pytest.mark.parametrize("name", ["s4", "a5", "d15", "c31"])
@pytest.mark.parametrize("wrong", [0.05, 0.25])
def test_a_network_with_mistakes_is_compared_with_the_nearest_group(name: str, wrong: float) -> None:
    answers = answers_of(name)
    generator = np.random.default_rng(1)
    mistaken = generator.random(answers.shape) < wrong
    given = np.where(
        mistaken, (answers + generator.integers(1, len(answers), answers.shape)) % len(answers), answers
    )
    report = read_table(given)
    assert not report.is_group
    assert report.facts()["group"] == named_group(name).title
    assert report.agreement == pytest.approx(1 - mistaken.mean())
    assert report.group is not None
    np.testing.assert_array_equal(report.group.table, answers)
    assert wrong < report.associativity_violated < 1


def test_answers_that_are_no_element_lower_the_closure() -> None:
    answers = answers_of("s3").copy()
    answers[1, 2] = 6
    report = read_table(answers)
    assert report.closure == 35 / 36
    assert report.facts()["group"] == "S3"
    assert report.agreement == 35 / 36


def test_random_answers_are_no_group() -> None:
    report = read_table(np.random.default_rng(0).integers(30, size=(30, 30)))
    facts = report.facts()
    assert not report.is_group
    assert (facts["group"], facts["agreement"], facts["class_sizes"]) == (None, 0, None)
    assert report.associativity_violated > 0.9


def test_a_constant_answer_is_no_group() -> None:
    report = read_table(np.zeros((5, 5), int))
    assert report.group is None
    assert (report.closure, report.associativity_violated) == (1, 0)


@pytest.mark.parametrize(
    "answers, message",
    [
        (np.zeros((3, 4), int), "answers of shape 3×4 are no multiplication table"),
        (np.zeros(3, int), "answers of shape 3 are no"),
        (np.zeros((3, 3)), "answers of type float64"),
        (np.zeros((1, 1), int), "order 1 cannot be read; orders 2 to 1000 can"),
        (np.zeros((1001, 1001), np.int8), "order 1001 cannot be read"),
    ],
)
def test_what_is_no_table_is_refused(answers: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_table(answers)


def test_the_share_of_violated_triples_is_counted_by_hand() -> None:
    # Subtraction mod 3: (a - b) - c = a - (b - c) only if 2·c = 0, so for c = 0.
    x = np.arange(3)
    assert associativity_violated((x[:, None] - x) % 3) == (18 / 27, 27)
    # One answer outside the elements breaks every triple that meets it: (1·1)·c and a·(1·1) and …
    assert associativity_violated(np.array([[0, 1], [1, -1]])) == (4 / 8, 8)


def test_large_tables_are_sampled() -> None:
    report = read_table(answers_of("d110"))
    assert (report.exact, report.triples, report.associativity_violated) == (False, 2_000_000, 0)
    assert report.facts()["group"] == "D110"


def test_the_identity_is_right_on_both_sides() -> None:
    x = np.arange(5)
    assert nearest_identity((x[:, None] + x) % 5) == (0, 1.0)
    # 0 is a right identity of subtraction; as a left one it is right for 0 alone.
    assert nearest_identity((x[:, None] - x) % 5) == (0, 0.2)
