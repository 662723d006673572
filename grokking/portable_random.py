"""Random numbers that any language can draw bit for bit: ``--init_scheme portable``.

The bits are Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3",
SC'11, section 4.2): a function of a key (seed, stream) and a counter, in sums, rotations and exclusive ors of
unsigned 32-bit integers. A normal number is made of them by Box and Muller's transform (1958), whose
logarithm, sine and cosine are the series written out here: only sums, products, quotients and square
roots of float64, in a fixed order, each of which IEEE 754 rounds in one way. The page's JavaScript draws the
same bits (``page/assets/js/lab/portable.js``).
"""

import math

import numpy as np

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA
ROUNDS = 20
SPLIT_STREAM = 1 << 31
"""Streams from here on draw splits, one for each operation; those below draw weights."""
LN2 = 0.6931471805599453
LOG_TERMS = 12
"""Of atanh(s)'s series: with |s| <= 0.172 the first that is left out is below 1e-19."""
CIRCLE_TERMS = 9
"""Of the series of sine and cosine: with angles up to π/4 the first left out is below 1e-17."""


def threefry(seed: int, stream: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The two words, uint32 [n] each, of the counters (0, 0) … (n - 1, 0) under the key (seed, stream)."""
    keys = np.array([seed, stream, seed ^ stream ^ PARITY], dtype=np.uint32)
    x = np.arange(n, dtype=np.uint32) + keys[0]
    y = np.zeros(n, dtype=np.uint32) + keys[1]
    for r in range(ROUNDS):
        x = x + y
        left = ROTATIONS[r % len(ROTATIONS)]
        y = ((y << np.uint32(left)) | (y >> np.uint32(32 - left))) ^ x
        if r % 4 == 3:
            step = r // 4 + 1
            x = x + keys[step % 3]
            y = y + keys[(step + 1) % 3] + np.uint32(step)
    return x, y


def _log(odd: np.ndarray) -> np.ndarray:
    """ln of float64 whole numbers: these are m · 2^e, √½ <= m < √2, and ln m = 2 atanh((m - 1) / (m + 1))."""
    m, e = np.frexp(odd)
    low = m < math.sqrt(0.5)
    m, e = np.where(low, m * 2, m), np.where(low, e - 1, e)
    s = (m - 1) / (m + 1)
    square, total = s * s, np.zeros_like(s)
    for k in range(LOG_TERMS - 1, -1, -1):
        total = total * square + 1 / (2 * k + 1)
    return np.asarray(e * LN2 + 2 * s * total)


def _circle(eighths: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of whole ``eighths`` of a turn, int64 [n], and the ``rest`` of one, float64 [n]."""
    angle = np.where(eighths % 2 == 0, rest, 1 - rest) * (math.pi / 4)
    square, cos, sin = angle * angle, np.ones_like(angle), np.ones_like(angle)
    for k in range(CIRCLE_TERMS - 2, -1, -1):
        cos = 1 - square / ((2 * k + 1) * (2 * k + 2)) * cos
        sin = 1 - square / ((2 * k + 2) * (2 * k + 3)) * sin
    sin = angle * sin
    swapped = ((eighths + 1) // 2) % 2 == 1
    cos, sin = np.where(swapped, sin, cos), np.where(swapped, cos, sin)
    return np.where((eighths + 2) // 4 % 2 == 1, -cos, cos), np.where(eighths >= 4, -sin, sin)


def portable_normal(seed: int, stream: int, n: int) -> np.ndarray:
    """n draws of N(0, 1), float64: numbers 2i and 2i + 1 come from counter i's two words u and v.

    They are r cos θ and r sin θ, r = √(-2 ln((2u + 1) / 2^33)), θ = 2π (v + ½) / 2^32.
    """
    u, v = threefry(seed, stream, -(-n // 2))
    radius = np.sqrt(-2 * (_log(2.0 * u + 1) - 33 * LN2))
    cos, sin = _circle((v >> np.uint32(29)).astype(np.int64), ((v & np.uint32(0x1FFFFFFF)) + 0.5) / 2.0**29)
    return np.stack([radius * cos, radius * sin], axis=1).ravel()[:n]


def portable_order(seed: int, stream: int, n: int) -> np.ndarray:
    """A permutation of 0 … n - 1, int64: by the words of counter i, the first counting more; ties by i."""
    first, second = threefry(seed, SPLIT_STREAM + stream, n)
    return np.lexsort((second, first))
