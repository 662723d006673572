"""The networks, written to be read."""
