"""Commands in processes that begin with PyTorch loaded: a test of a command need not wait for that each time.

A server, one of each test process, imports what takes seconds and nothing of ours. It forks once for every
command; the fork imports our modules in its own folder and environment, as ``python -m grokking`` does, and
ends as Python does. Where nothing can be forked so, a fresh Python is started.

A test of what happens before our modules are loaded starts Python itself.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO

FORKS = sys.platform == "linux"
SERVER = """
import json, os, runpy, signal, socket, sys
import joblib, jaxtyping, matplotlib.backends.backend_agg, matplotlib.figure, matplotlib.pyplot
import numpy, PIL.Image, psutil, safetensors.torch, scipy.linalg, torch, tqdm
try:
    import numba, numba.np.arraymath
except ImportError:
    pass

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
requests = socket.socket(fileno=int(sys.argv[1]))
while True:
    _, [number], *_ = socket.recv_fds(requests, 1, 1)  # raises when the tests have ended
    if os.fork() == 0:
        break
    os.close(number)
# From here on in a process that starts the command, and waits for it.
requests.close()
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
connection = socket.socket(fileno=number)
request, files, *_ = socket.recv_fds(connection, 1 << 20, 2)
if pid := os.fork():
    connection.send(str(pid).encode())
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    connection.send(str(code).encode())
    os._exit(0)
connection.close()
request = json.loads(request)
for file, standard in zip(files, (1, 2)):
    os.dup2(file, standard)
    os.close(file)
os.chdir(request["cwd"])
os.environ.clear()
os.environ.update(request["env"])
sys.argv[1:] = request["arguments"]
sys.path[1:1] = filter(None, request["env"].get("PYTHONPATH", "").split(os.pathsep))
runpy.run_module("grokking", run_name="__main__", alter_sys=True)
"""
"""Run by ``python -c``, so the first item of ``sys.path`` is the working folder, whichever that is then."""


class Process:
    """``grokking`` with some arguments, running; its output goes to files, its input is empty.

    As ``subprocess.Popen`` of text, as far as tests need it.  returncode: None until its end is known.
    """

    def __init__(self, arguments: Sequence[str], cwd: Path, env: dict[str, str]) -> None:
        self.returncode: int | None = None
        self._out, self._err = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._connection, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(_server(), [b"+"], [theirs.fileno()])
        request = {"arguments": list(arguments), "cwd": str(cwd), "env": env}
        socket.send_fds(
            self._connection, [json.dumps(request).encode()], [self._out.fileno(), self._err.fileno()]
        )
        self.pid = int(self._connection.recv(64))

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, when it has ended; raises subprocess.TimeoutExpired, as Popen does."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                answer = self._connection.recv(64)
            except TimeoutError:
                raise subprocess.TimeoutExpired("grokking", timeout or 0) from None
            self.returncode = int(answer)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Unless it is known that it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it printed, to stdout and to stderr, when it has ended."""
        self.wait(timeout)
        found = tuple(_content(file) for file in (self._out, self._err))
        self._connection.close()
        return found


def _content(file: "IO[str]") -> str:
    with file:
        file.seek(0)
        return file.read()


@cache
def _server() -> socket.socket:
    """The connection to this process's server, which ends with it."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


Running = Process | subprocess.Popen[str]


def start(arguments: Sequence[str], cwd: Path, **environment: str) -> Running:
    """``grokking`` with these arguments, in that folder and in this process's environment and more."""
    env = os.environ | environment
    if FORKS:
        return Process(arguments, cwd, env)
    command = [sys.executable, "-m", "grokking", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=cwd, env=env, text=True, stdout=pipe, stderr=pipe)


def run(
    arguments: Sequence[str], cwd: Path, timeout: float | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """As ``start``; returns when the command has ended."""
    process = start(arguments, cwd, **environment)
    out, err = process.communicate(timeout=timeout)
    return subprocess.CompletedProcess(list(arguments), process.returncode or 0, out, err)
