"""The embedding in two orders of the same numbers: as one counts, and by discrete logarithm.

A spectrum that is dense in one order can be sparse in the other: it is the network's own group that
makes it sparse. Another primitive root gives the same shares at other frequencies.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from grokking.groups.cyclic import CyclicGroup, additive_group, multiplicative_group
from grokking.metrics.activations import ActivationCache
from grokking.metrics.embedding import embedding_nulls, frequency_share, gini

ADDITIVE, LOGARITHMIC = "additive", "multiplicative"
"""Names of the two orders, those of their groups."""


@dataclass(frozen=True)
class OrderSpectrum:
    """The embedding's spectrum in one order.

    share: float64 [⌊n/2⌋], ``frequency_share``.  gini: of its norms.  null: 95 % quantile of ``gini``
    over shuffles of the tokens.
    """

    share: Float64[np.ndarray, "n_frequencies"]
    gini: float
    null: float


def orders_of(p: int, generator: int | None = None) -> dict[str, CyclicGroup]:
    """The two groups whose orders are compared; ``generator`` is the primitive root, by default the smallest.

    Raises UserError for what is no primitive root of p, and for p that is no odd prime.
    """
    return {ADDITIVE: additive_group(p), LOGARITHMIC: multiplicative_group(p, generator)}


def order_spectrum(acts: ActivationCache, group: CyclicGroup, operation: str) -> OrderSpectrum:
    """The embedding of an operation's operands in the order of a group, be it the operation's or not."""
    embedding = acts.embedding_in(group, operation)
    return OrderSpectrum(frequency_share(embedding), gini(embedding), embedding_nulls(embedding).gini)


def relabelled(k: int, root: int, other: int, p: int) -> int:
    """The frequency by ``other`` root that is frequency k by ``root``: the same wave over the numbers.

    log_root x = log_root(other) · log_other x, so k becomes k · log_root(other) mod p - 1, and a wave's
    frequency f is the same as n - f.
    """
    n = p - 1
    found = k * int(multiplicative_group(p, root).index[other]) % n
    return min(found, n - found)
