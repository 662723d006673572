"""Cross-entropy of the softmax, in float64: -log softmax(logits)[answer], in nats."""

from typing import TYPE_CHECKING

from grokking.config_fields import Options
from grokking.losses import CROSS_ENTROPY, LOSSES

if TYPE_CHECKING:
    from torch import Tensor


class CrossEntropy:
    """The entry "cross_entropy"."""

    name = CROSS_ENTROPY
    rank = 10
    options = Options
    compiled_loss = "cross_entropy"

    def per_pair(self, logits: "Tensor", answers: "Tensor", options: Options) -> "Tensor":  # noqa: ARG002
        """As ``Loss.per_pair``."""
        from torch.nn import functional as F

        return F.cross_entropy(logits, answers, reduction="none")


LOSSES.register(CrossEntropy())
