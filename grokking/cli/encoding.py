"""Text for a person on any terminal: no character of ours and no name of a file can end a script.

A terminal's encoding (cp932, cp949, cp1252, ASCII ...) lacks some of the characters that help texts,
tables and paths hold. Python then raises UnicodeEncodeError, on stdout at least, and what follows is
never printed. Here each missing character is replaced by one that says the same.
"""

import codecs
import os
import sys
from typing import TextIO

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
    "γ": "gamma",
    "δ": "delta",
    "η": "eta",
    "θ": "theta",
    "λ": "lambda",
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
