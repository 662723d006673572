"""Plates of the section ``attention``: what the last position looks at."""
