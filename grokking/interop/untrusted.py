"""Files of others, opened within limits and without running anything that is in them.

A ``.pt`` file is a pickle, which may name any function to be called. Only PyTorch's restricted
unpickler (``weights_only``) reads it here: it builds tensors, numbers, texts, lists and dicts, leaves
objects of other classes out (see ``inert``), and refuses to call anything. Sizes are checked before
memory is taken.
"""

import contextlib
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from grokking.errors import UserError, os_errors_as
from grokking.interop.inert_unpickler import Called, load_inert, plain
from grokking.interop.npz import is_npz, read_npz

SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".npz")
ACCEPTED = "accepted: what torch.save and safetensors write, and numpy.savez"
MAX_FILES = 20_000
MAX_FILE_BYTES = 8 * 2**30
MAX_PICKLE_BYTES = 256 * 2**20
"""Of the part of a file that describes its tensors."""
MAX_ARRAYS_BYTES = 2 * 2**30
"""Of all arrays of an .npz together, which lie in memory at once."""
MAX_TENSORS = 50_000
"""In one file: about four thousand epochs of one network."""
MAX_ELEMENTS = 2**28
"""Numbers in one network: a GiB in float32."""
LARGEST = 1e12
"""Of a weight: sums of their products are squared in float32, which ends at 3.4e38. Training gives tens."""
EXACT = {
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
    torch.float32: torch.float32,
    torch.float64: torch.float64,
}
"""What a type of number is kept as: one that holds each of its values."""


def find_files(source: Path) -> list[Path]:
    """The file itself, or the weight files that lie in a folder, by name.

    Raises UserError if there are none, or too many.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise UserError(f"{source} is neither a file nor a folder")
    files = sorted(f for f in source.iterdir() if f.suffix.lower() in SUFFIXES and f.is_file())
    if not 0 < len(files) <= MAX_FILES:
        raise UserError(
            f"{source} holds {len(files)} files of weights; accepted: 1 to {MAX_FILES} that end in "
            + " ".join(SUFFIXES)
        )
    return files


@dataclass(frozen=True)
class Contents:
    """record: a tensor by key, or the lists and dicts around them.  left_out: what else lies in the file,
    each with its place and its class.
    """

    record: Any
    left_out: list[str]


def read(path: Path) -> Any:
    """The record of ``contents``."""
    return contents(path).record


def contents(path: Path) -> Contents:
    """What a file holds, tensors on the CPU.

    Raises UserError for a file that would have something run, for damage, and beyond the limits.
    """
    with os_errors_as(f"read {path}"):
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UserError(
                f"{path} has {size / 2**30:.1f} GiB; accepted: up to {MAX_FILE_BYTES / 2**30:.0f}"
            )
        with _as_user_error(path):
            if path.suffix.lower() == ".safetensors":
                return Contents(_read_safetensors(path), [])
            if is_npz(path):
                return Contents(*read_npz(path, MAX_TENSORS, MAX_ARRAYS_BYTES))
            return Contents(*plain(_read_pickle(path)))


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    with safetensors.safe_open(path, framework="pt", device="cpu") as file:
        keys = list(file.keys())
        if len(keys) > MAX_TENSORS:
            raise UserError(f"{path} holds {len(keys)} tensors; accepted: up to {MAX_TENSORS}")
        return {key: file.get_tensor(key) for key in keys}


def _read_pickle(path: Path) -> Any:
    zipped = zipfile.is_zipfile(path)
    if zipped:
        _check_archive(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of storage classes that old files name
        # Mapped, a tensor takes memory only once it is looked at; files of before 2020 cannot be.
        return load_inert(
            lambda: torch.load(path, map_location="cpu", weights_only=True, mmap=zipped or None)
        )


def _check_archive(path: Path) -> None:
    """Raises UserError for an archive that would unfold into more than it is."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if len(entries) > MAX_TENSORS:
        raise UserError(f"{path} holds {len(entries)} tensors; accepted: up to {MAX_TENSORS}")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise UserError(f"{path} is compressed inside, as torch.save never does; refused")
    if sum(entry.file_size for entry in entries) > MAX_FILE_BYTES:
        raise UserError(f"{path} unfolds into more than {MAX_FILE_BYTES / 2**30:.0f} GiB; refused")
    if any(e.filename.endswith("data.pkl") and e.file_size > MAX_PICKLE_BYTES for e in entries):
        raise UserError(
            f"{path} describes its tensors in more than {MAX_PICKLE_BYTES / 2**20:.0f} MiB; refused"
        )


@contextlib.contextmanager
def _as_user_error(path: Path) -> Iterator[None]:
    """Whatever reading a damaged or hostile file raises, as one line."""
    try:
        yield
    except (UserError, PermissionError):
        raise
    except (pickle.UnpicklingError, Called) as error:
        if not _may_be_torch(path):
            raise UserError(f"{path} is not a file of weights; {ACCEPTED}") from error
        what = _what_would_run(error)
        raise UserError(
            f"{path} names {what}, which would have to be run: refused, and nothing was run; "
            "save plain tensors instead, torch.save(model.state_dict(), …)"
        ) from error
    except Exception as error:  # a damaged file can raise anything; it is always the file's fault
        word = (str(error).splitlines() or [""])[0][:160]
        why = f": {word!r}" if " " in word else ""  # an unpickler may raise a bare number
        raise UserError(f"{path} is damaged or no file of weights{why}; {ACCEPTED}") from error


def _what_would_run(error: Exception) -> str:
    if isinstance(error, Called):
        return str(error)[:100]
    named = re.search(r"GLOBAL ([\w.]{1,100})", str(error))
    return named[1] if named else "something that is not a tensor, number, text, list or dict"


def _may_be_torch(path: Path) -> bool:
    """Whether a file begins as torch.save's do: a zip archive, or, of old, a pickle."""
    with open(path, "rb") as file:
        return file.read(2).startswith((b"PK", b"\x80"))


def tensors_of(record: Any) -> dict[str, Tensor] | None:
    """The tensors of a state dict by key; None if ``record`` is none."""
    if not isinstance(record, Mapping) or not record or len(record) > MAX_TENSORS:
        return None
    found = {key: t for key, t in record.items() if isinstance(key, str) and isinstance(t, Tensor)}
    return found or None


def exact_copy(key: str, tensor: Tensor) -> Tensor:
    """The tensor in memory of its own, every value kept, on the CPU; half precision becomes float32.

    Raises UserError for tensors of whole numbers, sparse ones, and values that are not finite or beyond
    ``LARGEST``.
    """
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.dtype not in EXACT:
        raise UserError(
            f"{quoted([key])} is a {tensor.layout} tensor of {tensor.dtype} on {tensor.device}; accepted: "
            "plain ones of float16, bfloat16, float32, float64"
        )
    copy = tensor.detach().to(EXACT[tensor.dtype], copy=True).contiguous()
    if not torch.isfinite(copy).all():
        raise UserError(f"{quoted([key])} has values that are not finite")
    if copy.numel() and (largest := float(copy.abs().max())) > LARGEST:
        raise UserError(
            f"{quoted([key])} has a value of size {largest:.3g}; accepted: up to {LARGEST:g}, since larger "
            "ones leave the range of float32 on their way to the logits; is the file damaged?"
        )
    return copy


def quoted(keys: Iterable[str], most: int = 12) -> str:
    """Texts from a file, safe to print: quoted, cut, and not too many of them."""
    keys = list(keys)
    shown = ", ".join(repr(key if len(key) <= 80 else key[:77] + "…") for key in keys[:most])
    return shown + f", … ({len(keys)} in all)" * (len(keys) > most)
