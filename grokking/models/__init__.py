"""The networks, written to be read. ``MODELS`` lists them.

A model is one module or package here (or anywhere, see ``grokking.registry``) that registers a ``Model``.
What its help text needs must not import PyTorch: a forward pass lies in a module of its own, or imports
PyTorch inside.
"""

from grokking.models.base import Model
from grokking.registry import Registry

MODELS: Registry[Model] = Registry("model", __name__, "grokking.models")
