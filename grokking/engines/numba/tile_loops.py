"""Whole shards of pairs, tile by tile, without returning to Python in between.

``tables`` and its gradient ``d`` are the named tuples of ``engines.numba.tables``, ``scratch`` is that of
``engines.numba.tiles``. ``tiles`` is int64 [T, 3]: operation, first and last-plus-one pair.
"""

from grokking.engines.numba.blas import matmul
from grokking.engines.numba.compiling import inner, part
from grokking.engines.numba.kernels import losses_and_correct, mix_rows, unmix_rows
from grokking.engines.numba.losses import loss_of_tile
from grokking.engines.numba.tables import padded as _padded

padded = inner()(_padded)


@inner()
def _forward(sgemm, o, rows, tables, scratch):  # type: ignore[no-untyped-def]
    """Attention and outputs of a tile into ``scratch``; returns the logits' columns."""
    n, (n_neurons, n_classes) = rows.shape[0], tables.neuron_logit.shape
    start = padded(n_neurons)
    logits, out = slice(start, start + n_classes), scratch.out[:n]
    mix_rows(
        tables.mix[o],
        tables.score[o],
        tables.op_token_score[o],
        tables.base[o],
        rows,
        start,
        scratch.weights[:n],
        scratch.at[:n],
        out,
    )
    matmul(sgemm, out[:, :n_neurons], False, tables.neuron_logit, False, out[:, logits], True)
    return logits


@part()
def gradient_of_tiles(sgemm, tiles, pairs, tables, d, scratch):  # type: ignore[no-untyped-def]
    """Σ weight · loss over a shard (float64); ``d`` is overwritten by its gradient.  pairs: LabelledPairs."""
    n_neurons = tables.neuron_logit.shape[0]
    d.mix.fill(0)
    d.score.fill(0)
    d.base.fill(0)
    d.logit_neuron.fill(0)
    loss = 0.0
    for t in range(tiles.shape[0]):
        o, first, last = tiles[t]
        n, part = last - first, pairs.rows[first:last]
        logits = _forward(sgemm, o, part, tables, scratch)
        out, d_out = scratch.out[:n], scratch.d_out[:n]
        loss += loss_of_tile(pairs.loss, out, logits, pairs.answers[first:last], pairs.weight[first], d_out)
        matmul(sgemm, d_out[:, logits], False, tables.logit_neuron, False, d_out[:, :n_neurons], False)
        matmul(sgemm, d_out[:, logits], True, out[:, :n_neurons], False, d.logit_neuron, True)
        unmix_rows(
            tables.mix[o],
            part,
            logits.start,
            scratch.weights[:n],
            scratch.at[:n],
            out,
            d_out,
            d.mix[o],
            d.score[o],
            d.base[o],
        )
    return loss


@part()
def losses_of_tiles(sgemm, tiles, rows, answers, n_answers, tables, scratch, losses, correct):  # type: ignore[no-untyped-def]
    """Cross-entropy (float64) and correctness (bool) of every pair of a shard."""
    for t in range(tiles.shape[0]):
        o, first, last = tiles[t]
        logits = _forward(sgemm, o, rows[first:last], tables, scratch)
        losses_and_correct(
            scratch.out[: last - first],
            logits,
            answers[first:last],
            n_answers,
            losses[first:last],
            correct[first:last],
        )


@part()
def outputs_of_tiles(sgemm, tiles, rows, order, tables, scratch, neurons, outputs):  # type: ignore[no-untyped-def]
    """Neurons and logits of a shard, pair i of the table going to row ``order[i]``."""
    for t in range(tiles.shape[0]):
        o, first, last = tiles[t]
        logits = _forward(sgemm, o, rows[first:last], tables, scratch)
        for i in range(last - first):
            neurons[order[first + i]] = scratch.out[i, : neurons.shape[1]]
            outputs[order[first + i]] = scratch.out[i, logits]
