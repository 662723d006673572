"""The atlas: every figure that the field draws of such a network, from any run directory.

One figure is one small module with a ``PLATE``; ``registry`` lists them. A plate draws what a
``Scene`` (one operation of a run, at one epoch) says, and the scene's numbers come from
``grokking.metrics`` alone.
"""
