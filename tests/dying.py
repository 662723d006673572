"""A process that kills itself at a call of the test's choice: no clock decides where a kill hits."""

import signal
import subprocess
import sys

import pytest

no_sigkill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system knows no SIGKILL")
DYING = """
import importlib, os, signal, sys
from itertools import count
module, name, n, program = sys.argv[1:5]
module = importlib.import_module(module)
real, calls = getattr(module, name), count(1)
def dying(*arguments, **named):
    if next(calls) == int(n):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)
setattr(module, name, dying)
exec(program)
"""


def killed_at(n: int, module: str, name: str, program: str) -> None:
    """Execute a program in a process of its own that dies as it calls ``module.name`` for the n-th time."""
    command = [sys.executable, "-c", DYING, module, name, str(n), program]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
