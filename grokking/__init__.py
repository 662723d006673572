"""A research toolkit for watching a one-layer transformer grok modular arithmetic."""
