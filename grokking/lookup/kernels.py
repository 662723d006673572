"""The loops over pairs that no matrix product does, compiled by numba.

All arrays are C-contiguous float32 unless said otherwise; W as in ``lookup.tables``.
Sums may be reassociated by the compiler (that is what vectorises them); the order is fixed at
compile time, so the same machine gives the same bits.
"""

import platform

import llvmlite.binding as llvm
import numba
import numpy as np
from numba import njit

if numba.config.CPU_FEATURES is None and platform.machine() in ("x86_64", "AMD64"):
    # LLVM keeps to half-width vectors where AVX-512 once slowed the whole processor down; these loops
    # gain from full width.
    numba.config.CPU_FEATURES = f"{llvm.get_host_cpu_features().flatten()},-prefer-256-bit"

REASSOCIATE = {"reassoc", "contract", "nsz", "arcp"}
ZERO = np.float32(0)

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# Adding 1.5 · 2^52 leaves the rounded integer in the low bits of a float64.
ROUNDER = 6755399441055744.0
SMALLEST_EXPONENT = -700.0
# 1/k! for k = 2 … 11: on |x| <= ln2/2 the series is exact to the last bit but one.
E2, E3, E4, E5, E6 = 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720
E7, E8, E9, E10, E11 = 1 / 5040, 1 / 40320, 1 / 362880, 1 / 3628800, 1 / 39916800


@njit(nogil=True, fastmath=REASSOCIATE, cache=True)
def _attend(score, own_score, rows, weights):  # type: ignore[no-untyped-def]
    """Attention of one pair to its operands: rows int32 [J], weights [J, H] is written."""
    for h in range(own_score.shape[0]):
        top = own_score[h]
        for j in range(rows.shape[0]):
            top = max(top, score[rows[j], h])
        total = np.exp(own_score[h] - top)
        for j in range(rows.shape[0]):
            weights[j, h] = np.exp(score[rows[j], h] - top)
            total += weights[j, h]
        for j in range(rows.shape[0]):
            weights[j, h] /= total


@njit(nogil=True, fastmath=REASSOCIATE, cache=True)
def _locate(rows, n_heads, n_rows, at):  # type: ignore[no-untyped-def]
    """at[j · H + h] = row of operand j of head h in the table flattened to [H · R, W]."""
    k = 0
    for j in range(rows.shape[0]):
        for h in range(n_heads):
            at[k] = h * n_rows + rows[j]
            k += 1


@njit(nogil=True, fastmath=REASSOCIATE, cache=True)
def _add_rows(table, at, w, out):  # type: ignore[no-untyped-def]
    """out += Σ_k w[k] · table[at[k]], four rows to one pass over ``out``."""
    n, k = at.shape[0], 0
    while k + 4 <= n:
        m0, m1, m2, m3 = table[at[k]], table[at[k + 1]], table[at[k + 2]], table[at[k + 3]]
        w0, w1, w2, w3 = w[k], w[k + 1], w[k + 2], w[k + 3]
        for c in range(out.shape[0]):
            out[c] += (w0 * m0[c] + w1 * m1[c]) + (w2 * m2[c] + w3 * m3[c])
        k += 4
    while k < n:
        m0, w0 = table[at[k]], w[k]
        for c in range(out.shape[0]):
            out[c] += w0 * m0[c]
        k += 1


@njit(nogil=True, fastmath=REASSOCIATE, cache=True)
def _add_rows_back(table, at, w, d_out, d_table, d_w):  # type: ignore[no-untyped-def]
    """d_table[at[k]] += w[k] · d_out and d_w[k] = table[at[k]] · d_out, two rows to one pass."""
    n, k = at.shape[0], 0
    while k + 2 <= n:
        m0, m1, d0, d1 = table[at[k]], table[at[k + 1]], d_table[at[k]], d_table[at[k + 1]]
        w0, w1, dot0, dot1 = w[k], w[k + 1], ZERO, ZERO
        for c in range(d_out.shape[0]):
            d0[c] += w0 * d_out[c]
            d1[c] += w1 * d_out[c]
            dot0 += m0[c] * d_out[c]
            dot1 += m1[c] * d_out[c]
        d_w[k], d_w[k + 1] = dot0, dot1
        k += 2
    if k < n:
        m0, d0, w0, dot0 = table[at[k]], d_table[at[k]], w[k], ZERO
        for c in range(d_out.shape[0]):
            d0[c] += w0 * d_out[c]
            dot0 += m0[c] * d_out[c]
        d_w[k] = dot0


@njit(nogil=True, fastmath=REASSOCIATE, cache=True)
def mix_rows(mix, score, own_score, base, rows, weights, hidden, direct):  # type: ignore[no-untyped-def]
    """Attention and first layer of a tile of pairs.

    In: mix [H, R, W], score [R, H], own_score [H], base [W], rows int32 [n, J].
    Out: weights [n, J, H], hidden [n, M] = relu(pre), direct [n, C or more].
    """
    n_heads, n_rows, width = mix.shape
    table = mix.reshape(n_heads * n_rows, width)
    at = np.empty(rows.shape[1] * n_heads, np.int64)
    out = np.empty(width, np.float32)
    pre, rest = out[: hidden.shape[1]], out[width - direct.shape[1] :]
    for i in range(rows.shape[0]):
        _attend(score, own_score, rows[i], weights[i])
        _locate(rows[i], n_heads, n_rows, at)
        for c in range(width):
            out[c] = base[c]
        _add_rows(table, at, weights[i].reshape(at.shape[0]), out)
        neurons, logits = hidden[i], direct[i]
        for c in range(pre.shape[0]):
            neurons[c] = ZERO if pre[c] < ZERO else pre[c]  # a NaN stays one
        for c in range(rest.shape[0]):
            logits[c] = rest[c]


@njit(nogil=True, fastmath=REASSOCIATE, cache=True)
def unmix_rows(mix, rows, weights, hidden, d_hidden, d_logits, d_mix, d_score, d_base):  # type: ignore[no-untyped-def]
    """The way back of ``mix_rows``: adds into d_mix, d_score and d_base (shapes of their tables).

    d_hidden [n, M] is the gradient of relu(pre), d_logits [n, C or more] that of the logits.
    """
    n_heads, n_rows, width = mix.shape
    n_operands, n_terms = rows.shape[1], rows.shape[1] * n_heads
    table, d_table = mix.reshape(n_heads * n_rows, width), d_mix.reshape(n_heads * n_rows, width)
    at, d_w = np.empty(n_terms, np.int64), np.empty(n_terms, np.float32)
    d_out = np.zeros(width, np.float32)
    d_pre, d_rest = d_out[: hidden.shape[1]], d_out[width - d_logits.shape[1] :]
    for i in range(rows.shape[0]):
        neurons, d_neurons, d_direct = hidden[i], d_hidden[i], d_logits[i]
        for c in range(d_pre.shape[0]):
            d_pre[c] = d_neurons[c] if neurons[c] > ZERO else ZERO
        for c in range(d_rest.shape[0]):
            d_rest[c] = d_direct[c]
        for c in range(width):
            d_base[c] += d_out[c]
        _locate(rows[i], n_heads, n_rows, at)
        w = weights[i].reshape(n_terms)
        _add_rows_back(table, at, w, d_out, d_table, d_w)
        for h in range(n_heads):
            mean = ZERO
            for j in range(n_operands):
                mean += weights[i, j, h] * d_w[j * n_heads + h]
            for j in range(n_operands):
                d_score[rows[i, j], h] += weights[i, j, h] * (d_w[j * n_heads + h] - mean)


@njit(nogil=True, fastmath=REASSOCIATE, cache=True)
def _largest(x):  # type: ignore[no-untyped-def]
    top = x[0]
    for c in range(1, x.shape[0]):
        top = x[c] if x[c] > top else top
    return top


@njit(nogil=True, fastmath=REASSOCIATE, cache=True)
def _sum(x):  # type: ignore[no-untyped-def]
    total = 0.0
    for c in range(x.shape[0]):
        total += x[c]
    return total


@njit(nogil=True, fastmath={"contract"}, cache=True)
def _exponentials(logits, top, scaled, exponential):  # type: ignore[no-untyped-def]
    """exponential[c] = exp(logits[c] - top) in float64, in loops that vectorise.

    x = k ln2 + r, exp(x) = 2^k exp(r): k is added to the exponent bits of a polynomial in r.
    Must not be reassociated: the rounding of k and the two-part ln2 rely on the written order.
    """
    n = logits.shape[0]
    for c in range(n):
        x = np.float64(logits[c]) - top
        x = SMALLEST_EXPONENT if x < SMALLEST_EXPONENT else x  # a NaN stays one
        exponential[c] = x
        scaled[c] = x * LOG2_E + ROUNDER
    for c in range(n):
        k = scaled[c] - ROUNDER
        r = (exponential[c] - k * LN2_HIGH) - k * LN2_LOW
        tail = E6 + r * (E7 + r * (E8 + r * (E9 + r * (E10 + r * E11))))
        exponential[c] = 1.0 + r * (1.0 + r * (E2 + r * (E3 + r * (E4 + r * (E5 + r * tail)))))
    bits, shift = exponential.view(np.int64), scaled.view(np.int64)
    for c in range(n):
        bits[c] += shift[c] << 52


@njit(nogil=True, cache=True)
def cross_entropy(logits, n_classes, answers, weight, d_logits):  # type: ignore[no-untyped-def]
    """Σ weight · cross-entropy over a tile, by a float64 log-softmax, and its gradient.

    logits [n, C or more], of which the first C = ``n_classes`` count, answers int64 [n]; d_logits
    is written there.  Returns a float64.
    """
    n = logits.shape[0]
    scaled, exponential = np.empty(n_classes), np.empty(n_classes)
    loss = 0.0
    for i in range(n):
        row, y = logits[i, :n_classes], answers[i]
        top = np.float64(_largest(row))
        _exponentials(row, top, scaled, exponential)
        total = _sum(exponential)
        loss += weight * (np.log(total) - (np.float64(row[y]) - top))
        share = weight / total
        d_row = d_logits[i, :n_classes]
        for c in range(d_row.shape[0]):
            d_row[c] = np.float32(exponential[c] * share)
        d_row[y] = np.float32(exponential[y] * share - weight)
    return loss


@njit(nogil=True, cache=True)
def losses_and_hits(logits, n_classes, answers, n_answers, losses, hits):  # type: ignore[no-untyped-def]
    """Cross-entropy of each pair (float64 [n]) and whether its answer wins (bool [n]).

    The loss counts the first ``n_classes``, a win only the first ``n_answers``; the smaller class wins a tie.
    """
    n = logits.shape[0]
    scaled, exponential = np.empty(n_classes), np.empty(n_classes)
    for i in range(n):
        row, y = logits[i, :n_classes], answers[i]
        top = np.float64(_largest(row))
        _exponentials(row, top, scaled, exponential)
        losses[i] = np.log(_sum(exponential)) - (np.float64(row[y]) - top)
        best = 0
        for c in range(1, n_answers):
            best = c if row[c] > row[best] else best
        hits[i] = best == y
