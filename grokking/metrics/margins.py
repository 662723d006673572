"""One pair at a time: by how much it is right, and since when."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor


def margins(
    logits: Float[Tensor, "pairs n_classes"], answers: Int64[np.ndarray, "pairs"], n_answers: int
) -> Float64[np.ndarray, "pairs"]:
    """Correct logit less the largest other one, in nats, float64 [N]; above 0 where the answer is right.

    logits: [N, n_classes].  answers: int64 [N].  Only the first ``n_answers`` classes compete, as
    they do for accuracy.
    """
    competing = logits[:, :n_answers].detach().cpu()
    at = torch.as_tensor(answers)[:, None]
    correct = competing.gather(1, at)[:, 0].double()
    others = competing.scatter(1, at, -torch.inf).max(dim=1).values.double()
    return np.asarray((correct - others).numpy())


def learnt_since(correct: Bool[np.ndarray, "epochs pairs"]) -> Int64[np.ndarray, "pairs"]:
    """First row from which a pair is right to the end, int64 [N]; E where it is not right at the end.

    correct: bool [E, N], epochs in order.
    """
    wrong = ~np.asarray(correct, dtype=bool)
    last_wrong = len(wrong) - 1 - wrong[::-1].argmax(axis=0)
    return np.where(wrong.any(axis=0), last_wrong + 1, 0)
