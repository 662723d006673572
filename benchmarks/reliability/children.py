"""Work done in forked children, which have everything imported already and may be killed."""

import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grokking.cli.console import run_script

NO_RESULT = 70
"""Exit code of a child that ended in a traceback."""


@dataclass(frozen=True)
class Ended:
    """code: exit code, or minus the signal.  said: its stderr.  seconds: how long it ran."""

    code: int
    said: str
    seconds: float


class Child:
    """``work`` in a forked process whose output goes to the file ``log``; signals act on it alone."""

    def __init__(self, work: Callable[[], object], log: Path) -> None:
        self.log, self.began = log, time.monotonic()
        with warnings.catch_warnings():
            # Newer Pythons warn of forking beside threads; ours wait for work that never comes.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            _be_a_child(work, log)

    def signal(self, number: int) -> None:
        """Send a signal; the child may have ended already."""
        os.kill(self.pid, number)

    def wait(self) -> Ended:
        """Wait for its end."""
        status = os.waitpid(self.pid, 0)[1]
        seconds = time.monotonic() - self.began
        return Ended(os.waitstatus_to_exitcode(status), self.log.read_text(errors="replace"), seconds)


def _be_a_child(work: Callable[[], object], log: Path) -> None:
    code = NO_RESULT
    try:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(handle, stream)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup would have it ignored
        run_script(lambda: (work(), None)[1])
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def done(work: Callable[[], object], log: Path) -> Ended:
    """Run ``work`` in a child to its end."""
    return Child(work, log).wait()
