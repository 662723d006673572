"""One package per section of the figures."""
