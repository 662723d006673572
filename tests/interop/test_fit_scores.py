"""Accuracy, typical loss and spread of the margins of answers given by hand."""

import math

import numpy as np
import pytest
import torch

from grokking.interop.evidence import fit_scores


def test_scores_by_hand() -> None:
    """Margins 2, 4 and -1: two of three right, of mean 3 and standard deviation 1."""
    logits = torch.tensor([[3.0, 1.0, 0.0], [0.0, 5.0, 1.0], [1.0, 0.0, 0.0]])
    found = fit_scores(logits, torch.tensor([0, 1, 2]), np.array([0.1, 0.01, 1.0]))
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.spread == pytest.approx(1 / 3)
    assert found.loss == pytest.approx(0.1)
    assert fit_scores(logits, torch.tensor([1, 0, 2]), np.ones(3)).spread == math.inf
