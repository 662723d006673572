"""A zipped run directory is imported as the directory itself would be; anything else is refused."""

import shutil
import zipfile
from pathlib import Path

import pytest
import torch

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import initial_weights
from grokking.interop.archive import unpacked
from grokking.interop.importing import Request, import_checkpoints
from grokking.runs.run import Run
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory

CONFIG = RunConfig(p=7, d_model=16, n_heads=2, d_mlp=24, init_scheme="portable", train_frac=0.5)


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    directory = RunDirectory(tmp_path / "run")
    directory.create(CONFIG, {})
    directory.save(Checkpoint(0, dict(initial_weights(CONFIG)), CONFIG))
    return Path(shutil.make_archive(str(tmp_path / "run"), "zip", tmp_path, "run"))


def test_a_zipped_run_directory_comes_back_with_its_split(zipped: Path, tmp_path: Path) -> None:
    result = import_checkpoints(Request(zipped, tmp_path / "back"))
    run = Run(result.path)
    assert all(torch.equal(run.weights(0)[name], w) for name, w in initial_weights(CONFIG).items())
    assert any("as init_scheme and seed in the file say" in note for note in result.notes)
    assert run.directory.record()["import"]["source"] == str(zipped)


@pytest.mark.parametrize("names", [("notes.txt",), ("a/w.npz", "b/w.npz"), ()])
def test_other_archives_are_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "run.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    with pytest.raises(UserError, match="accepted"), unpacked(path):
        pass


def test_damage_and_paths_that_lead_outside(zipped: Path, tmp_path: Path) -> None:
    path = tmp_path / "outside.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../x.npz", b"1")
    with unpacked(path) as folder:
        assert [file.name for file in folder.iterdir()] == ["x.npz"]
    content = bytearray(zipped.read_bytes())
    content[len(content) // 2] ^= 0xFF
    zipped.write_bytes(content)
    with pytest.raises(UserError, match="cannot be unpacked"), unpacked(zipped):
        pass
