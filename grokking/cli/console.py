"""What every script shares: how it ends."""

import signal
import sys
from collections.abc import Callable

from grokking.errors import Stopped, UserError
from grokking.guard import INTERRUPTED, Guard, last_of_process, quiet_at_exit

EXIT_USER_ERROR = 2


def run_script(main: Callable[[], None], whole_process: bool | None = None) -> None:
    """Run ``main``; a user's mistake becomes one line on stderr and exit code 2, Ctrl-C code 130.

    whole_process: whether nothing but Python's own end follows, so that signals are watched for until
    then; by default, if ``main`` belongs to the script that was started. Else the handlers of before are
    put back. ``main`` does its imports itself, within ``grokking.guard.loading``, so that an interrupt ends
    these, too.
    """
    guard = Guard()
    whole_process = main.__module__ == "__main__" if whole_process is None else whole_process
    if whole_process:
        quiet_at_exit()
    try:
        guard.open()
        code = _guarded(main, guard)
    finally:
        if whole_process:
            last_of_process(guard)
        else:
            guard.close()
    if code:
        sys.exit(code)


def _guarded(main: Callable[[], None], guard: Guard) -> int:
    """The exit code of ``main``; whatever follows from an interrupt is an interrupt."""
    try:
        guard.loading -= 1
        code = _ended(main)
        guard.over = True
        return code
    except SystemExit:
        guard.over = True
        raise
    except BaseException as error:
        if not guard.heard and not isinstance(error, KeyboardInterrupt):
            raise
        guard.over = True
        number = (*guard.heard, signal.SIGINT)[0]
        if number == signal.SIGINT:
            print(INTERRUPTED, file=sys.stderr)
        return 128 + number


def _ended(main: Callable[[], None]) -> int:
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except Stopped as stop:
        print(stop, file=sys.stderr)
        return stop.exit_code
    except BrokenPipeError:
        # The reader of our output (head, less) went away: not an error of ours.
        sys.stderr.close()
        sys.exit(0)
    return 0
