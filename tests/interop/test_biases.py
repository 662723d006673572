"""What is computed in addition to logits holds for networks with biases everywhere, too."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from grokking.config import RunConfig
from grokking.engines import lookup as general
from grokking.from_config import shape_of
from grokking.metrics.directional_derivatives import loss_along
from grokking.models.transformer import EXTRA_BIASES
from grokking.models.transformer.network import forward
from grokking.page.read_tables import attention_scores
from grokking.tasks.modular import make_task

CONFIG = RunConfig(p=7, d_model=8, n_heads=2, d_mlp=12, biases=",".join(EXTRA_BIASES), equals_class=True)
SHAPE, TASK = shape_of(CONFIG), make_task(7, "add")
Draw = Callable[..., dict[str, Tensor]]


def test_losses_along_a_parameter(drawn_weights: Draw) -> None:
    weights = drawn_weights(SHAPE)
    answers = torch.from_numpy(TASK.answers)
    exact = {name: tensor.double() for name, tensor in weights.items()}
    for name in ("W_E", "W_U"):
        changed = exact | {name: exact[name] + 0.1}
        expected = F.cross_entropy(forward(changed, SHAPE, torch.from_numpy(TASK.tokens))[:, -1], answers)
        found = loss_along(weights, SHAPE, TASK.tokens, TASK.answers, name)(changed[name])
        torch.testing.assert_close(found, expected)


def test_scores_of_the_page_give_the_pattern(drawn_weights: Draw) -> None:
    weights, p = drawn_weights(SHAPE), 7
    pattern = general.attention_pattern(general.stack(weights), SHAPE, torch.from_numpy(TASK.tokens)[None])[0]
    scores = attention_scores(weights, SHAPE, 0)
    a, b = TASK.tokens[:, 0], TASK.tokens[:, 1]
    three = np.stack([scores[:, a], scores[:, p + b], np.repeat(scores[:, 2 * p :], len(a), axis=1)])
    expected = np.exp(three) / np.exp(three).sum(axis=0)
    np.testing.assert_allclose(pattern.numpy(), expected.transpose(2, 1, 0), rtol=1e-4)


def test_heads_and_the_bias_of_their_sum_make_the_residual(drawn_weights: Draw) -> None:
    weights = general.stack(drawn_weights(SHAPE))
    tokens = torch.from_numpy(TASK.tokens)[None]
    own = weights["W_E"][:, 7] + weights["W_pos"][:, 2] + weights["b_O"]
    whole = general.residual_after_attention(weights, SHAPE, tokens)
    torch.testing.assert_close(general.head_outputs(weights, SHAPE, tokens).sum(2) + own[:, None], whole)
