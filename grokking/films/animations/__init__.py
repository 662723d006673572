"""Appearance of each kind of film. No module here imports PyTorch, since drawing processes do not need it."""
