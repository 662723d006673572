"""How sharply each head attends: the entropy of softmax(q·k / (√d_head T))."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float64

from grokking.engines.lookup import attention_pattern, stack
from grokking.metrics.activations import ActivationCache


def attention_entropy(
    acts: ActivationCache, temperature: float | None = None
) -> Float64[np.ndarray, "n_heads"]:
    """Mean entropy (nats) of each head's attention at the last position, float64 [n_heads].

    Between 0 (all on one token) and log 3 (a third each), over all pairs of the task.
    temperature: T > 0, applied to the same weights; by default the run's own.
    """
    shape = acts.shape if temperature is None else replace(acts.shape, attention_temperature=temperature)
    weights = {name: tensor.cpu().double() for name, tensor in acts.weights.items()}
    with torch.no_grad():
        pattern = attention_pattern(stack(weights), shape, torch.from_numpy(acts.task.tokens)[None])[0]
    return np.asarray(torch.special.entr(pattern).sum(-1).mean(0).numpy())
