"""Finite groups, the labelled blocks of functions on them, and the reading of a group from a table.

Start with ``families.named_group`` for a group by name, ``table_file.read_group`` for one from a file and
``identify.read_table`` for the one that a network has learned.
"""
