"""Plates of the section ``training``: losses, norms and progress measures over training."""
