"""One module per kind of film: what it shows of a run, measured at every epoch.

A module's ``FILM`` is found by ``grokking.films.registry``; a new kind of film is a new module here.
"""
