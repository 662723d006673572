"""Plates of the section ``trajectory``: the way of the weights."""
