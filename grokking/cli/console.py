"""What every script shares: how it ends."""

import sys
from collections.abc import Callable

from grokking.errors import Stopped, UserError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


def run_script(main: Callable[[], None]) -> None:
    """Run ``main``; a user's mistake becomes one line on stderr and exit code 2, Ctrl-C code 130."""
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)
    except Stopped as stop:
        print(stop, file=sys.stderr)
        sys.exit(stop.exit_code)
    except KeyboardInterrupt:
        print("interrupted; run the same command again", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output (head, less) went away: not an error of ours.
        sys.stderr.close()
        sys.exit(0)
