"""Every figure that the field draws of such a network, from any run directory.

A figure is a function in a module of ``plots``, registered with its caption by its section; ``registry``
finds them all. It draws on a ``FigureCanvas`` what a ``RunView`` (one operation of a run, at one epoch) and
an ``OverTraining`` say; their numbers come from ``grokking.metrics`` alone.
"""
