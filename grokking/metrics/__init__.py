"""Every number the project reports, one definition and one implementation each.

Functions here take weights, tasks and arrays and return numbers; they touch no file and no figure.
"""
