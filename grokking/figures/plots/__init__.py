"""The figures, a module per section. A new module here is found by ``grokking.figures.registry``."""
