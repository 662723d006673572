"""Files of others: refused in one line, nothing run, nothing written."""

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch

from grokking.errors import UserError
from grokking.interop import untrusted
from grokking.interop.importing import Request, import_checkpoints
from tests.interop.foreign import PerHead, Plain, TransformerLens

P = 7


class Bomb:
    """Unpickled without care, this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.fixture
def refused(tmp_path: Path):
    """refused(source) is the one line with which an import ends; nothing may have been written."""

    def run(source: Path, **options: object) -> str:
        before = sorted(path.name for path in tmp_path.iterdir())
        with pytest.raises(UserError) as caught:
            import_checkpoints(Request(source, tmp_path / "out", **options))
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return run


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_with_code_in_it_is_refused_and_does_not_run(zipped: bool, tmp_path: Path, refused) -> None:
    source, mark = tmp_path / "weights.pt", tmp_path / "ran"
    state = {**PerHead(P).state_dict(), "extra": Bomb(mark)}
    torch.save(state, source, _use_new_zipfile_serialization=zipped)
    assert "system" in refused(source)
    assert not mark.exists()
    torch.load(source, weights_only=False)
    assert mark.exists(), "the file was no bomb, so nothing was proved"


def test_a_text_is_not_accused_of_bringing_code(tmp_path: Path, refused) -> None:
    (tmp_path / "weights.pt").write_text("# A heading\n\nand words.\n")
    hints = refused(tmp_path / "weights.pt")
    assert "not a file of weights; accepted: what torch.save and safetensors write" in hints
    assert "run" not in hints.replace(str(tmp_path), "")


def test_a_bare_pickle_is_refused(tmp_path: Path, refused) -> None:
    (tmp_path / "weights.pt").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    refused(tmp_path / "weights.pt")
    assert not (tmp_path / "ran").exists()


def test_a_whole_module_is_refused_with_what_to_do_instead(tmp_path: Path, refused) -> None:
    torch.save(PerHead(P), tmp_path / "weights.pt")
    assert "PerHead" in refused(tmp_path / "weights.pt")
    assert "model.state_dict()" in refused(tmp_path / "weights.pt")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\x03\x04 no zip", b"\x80\x02}q\x00.", os.urandom(2000)]
)
def test_files_that_are_no_weights_are_refused(content: bytes, tmp_path: Path, refused) -> None:
    for name in ("weights.pt", "weights.safetensors"):
        (tmp_path / name).write_bytes(content)
        assert str(tmp_path / name) in refused(tmp_path / name)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_truncated_files_are_refused(share: float, tmp_path: Path, refused) -> None:
    torch.save(PerHead(P).state_dict(), tmp_path / "weights.pt")
    safetensors.torch.save_file(PerHead(P).state_dict(), tmp_path / "weights.safetensors")
    for path in (tmp_path / "weights.pt", tmp_path / "weights.safetensors"):
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        assert "damaged" in refused(path) or "refused" in refused(path)


def test_safetensors_are_read(tmp_path: Path, same_logits) -> None:
    torch.manual_seed(0)
    network = Plain(P)
    safetensors.torch.save_file(network.state_dict(), tmp_path / "step-70.safetensors")
    same_logits(
        network, import_checkpoints(Request(tmp_path / "step-70.safetensors", tmp_path / "out")).path, 70
    )


def test_a_folder_of_old_files_is_read(tmp_path: Path, same_logits) -> None:
    torch.manual_seed(0)
    network = TransformerLens(P)
    torch.save(network.state_dict(), tmp_path / "weights.pth", _use_new_zipfile_serialization=False)
    same_logits(network, import_checkpoints(Request(tmp_path / "weights.pth", tmp_path / "out")).path)


def test_archives_that_unfold_are_refused(tmp_path: Path, refused) -> None:
    torch.save(PerHead(P).state_dict(), tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for entry in plain.infolist():
            bomb.writestr(entry.filename, plain.read(entry))
    assert "compressed inside" in refused(tmp_path / "bomb.pt")


@pytest.mark.parametrize(
    "limit, value, word",
    [
        ("MAX_FILE_BYTES", 1000, "GiB"),
        ("MAX_TENSORS", 5, "up to 5"),
        ("MAX_PICKLE_BYTES", 100, "describes"),
    ],
)
def test_limits_of_a_file(limit: str, value: int, word: str, tmp_path: Path, refused, monkeypatch) -> None:
    torch.save(PerHead(P).state_dict(), tmp_path / "weights.pt")
    monkeypatch.setattr(untrusted, limit, value)
    assert word in refused(tmp_path / "weights.pt")


def test_a_tensor_that_is_huge_without_its_bytes_takes_no_memory(tmp_path: Path, refused) -> None:
    state = TransformerLens(P).state_dict()
    state["blocks.0.mlp.W_in"] = torch.zeros(1).expand(16, 2**30)
    state["blocks.0.mlp.W_out"] = torch.zeros(1).expand(2**30, 16)
    state["blocks.0.mlp.b_in"] = torch.zeros(1).expand(2**30)
    torch.save(state, tmp_path / "weights.pt")
    assert (tmp_path / "weights.pt").stat().st_size < 100_000
    assert "numbers; accepted" in refused(tmp_path / "weights.pt")


def test_a_safetensors_header_that_promises_too_much_is_refused(tmp_path: Path, refused) -> None:
    header = b'{"embed.W_E": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 4398046511104]}}'
    (tmp_path / "weights.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    assert "damaged" in refused(tmp_path / "weights.safetensors")


@pytest.mark.parametrize(
    "change, word",
    [
        (lambda t: t.to_sparse(), "sparse"),
        (lambda t: (100 * t).to(torch.int8), "int8"),
        (lambda t: t.to(torch.complex64), "complex64"),
        (lambda t: t / 0, "not finite"),
        (lambda t: t * 1e15, "range of float32"),
        (lambda t: t[:-1], "contradict"),
        (lambda t: t[None], "it has no W_in [d m]"),
    ],
)
def test_tensors_that_are_no_weights_are_refused(change, word: str, tmp_path: Path, refused) -> None:
    torch.manual_seed(0)
    state = PerHead(P).state_dict()
    state["W_in.weight"] = change(state["W_in.weight"])
    torch.save(state, tmp_path / "weights.pt")
    assert word in refused(tmp_path / "weights.pt")


def test_a_network_beyond_float32_is_refused_by_the_metric_it_spoils(tmp_path: Path, refused) -> None:
    torch.manual_seed(0)
    state = PerHead(P).state_dict()
    torch.save({key: t * (1e10 if t.ndim > 1 else 0) for key, t in state.items()}, tmp_path / "weights.pt")
    assert "all_loss that is not finite" in refused(tmp_path / "weights.pt")


def test_keys_are_quoted(tmp_path: Path, refused) -> None:
    torch.save({"a\n\x1b[31mred": torch.zeros(2), "b" * 500: torch.zeros(3)}, tmp_path / "weights.pt")
    line = refused(tmp_path / "weights.pt")
    assert "\x1b" not in line
    assert r"a\n\x1b[31mred" in line
    assert "b" * 100 not in line


@pytest.mark.parametrize(
    "key, word",
    [
        ("blocks.1.attn.W_Q", "second layer"),
        ("blocks.0.ln1.w", "layer norm"),
        ("encoder.norm.weight", "layer norm"),
    ],
)
def test_networks_of_another_build_are_refused(key: str, word: str, tmp_path: Path, refused) -> None:
    torch.save({**TransformerLens(P).state_dict(), key: torch.ones(16)}, tmp_path / "weights.pt")
    assert word in refused(tmp_path / "weights.pt")


def test_longer_inputs_are_refused(tmp_path: Path, refused) -> None:
    state = TransformerLens(P).state_dict()
    state["pos_embed.W_pos"] = torch.zeros(5, 16)
    torch.save(state, tmp_path / "weights.pt")
    assert "5 positions" in refused(tmp_path / "weights.pt")


def test_names_from_files_reach_no_path(tmp_path: Path) -> None:
    torch.manual_seed(0)
    content = io.BytesIO()
    torch.save({"../../evil": torch.ones(2), "epoch": 3, "model": PerHead(P).state_dict()}, content)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "..e12.pt").write_bytes(content.getvalue())
    path = import_checkpoints(Request(tmp_path / "in", tmp_path / "out")).path
    assert sorted(p.name for p in path.iterdir()) == [
        "checkpoint_e000003.safetensors",
        "config.json",
        "history.json",
        "manifest.json",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out"]


def test_what_lies_in_the_way_is_left_alone(tmp_path: Path, refused) -> None:
    torch.save(PerHead(P).state_dict(), tmp_path / "weights.pt")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    assert "not an empty folder" in refused(tmp_path / "weights.pt")
    (tmp_path / "out" / "mine").unlink()
    assert import_checkpoints(Request(tmp_path / "weights.pt", tmp_path / "out")).path == tmp_path / "out"


def test_nothing_is_left_if_measuring_fails(tmp_path: Path, monkeypatch) -> None:
    torch.save(PerHead(P).state_dict(), tmp_path / "weights.pt")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("grokking.interop.importing.measure_row", fail)
    with pytest.raises(KeyboardInterrupt):
        import_checkpoints(Request(tmp_path / "weights.pt", tmp_path / "out"))
    assert [p.name for p in tmp_path.iterdir()] == ["weights.pt"]
