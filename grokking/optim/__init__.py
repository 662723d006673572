"""How weights follow their gradient. ``OPTIMISERS`` lists the optimisers.

An optimiser is one module here (or anywhere, see ``grokking.registry``) that registers an ``Optimiser``.
"""

from grokking.optim.base import Optimiser
from grokking.registry import Registry

OPTIMISERS: Registry[Optimiser] = Registry("optimiser", __name__, "grokking.optimisers")
