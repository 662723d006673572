"""Build the page's training engine: C in this folder into a script that holds it as text.

    python -m grokking.page.wasm.build        (or: npm run wasm)

A development step; it needs clang and lld with the target wasm32 (Debian: ``apt-get install clang lld``). The
script names the sources' checksum and the compiler, so that a test can tell whether it is out of date. The
same compiler gives the same bytes.
"""

import base64
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from grokking.errors import UserError
from grokking.storage.atomic_io import write_bytes

SOURCES = Path(__file__).parent
BUILT = SOURCES.parent / "assets" / "js" / "lab" / "engine.wasm.js"
FLAGS = (
    "--target=wasm32",
    "-msimd128",
    "-mbulk-memory",
    "-O3",
    "-nostdlib",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-ffp-contract=off",
    "-Wl,--no-entry",
    "-Wl,--strip-all",
    "-Wl,-z,stack-size=65536",
)
TEXT = """// Built by python -m grokking.page.wasm.build; do not edit.
// sources {checksum}
// compiler {compiler}
(function () {{
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {{}});
  lab.engineBase64 =
    '{content}';
}})();
"""


def checksum() -> str:
    """sha256 of the C files and headers, by name."""
    digest = hashlib.sha256()
    for path in sorted((*SOURCES.glob("*.c"), *SOURCES.glob("*.h"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def compiler() -> str | None:
    """The version that clang says of itself, None where clang or wasm-ld is not installed."""
    if shutil.which("clang") is None or shutil.which("wasm-ld") is None:
        return None
    asked = subprocess.run(["clang", "--version"], capture_output=True, text=True, check=True)
    return asked.stdout.splitlines()[0].strip()


def module() -> bytes:
    """The WebAssembly module. Raises UserError where it cannot be compiled."""
    if compiler() is None:
        raise UserError("clang and wasm-ld are needed; on Debian: apt-get install clang lld")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "engine.wasm"
        names = sorted(path.name for path in SOURCES.glob("*.c"))
        done = subprocess.run(
            ["clang", *FLAGS, "-o", str(output), *names], cwd=SOURCES, capture_output=True, text=True
        )
        if done.returncode:
            raise UserError(f"clang cannot compile the engine: {done.stderr.strip()}")
        return output.read_bytes()


def script_text() -> str:
    """The whole script, ``engine.wasm.js``."""
    content = base64.b64encode(module()).decode("ascii")
    return TEXT.format(checksum=checksum(), compiler=compiler(), content=content)


def main() -> None:
    """Write the script."""
    text = script_text()
    write_bytes(BUILT, text.encode())
    sys.stderr.write(f"{BUILT.name}: {len(text)} characters, {compiler()}\n")


if __name__ == "__main__":
    main()
