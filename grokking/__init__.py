"""A research toolkit for watching a one-layer transformer grok modular arithmetic.

    import grokking
    run = grokking.load_run("phase_transition/checkpoints/quick")
    run.history["test_acc"][-1]
    grokking.measure(run.model(run.final_epoch), run.task)

Both names are found when they are first asked for: importing the package loads nothing.
"""

TYPE_CHECKING = False  # typing is not loaded: a script's guard against Ctrl-C is to stand soon

if TYPE_CHECKING:
    from grokking.runs.interface import load_run, measure

__version__ = "0.2.0"
__all__ = ["__version__", "load_run", "measure"]


def __getattr__(name: str) -> object:
    if name not in ("load_run", "measure"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from grokking.runs import interface

    return getattr(interface, name)
