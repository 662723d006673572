"""Waiting for what another process does: for the event itself, however long the machine takes."""

import subprocess
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
PATIENCE = 900.0
"""Seconds after which a test gives up on an event that will never come; no test's outcome hangs on it."""
POLL = 0.02


def wait_until(happened: Callable[[], T], process: "subprocess.Popen[Any] | None" = None) -> T:
    """The first true answer of ``happened``; the test fails if ``process`` ends before there is one."""
    end = time.monotonic() + PATIENCE
    while not (answer := happened()):
        if process is not None and process.poll() is not None:
            pytest.fail(f"the process ended too soon, with exit code {process.returncode}")
        if time.monotonic() > end:
            pytest.fail(f"{happened} did not come true in {PATIENCE:.0f} s")
        time.sleep(POLL)
    return answer
