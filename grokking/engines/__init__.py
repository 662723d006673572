"""The ways to compute a gradient."""
