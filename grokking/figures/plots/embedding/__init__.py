"""Plates of the section ``embedding``: W_E as circles."""
