"""Adam with weight decay as a penalty in the loss (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1).

The gradient of λ |w|² / 2 is added to that of the loss, so that both moments see it: what Loshchilov & Hutter
(2019, arXiv 1711.05101, algorithm 2, first variant) call Adam with L2 regularisation, in contrast to AdamW.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grokking.config_fields import option
from grokking.optim import OPTIMISERS
from grokking.optim.adamw import AdamW, AdamWOptions

if TYPE_CHECKING:
    from torch import Tensor

    from grokking.optim.base import Tensors


@dataclass(frozen=True)
class AdamL2Options(AdamWOptions):
    """The config fields of Adam with L2."""

    weight_decay: float = option(1e-4, "factor λ of the penalty λ |w|² / 2 in the loss")


class AdamL2(AdamW):
    """The entry "adam_l2"; its state is that of AdamW."""

    name = "adam_l2"
    rank = 20
    options = AdamL2Options
    compiled_step = ""

    def step(
        self,
        weights: "Tensors",
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",
        options: AdamWOptions,
        lr: "float | Tensor",
        n_updates: "int | Tensor",
    ) -> None:
        """One update: AdamW's without decay, on the gradient of the loss with its penalty."""
        whole = {name: gradients[name].add(w, alpha=options.weight_decay) for name, w in weights.items()}
        super().step(weights, whole, state, replace(options, weight_decay=0.0), lr, n_updates)


OPTIMISERS.register(AdamL2())
