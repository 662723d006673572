"""Training: from a config to a run directory, by the fastest exact step at hand."""
