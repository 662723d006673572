"""Cross-entropy of the StableMax (Prieto et al. 2025, arXiv 2501.04697, section 4.1, equations 6 and 7).

StableMax takes s in the place of the exponential function of the softmax:

    s(x) = x + 1 for x >= 0, 1 / (1 - x) for x < 0,   loss = -log(s(logits[answer]) / Σ_c s(logits[c])).

s grows linearly, so that no logit absorbs the sum in floating point and the gradient of a pair that is
answered right never rounds to zero ("softmax collapse"); the paper reports grokking without weight decay.
"""

from typing import TYPE_CHECKING

from grokking.config_fields import Options
from grokking.losses import LOSSES

if TYPE_CHECKING:
    from torch import Tensor


class StableMax:
    """The entry "stablemax"."""

    name = "stablemax"
    options = Options
    compiled_loss = "stablemax"

    def per_pair(self, logits: "Tensor", answers: "Tensor", options: Options) -> "Tensor":  # noqa: ARG002
        """As ``Loss.per_pair``."""
        log_s = logits.clamp(min=0).log1p() - (-logits).clamp(min=0).log1p()  # one of the two is log 1
        own = log_s.gather(1, answers[:, None])[:, 0]
        return log_s.logsumexp(1) - own


LOSSES.register(StableMax())
