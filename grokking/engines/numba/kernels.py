"""The loops over pairs that no matrix product does, compiled by numba.

All arrays are C-contiguous float32 unless said otherwise; W as in ``engines.numba.tables``.
Sums may be reassociated by the compiler (that is what vectorises them); the order is fixed at
compile time, so the same machine gives the same bits.
"""

import numpy as np

from grokking.engines.numba.compiling import inner, kernel

REASSOCIATE = {"reassoc", "contract", "nsz", "arcp"}
ZERO = np.float32(0)

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# Adding 1.5 · 2^52 leaves the rounded integer in the low bits of a float64.
ROUNDER = 6755399441055744.0
SMALLEST_EXPONENT = -700.0
PASS = 32
"""Numbers that the compiler takes at once where it can: four full vectors of float64."""
# 1/k! for k = 2 … 11: on |x| <= ln2/2 the series is exact to the last bit but one.
E2, E3, E4, E5, E6 = 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720
E7, E8, E9, E10, E11 = 1 / 5040, 1 / 40320, 1 / 362880, 1 / 3628800, 1 / 39916800


@inner(fastmath=REASSOCIATE)
def _attend(score, op_token_score, rows, weights):  # type: ignore[no-untyped-def]
    """Attention of one pair to its operands: rows int32 [J], weights [J, H] is written."""
    for h in range(op_token_score.shape[0]):
        top = op_token_score[h]
        for j in range(rows.shape[0]):
            top = max(top, score[rows[j], h])
        total = np.exp(op_token_score[h] - top)
        for j in range(rows.shape[0]):
            weights[j, h] = np.exp(score[rows[j], h] - top)
            total += weights[j, h]
        for j in range(rows.shape[0]):
            weights[j, h] /= total


@inner(fastmath=REASSOCIATE)
def _locate(rows, n_heads, n_rows, at):  # type: ignore[no-untyped-def]
    """at[j · H + h] = row of operand j of head h in the table flattened to [H · R, W]."""
    k = 0
    for j in range(rows.shape[0]):
        for h in range(n_heads):
            at[k] = h * n_rows + rows[j]
            k += 1


@inner(fastmath=REASSOCIATE)
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


@inner(fastmath=REASSOCIATE)
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


@inner(fastmath=REASSOCIATE)
def mix_rows(mix, score, op_token_score, base, rows, start, weights, at, out):  # type: ignore[no-untyped-def]
    """Attention and first layer of a tile of pairs.

    In: mix [H, R, W], score [R, H], op_token_score [H], base [W], rows int32 [n, J]; columns from
    ``start`` are logits.  Out: weights [n, J · H], at int64 [n, J · H], out [n, W] = relu(pre), then
    direct logits.
    """
    n_heads, n_rows, width = mix.shape
    table = mix.reshape(n_heads * n_rows, width)
    for i in range(rows.shape[0]):
        _attend(score, op_token_score, rows[i], weights[i].reshape(rows.shape[1], n_heads))
        _locate(rows[i], n_heads, n_rows, at[i])
        row = out[i]
        for c in range(width):
            row[c] = base[c]
        _add_rows(table, at[i], weights[i], row)
        for c in range(start):
            row[c] = ZERO if row[c] < ZERO else row[c]  # a NaN stays one


@inner(fastmath=REASSOCIATE)
def unmix_rows(mix, rows, start, weights, at, out, d_out, d_mix, d_score, d_base):  # type: ignore[no-untyped-def]
    """The way back of ``mix_rows``: adds into d_mix, d_score and d_base (shapes of their tables).

    d_out [n, W] is the gradient of ``out``, and that of its value before the relu afterwards.
    """
    n_heads, n_rows, width = mix.shape
    table, d_table = mix.reshape(n_heads * n_rows, width), d_mix.reshape(n_heads * n_rows, width)
    d_weights = np.empty(at.shape[1], np.float32)
    for i in range(rows.shape[0]):
        row, d_row = out[i], d_out[i]
        for c in range(start):
            d_row[c] = d_row[c] if row[c] > ZERO else ZERO
        for c in range(width):
            d_base[c] += d_row[c]
        _add_rows_back(table, at[i], weights[i], d_row, d_table, d_weights)
        _attend_back(rows[i], weights[i], d_weights, d_score)


@inner(fastmath=REASSOCIATE)
def _attend_back(rows, weights, d_w, d_score):  # type: ignore[no-untyped-def]
    n_heads = d_score.shape[1]
    for h in range(n_heads):
        mean = ZERO
        for k in range(h, weights.shape[0], n_heads):
            mean += weights[k] * d_w[k]
        for j in range(rows.shape[0]):
            k = j * n_heads + h
            d_score[rows[j], h] += weights[k] * (d_w[k] - mean)


@inner()
def _ordered(bits):  # type: ignore[no-untyped-def]
    """The int32 that sorts as the float32 of these bits does; its own inverse. NaNs sort outermost."""
    return bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))


@inner()
def _largest(x):  # type: ignore[no-untyped-def]
    """Largest of a row; of float32 found among integers, as the compiler vectorises no float maximum."""
    if x.itemsize == 4:
        bits, best = x.view(np.int32), np.int32(-0x80000000)
        for c in range(bits.shape[0]):
            best = max(best, _ordered(bits[c]))
        return np.float64(np.int32(_ordered(best)).view(np.float32))
    top = x[0]
    for c in range(1, x.shape[0]):
        top = x[c] if x[c] > top else top
    return np.float64(top)


@inner(fastmath=REASSOCIATE)
def _sum(x):  # type: ignore[no-untyped-def]
    total = 0.0
    for c in range(x.shape[0]):
        total += x[c]
    return total


@inner()
def _buffers(n):  # type: ignore[no-untyped-def]
    """Three rows for ``_exponentials``, a whole number of its passes long, of which ``n`` count."""
    size = -(-n // PASS) * PASS
    return np.full(size, SMALLEST_EXPONENT), np.empty(size), np.empty(size)


@inner(fastmath={"contract"})
def _exponentials(logits, top, shifted, scaled, exponential):  # type: ignore[no-untyped-def]
    """exponential[c] = exp(logits[c] - top) in float64, in loops that vectorise.

    x = k ln2 + r, exp(x) = 2^k exp(r): k is added to the exponent bits of a polynomial in r.
    Must not be reassociated: the rounding of k and the two-part ln2 rely on the written order.
    Beyond the logits the row is filled with exp(SMALLEST_EXPONENT), negligible next to the largest, 1.
    """
    for c in range(logits.shape[0]):
        x = np.float64(logits[c]) - top
        shifted[c] = SMALLEST_EXPONENT if x < SMALLEST_EXPONENT else x  # a NaN stays one
    for c in range(shifted.shape[0]):
        scaled[c] = shifted[c] * LOG2_E + ROUNDER
    for c in range(shifted.shape[0]):
        k = scaled[c] - ROUNDER
        r = (shifted[c] - k * LN2_HIGH) - k * LN2_LOW
        tail = E6 + r * (E7 + r * (E8 + r * (E9 + r * (E10 + r * E11))))
        exponential[c] = 1.0 + r * (1.0 + r * (E2 + r * (E3 + r * (E4 + r * (E5 + r * tail)))))
    bits, shift = exponential.view(np.int64), scaled.view(np.int64)
    for c in range(shifted.shape[0]):
        bits[c] += shift[c] << 52


@inner()
def cross_entropy(logits, columns, answers, weight, d_logits):  # type: ignore[no-untyped-def]
    """Σ weight · cross-entropy over a tile, by a float64 log-softmax, and its gradient.

    The logits are the ``columns`` (a slice) of ``logits`` float32 [n, …]; the same columns of ``d_logits``
    are written. answers: int64 [n].  Returns a float64.
    """
    shifted, scaled, exponential = _buffers(columns.stop - columns.start)
    loss = 0.0
    for i in range(logits.shape[0]):
        row, y = logits[i, columns], answers[i]
        top = _largest(row)
        _exponentials(row, top, shifted, scaled, exponential)
        total = _sum(exponential)
        loss += weight * (np.log(total) - (np.float64(row[y]) - top))
        scale = weight / total
        d_row = d_logits[i, columns]
        for c in range(d_row.shape[0]):
            d_row[c] = np.float32(exponential[c] * scale)
        d_row[y] = np.float32(exponential[y] * scale - weight)
    return loss


@kernel()
def losses_and_correct(logits, columns, answers, n_answers, losses, correct):  # type: ignore[no-untyped-def]
    """Cross-entropy of each pair (float64 [n]) and whether its answer wins (bool [n]).

    The loss counts all ``columns`` of ``logits`` (float32 or float64), a win only the first
    ``n_answers`` of them; the smaller class wins a tie.
    """
    shifted, scaled, exponential = _buffers(columns.stop - columns.start)
    for i in range(logits.shape[0]):
        row, y = logits[i, columns], answers[i]
        top = _largest(row)
        _exponentials(row, top, shifted, scaled, exponential)
        losses[i] = np.log(_sum(exponential)) - (np.float64(row[y]) - top)
        correct[i] = _wins(row[:n_answers], y)


@inner()
def _wins(row, y):  # type: ignore[no-untyped-def]
    """Whether ``row[y]`` is the first of the largest; without it being a number, never."""
    right, beaten_by = row[y], 0
    for c in range(y):
        beaten_by += not row[c] < right
    for c in range(y + 1, row.shape[0]):
        beaten_by += not row[c] <= right
    return beaten_by == 0 and right == right
