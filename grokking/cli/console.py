"""What every command shares: how it speaks to a terminal, and how it ends."""

import signal
import sys
from collections.abc import Callable

from grokking.cli.encoding import flush_or_drop, make_safe
from grokking.errors import Stopped, UserError
from grokking.guard import INTERRUPTED, Guard, last_of_process, quiet_at_exit

EXIT_USER_ERROR = 2
EXIT_CLOSED_PIPE = 141
"""What a shell reports of any program whose reader went away before it was done: 128 + SIGPIPE."""


def run_script(
    main: Callable[[], None], whole_process: bool | None = None, guard: Guard | None = None
) -> None:
    """Run ``main``; a user's mistake becomes one line on stderr and exit code 2, Ctrl-C code 130.

    Text that the terminal's encoding lacks is replaced. Where the reader of the output (head, less) goes
    away, the script ends in silence: with code 141 if it was not done yet.

    whole_process: whether nothing but the end of Python follows, so that signals are watched until then; by
    default, if ``main`` belongs to the script that was started. Else the handlers of before are put back.
    guard: one that was opened before our own imports; by default a new one. ``main`` does its imports itself,
    within ``grokking.guard.loading``, so that an interrupt ends these, too.
    """
    guard = guard or Guard()
    whole_process = main.__module__ == "__main__" if whole_process is None else whole_process
    if whole_process:
        quiet_at_exit()
    try:
        guard.open()
        make_safe(sys.stdout, sys.stderr)
        code = _guarded(main, guard)
    finally:
        if whole_process:
            last_of_process(guard)
        else:
            guard.close()
    if code:
        sys.exit(code)


def _guarded(main: Callable[[], None], guard: Guard) -> int | str | None:
    """The exit code of ``main``; whatever follows from an interrupt is an interrupt."""
    try:
        guard.loading -= 1
        code = _code_of(main)
        guard.over = True
        return code
    except BaseException as error:
        if not guard.heard and not isinstance(error, KeyboardInterrupt):
            raise
        guard.over = True
        number = (*guard.heard, signal.SIGINT)[0]
        if number == signal.SIGINT:
            print(INTERRUPTED, file=sys.stderr)
        return 128 + number


def _code_of(main: Callable[[], None]) -> int | str | None:
    """The exit code that ``main`` ends with; an early end is reported on stderr."""
    try:
        code = _ended(main)
    except BrokenPipeError:
        code = EXIT_CLOSED_PIPE
    flush_or_drop()
    return code


def _ended(main: Callable[[], None]) -> int | str | None:
    try:
        main()
    except SystemExit as end:  # of argparse, after its help, or of SIGTERM
        return end.code
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except Stopped as stop:
        print(stop, file=sys.stderr)
        return stop.exit_code
    return 0
