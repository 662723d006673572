"""What training does with signals: the first is noted, a second ends the process at once."""

import signal
import subprocess
import sys

import pytest

PATIENT = """
import sys, time
from grokking.training.signals import graceful_shutdown
with graceful_shutdown() as caught:
    told = -1
    while len(caught) < 2:
        if len(caught) > told:
            # From here, not from the handler: that has returned, so the second signal may come.
            told = len(caught)
            print("noted", told, flush=True)
        time.sleep(0.01)
"""
"""Notes a signal and goes on as if the epoch were endless; says when it is ready, and what it noted."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "first, second", [("SIGINT", "SIGTERM"), ("SIGTERM", "SIGTERM"), ("SIGHUP", "SIGINT")]
)
def test_a_second_signal_of_any_kind_ends_at_once(first: str, second: str) -> None:
    if not hasattr(signal, "SIGHUP"):
        pytest.skip("this system knows no SIGHUP")
    # A shell that puts the tests into the background, or nohup, has their children ignore these two.
    heard = [signal.SIGINT, signal.SIGHUP]
    child = subprocess.Popen(
        [sys.executable, "-c", PATIENT],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in heard],
    )
    with child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "noted 0\n"
            child.send_signal(signal.Signals[first])
            assert child.stdout.readline() == "noted 1\n"  # two that wait together come in any order
            child.send_signal(signal.Signals[second])
            assert child.wait() == -signal.Signals[second]
        finally:
            child.kill()
