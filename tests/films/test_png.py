"""Our PNG files are what others read."""

import io

import numpy as np
import pytest
from PIL import Image

from grokking.films.png import png_bytes


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (48, 64), (720, 1280)])
def test_another_reader_sees_the_pixels(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    flat = np.full((*size, 3), 250, np.uint8)
    for rgb in (noise, flat, noise[::-1, ::-1]):
        with Image.open(io.BytesIO(png_bytes(rgb))) as read:
            read.load()
            assert read.format == "PNG"
            assert read.mode == "RGB"
            assert np.array_equal(np.asarray(read), rgb)


def test_flat_pictures_are_small() -> None:
    assert len(png_bytes(np.full((720, 1280, 3), 250, np.uint8))) < 30_000


def test_a_damaged_byte_is_noticed() -> None:
    png = bytearray(png_bytes(np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)))
    png[60] ^= 1
    with pytest.raises((OSError, SyntaxError)), Image.open(io.BytesIO(bytes(png))) as read:
        read.load()
