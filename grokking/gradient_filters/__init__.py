"""What happens to a gradient before an optimiser sees it. ``GRADIENT_FILTERS`` lists the filters.

A filter is one module here (or anywhere, see ``grokking.registry``) that registers a ``GradientFilter``; any
of them goes with any optimiser.
"""

from grokking.gradient_filters.base import GradientFilter
from grokking.registry import Registry

NO_FILTER = "none"
"""The filter of a run that names none."""
GRADIENT_FILTERS: Registry[GradientFilter] = Registry(
    "gradient filter", __name__, "grokking.gradient_filters"
)
