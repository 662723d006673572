"""A run directory opened for reading, and what is measured from it."""
