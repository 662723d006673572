"""Archives of arrays, as numpy.savez writes them: read within limits, and never an array of objects."""

import io
import math
import zipfile
from pathlib import Path

import numpy as np
from torch import Tensor

from grokking.errors import UserError
from grokking.interop.inert_unpickler import as_tensor

HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""By the version of the .npy format."""


def is_npz(path: Path) -> bool:
    """Whether the file is an archive of .npy files and of nothing else, whatever its name."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


def read_npz(path: Path, most: int, most_bytes: int) -> tuple[dict[str, Tensor], list[str]]:
    """The arrays of numbers by name, as tensors with memory of their own; and what else lies there.

    Raises UserError for more than ``most`` arrays or ``most_bytes`` of them, ValueError for damage.
    """
    record, left_out = {}, []
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > most:
            raise UserError(f"{path} holds {len(entries)} arrays; accepted: up to {most}")
        if sum(entry.file_size for entry in entries) > most_bytes:
            raise UserError(f"{path} unfolds into more than {most_bytes / 2**30:.0f} GiB; refused")
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            array = _array(archive.read(entry))
            tensor = None if array is None else as_tensor(array)
            if tensor is None:
                left_out.append(f"{name!r} (numpy.ndarray)")
            else:
                record[name] = tensor
    return record, left_out


def _array(content: bytes) -> np.ndarray | None:
    """The array in the bytes of an .npy file; None for one of objects, which would be a pickle.

    Raises ValueError where the header promises more than there is, before memory is taken.
    """
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"an array of the unknown format {version}")
    shape, _, dtype = HEADERS[version](file)
    if dtype.hasobject:
        return None
    if math.prod(shape) * dtype.itemsize > len(content):
        raise ValueError(f"an array says that it is {shape}, which is more than its file holds")
    file.seek(0)
    return np.asarray(np.load(file, allow_pickle=False))
