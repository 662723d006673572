"""What every command shares: how it speaks to a terminal of any encoding, and how it ends.

A terminal's encoding (cp932, cp949, cp1252, ASCII ...) lacks some of the characters that help texts,
tables and paths hold. Python then raises UnicodeEncodeError, on stdout at least, and what follows is
never printed. Here each missing character is replaced by one that says the same.
"""

import codecs
import os
import signal
import sys
from collections.abc import Callable
from typing import TextIO

from grokking.errors import Stopped, UserError
from grokking.guard import INTERRUPTED, Guard, last_of_process, quiet_at_exit

ERRORS = "grokking.substitute"
"""Name of the error handler that ``codecs`` knows ``substitute`` by."""
SUBSTITUTES = {
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "·": "*",
    "×": "x",
    "‖": "||",
    "→": "->",
    "←": "<-",
    "⊥": "perp ",
    "\u0302": "^",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "±": "+/-",
    "√": "sqrt ",
    "°": " deg",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "⌊": "floor(",
    "⌋": ")",
    "∇": "grad ",
    "Σ": "sum",
    "Π": "prod",
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "ε": "epsilon",
    "η": "eta",
    "θ": "theta",
    "λ": "lambda",
    "μ": "mu",
    "ρ": "rho",
    "σ": "sigma",
    "φ": "phi",
    "Φ": "Phi",
    "χ": "chi",
    "ω": "omega",
    "ᵗ": "^t",
    "ᵀ": "^T",
    "■": "#",
    "□": "o",
    "▾": "v",
    "◂": "<",
    "\u2028": "\n",
    "\u2029": "\n",
    "⊗": "(x)",
    "⁻": "^-",
    "¹": "1",
    "²": "^2",
    "³": "^3",
    **{chr(0x2080 + digit): str(digit) for digit in range(10)},
}
"""Characters of our own texts in ASCII. Letters of other languages, as in a path, have no substitute."""


def substitute(error: UnicodeError) -> tuple[str | bytes, int]:
    """An error handler of ``codecs`` for encoding: what to write for a character that cannot be written.

    A byte of a file name that is not text (a lone surrogate from ``os.fsdecode``) is written as that byte,
    a character of our own as ``SUBSTITUTES`` has it, any other as Python's escape, such as ``\\xe9``.
    Raises the error itself if it is none of encoding.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character, after = error.object[error.start], error.start + 1
    if 0xDC80 <= ord(character) <= 0xDCFF:
        return bytes([ord(character) - 0xDC00]), after
    return SUBSTITUTES.get(character, character.encode("ascii", "backslashreplace").decode("ascii")), after


def make_safe(*streams: TextIO | None) -> None:
    """Let streams of text write any text, in whatever encoding they have.

    Streams without an encoding, as a test's or a notebook's, can do so already and stay as they are.
    """
    codecs.register_error(ERRORS, substitute)
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=ERRORS)


def flush_or_drop() -> None:
    """Write what is still to be written, or drop it where the reader of our output has gone away.

    Else the interpreter, which empties its streams as it ends, would complain of the closed pipe.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
        except (AttributeError, ValueError):  # there is none, or it is closed
            continue
    os.close(nowhere)


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
