"""Whole shards of pairs, tile by tile, without returning to Python in between.

``parts`` is ``Tables.arrays()``: mix [O, H, R, W], score [O, R, H], own_score [O, H], base [O, W]
and neuron_logit transposed, [C, M]. ``tiles`` is int64 [T, 3]: operation, first and last-plus-one
pair. ``scratch`` is ``TileBuffers.arrays()``.
"""

from numba import njit

from grokking.lookup.blas import matmul
from grokking.lookup.kernels import cross_entropy, losses_and_hits, mix_rows, unmix_rows


@njit(nogil=True, cache=True)
def _forward(sgemm, o, rows, parts, weights, hidden, logits):  # type: ignore[no-untyped-def]
    mix, score, own_score, base, neuron_logit = parts
    mix_rows(mix[o], score[o], own_score[o], base[o], rows, weights, hidden, logits)
    matmul(sgemm, hidden, False, neuron_logit, True, logits, neuron_logit.shape[0], True)


@njit(nogil=True, cache=True)
def gradient_of_tiles(sgemm, tiles, rows, answers, pair_weight, parts, d_parts, scratch):  # type: ignore[no-untyped-def]
    """Σ weight · cross-entropy over a shard (float64); ``d_parts`` is overwritten by its gradient."""
    mix, _, _, _, neuron_logit = parts
    d_mix, d_score, _, d_base, d_neuron_logit = d_parts
    n_classes = neuron_logit.shape[0]
    for d in (d_mix.reshape(-1), d_score.reshape(-1), d_base.reshape(-1), d_neuron_logit.reshape(-1)):
        d[:] = 0
    loss = 0.0
    for t in range(tiles.shape[0]):
        o, start, stop = tiles[t]
        n, part = stop - start, rows[start:stop]
        weights, hidden, logits = scratch[0][:n], scratch[1][:n], scratch[2][:n]
        d_hidden, d_logits = scratch[3][:n], scratch[4][:n]
        _forward(sgemm, o, part, parts, weights, hidden, logits)
        loss += cross_entropy(logits, n_classes, answers[start:stop], pair_weight[start], d_logits)
        matmul(sgemm, d_logits, False, neuron_logit, False, d_hidden, d_hidden.shape[1], False)
        matmul(sgemm, d_logits, True, hidden, False, d_neuron_logit, hidden.shape[1], True)
        unmix_rows(mix[o], part, weights, hidden, d_hidden, d_logits, d_mix[o], d_score[o], d_base[o])
    return loss


@njit(nogil=True, cache=True)
def losses_of_tiles(sgemm, tiles, rows, answers, n_answers, parts, scratch, losses, hits):  # type: ignore[no-untyped-def]
    """Cross-entropy (float64) and correctness (bool) of every pair of a shard."""
    n_classes = parts[4].shape[0]
    for t in range(tiles.shape[0]):
        o, start, stop = tiles[t]
        n = stop - start
        hidden, logits = scratch[1][:n], scratch[2][:n]
        _forward(sgemm, o, rows[start:stop], parts, scratch[0][:n], hidden, logits)
        losses_and_hits(logits, n_classes, answers[start:stop], n_answers, losses[start:stop],
                        hits[start:stop])


@njit(nogil=True, cache=True)
def outputs_of_tiles(sgemm, tiles, rows, order, parts, scratch, neurons, outputs):  # type: ignore[no-untyped-def]
    """Neurons and logits of a shard, pair i of the table going to row ``order[i]``."""
    n_classes = parts[4].shape[0]
    for t in range(tiles.shape[0]):
        o, start, stop = tiles[t]
        n = stop - start
        hidden, logits = scratch[1][:n], scratch[2][:n]
        _forward(sgemm, o, rows[start:stop], parts, scratch[0][:n], hidden, logits)
        for i in range(n):
            neurons[order[start + i]] = hidden[i]
            outputs[order[start + i]] = logits[i, :n_classes]
