"""What every script shares: how it speaks to a terminal, and how it ends."""

import sys
from collections.abc import Callable

from grokking.cli.encoding import flush_or_drop, make_safe
from grokking.errors import Stopped, UserError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_CLOSED_PIPE = 141
"""What a shell reports of any program whose reader went away before it was done: 128 + SIGPIPE."""


def run_script(main: Callable[[], None]) -> None:
    """Run ``main``; a user's mistake becomes one line on stderr and exit code 2, Ctrl-C code 130.

    Text that the terminal's encoding lacks is replaced. Where the reader of the output (head, less) goes
    away, the script ends in silence: with code 141 if it was not done yet.
    """
    make_safe(sys.stdout, sys.stderr)
    try:
        code = _code_of(main)
    except BrokenPipeError:
        code = EXIT_CLOSED_PIPE
    flush_or_drop()
    if code:
        sys.exit(code)


def _code_of(main: Callable[[], None]) -> int | str | None:
    """The exit code that ``main`` ends with; what ended it early is said on stderr."""
    try:
        main()
    except SystemExit as end:  # of argparse, after its help
        return end.code
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except Stopped as stop:
        print(stop, file=sys.stderr)
        return stop.exit_code
    except KeyboardInterrupt:
        print("interrupted; run the same command again", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0
