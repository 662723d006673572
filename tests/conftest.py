"""What many tests start from: a config that trains in a blink, a run made from it, the command line."""

# ruff: noqa: E402
# The hook must stand before anything of grokking is imported: only what is imported after it is checked.
from jaxtyping import install_import_hook

import tests.typechecking  # noqa: F401

CHECKED = ["grokking.metrics", "grokking.models", "grokking.groups"]
"""Packages whose annotations, shapes and dtypes among them, every test checks at every call."""
install_import_hook(CHECKED, "tests.typechecking.checked")

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from torch import Tensor

from grokking.cli.main import main
from grokking.config import RunConfig
from grokking.models.transformer import ModelShape
from grokking.storage.provenance import versions
from grokking.storage.run_directory import CONFIG, DERIVED, RunDirectory, of_a_run
from grokking.training.loop import Execution, Job, train

ROOT = Path(__file__).resolve().parent.parent
TINY = {
    "p": 11,
    "d_model": 16,
    "n_heads": 2,
    "d_mlp": 32,
    "train_frac": 0.5,
    "n_epochs": 60,
    "log_every": 10,
    "checkpoint_every": 25,
}
BIAS_SCALE = 0.3
# The same examples every time, and none refused for being slow: tests tell of the code, and neither of luck
# nor of how busy the machine is.
settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
# Tests run side by side, a process for each processor, and with them the commands that they start. Tests of
# several threads ask for them.
os.environ["OMP_NUM_THREADS"] = "1"
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # So it is in a background job of a script, and the commands that tests interrupt would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def assert_refused(self, *words: str) -> None:
        """With one line on stderr that holds these words, exit code 2, nothing on stdout."""
        assert self.code == 2
        assert self.out == ""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        for word in words:
            assert word in lines[0]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """PyTorch's idle threads would spend more time waiting than these small tensors take.

    Training sets its own number, here as elsewhere.
    """
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def root() -> Path:
    """Where the scripts lie."""
    return ROOT


@pytest.fixture(scope="session")
def tiny_config() -> RunConfig:
    """Trains to its end in well under a second; groks nothing."""
    return RunConfig(**TINY)


@pytest.fixture(scope="session")
def tiny_flags() -> list[str]:
    """``tiny_config`` as typed."""
    return [text for name, value in TINY.items() for text in (f"--{name}", str(value))]


@pytest.fixture(scope="session")
def train_run() -> Callable[..., Path]:
    """train_run(config, folder, threads=1 …) trains into that folder and returns it."""

    def run(config: RunConfig, folder: Path, **execution: object) -> Path:
        train([Job(config, RunDirectory(folder), {"versions": versions()})], Execution(**execution))
        return folder

    return run


@pytest.fixture(scope="session")
def tiny_run(
    tmp_path_factory: pytest.TempPathFactory, tiny_config: RunConfig, train_run: Callable[..., Path]
) -> Path:
    """A finished run directory of ``tiny_config``. Not to be changed: copy it."""
    return train_run(tiny_config, tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture(scope="session")
def drawn_weights() -> Callable[..., dict[str, Tensor]]:
    """drawn_weights(shape, seed) are weights in which every parameter matters, biases too."""

    def draw(shape: ModelShape, seed: int = 0) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        weights = {}
        for name, size in shape.parameter_shapes().items():
            values = torch.randn(size, generator=generator)
            if name.startswith("W_"):
                weights[name] = values / shape.d_model**0.5
            else:
                weights[name] = BIAS_SCALE * values + name.endswith("_w")
        return weights

    return draw


@pytest.fixture
def made_by_hand() -> Callable[[Path], None]:
    """made_by_hand(folder) takes the manifest away: what lies there is accepted as it is."""
    return lambda folder: (folder / "manifest.json").unlink()


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, bytes]]:
    """contents(folder) is every file below it, by relative name, with its bytes."""

    def read(folder: Path) -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    return read


@pytest.fixture(scope="session")
def results(contents: Callable[[Path], dict[str, bytes]]) -> Callable[[Path], dict[str, bytes]]:
    """The files of a run, less config.json and what is derived: what equal runs have equal.

    The run directory itself says which these are. A lock, or a file half written, which a killed process
    leaves at whatever instruction it was, means nothing: the next writer takes it over.
    """

    def read(folder: Path) -> dict[str, bytes]:
        return {
            name: content
            for name, content in contents(folder).items()
            if of_a_run(name) and name not in (CONFIG, *DERIVED)
        }

    return read


@pytest.fixture
def command(script: Callable[..., Ended]) -> Callable[..., Ended]:
    """command("--p", 7, …) is ``grokking train`` with these arguments, in this process."""
    return partial(script, "train")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """script("sweep", "--p", 7, …), script("frames circle", run) are ``grokking sweep …`` in this process."""

    def run(name: str, *arguments: object) -> Ended:
        given = [*name.split(), *map(str, arguments)]
        monkeypatch.setattr("sys.argv", ["grokking", *given])
        capsys.readouterr()
        code = 0
        try:
            main(given)
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run
