"""What training minimises. ``LOSSES`` lists the losses.

A loss is one module here (or anywhere, see ``grokking.registry``) that registers a ``Loss``.
"""

from grokking.losses.base import Loss
from grokking.registry import Registry

CROSS_ENTROPY = "cross_entropy"
"""The loss of a run that names none."""
LOSSES: Registry[Loss] = Registry("loss", __name__, "grokking.losses")
