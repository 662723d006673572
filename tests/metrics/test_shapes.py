"""Annotations of arrays are checked while tests run: a wrong shape or dtype is refused where it enters."""

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from grokking.groups.table import element_orders
from grokking.metrics.embedding import circle_coordinates
from grokking.metrics.logits import cross_entropy, project
from grokking.metrics.neurons import SinusoidFit
from grokking.models.transformer.network import lift


def test_an_embedding_has_two_axes() -> None:
    with pytest.raises(TypeCheckError, match=r"embedding.*n d_model"):
        circle_coordinates(np.zeros(7), 1)


def test_an_embedding_is_float64() -> None:
    with pytest.raises(TypeCheckError, match="embedding"):
        circle_coordinates(np.zeros((7, 3), dtype=np.float32), 1)


def test_a_table_is_square() -> None:
    with pytest.raises(TypeCheckError, match="table"):
        project(np.zeros((7, 5)), [1])


def test_lengths_agree_between_arguments() -> None:
    with pytest.raises(TypeCheckError, match="answers"):
        cross_entropy(torch.zeros(4, 7), np.zeros(3, dtype=np.int64))


def test_lengths_agree_between_the_fields_of_a_dataclass() -> None:
    with pytest.raises(TypeCheckError):
        SinusoidFit(r2=np.zeros(4), frequency=np.zeros(5, dtype=np.int64))


def test_groups_and_models_are_checked_too() -> None:
    with pytest.raises(TypeCheckError, match="table"):
        element_orders(np.zeros((2, 3), dtype=np.int64), 0)
    with pytest.raises(TypeCheckError, match="values"):
        lift({}, 0, torch.zeros(2, 2))
