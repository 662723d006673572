"""Gradients of tables into gradients of weights: the backward pass of ``build_tables``.

Names and shapes are those of ``tables``; g: gradients of the weights. Pieces that may run at
once write to different memory.
"""

import numpy as np

from grokking.engines.numba.blas import matmul
from grokking.engines.numba.build_tables import add, copy, padded, scale_rows
from grokking.engines.numba.compiling import inner, part
from grokking.engines.numba.tables import TableGradient
from grokking.engines.numba.thread_team import barrier, chunk_bounds

COLUMNS = 256
"""Columns of W_in whose gradient is one piece of workspace."""


@part()
def backprop_tables(team, sgemm, scale, w, workspace, parts, g):  # type: ignore[no-untyped-def]
    """Write ``g``, given every thread's part of the gradient of the last ``build_tables``'s tables.

    The parts are summed in their order, into the first.
    """
    _sum_parts(team, parts.mix)
    _sum_parts(team, parts.score)
    _sum_parts(team, parts.base)
    _sum_parts(team, parts.logit_neuron)
    d = TableGradient(parts.mix[0], parts.score[0], parts.base[0], parts.logit_neuron[0])
    barrier(team)
    n_heads = workspace.values.shape[0]
    for k in range(team.me, n_heads + 2, team.n):
        if k < n_heads:
            _backprop_head(sgemm, k, scale, w, workspace, d, g)
        elif k == n_heads:
            matmul(sgemm, d.logit_neuron, True, w.W_U, True, g.W_out, False)
        else:
            matmul(sgemm, w.W_out, True, d.logit_neuron, True, g.W_U, False)
    barrier(team)
    n_blocks = -(-w.W_in.shape[1] // COLUMNS)
    for k in range(team.me, n_blocks + 1, team.n):
        if k < n_blocks:
            columns = slice(k * COLUMNS, min((k + 1) * COLUMNS, w.W_in.shape[1]))
            _backprop_W_in_U(sgemm, w, workspace, d, columns.start, g.W_in[:, columns], False)
        else:
            _backprop_rest(sgemm, w, workspace, d, g)


@inner()
def _sum_parts(team, parts):  # type: ignore[no-untyped-def]
    """parts[0] += parts[1] + …, this thread's share of their numbers."""
    flat = parts.reshape(parts.shape[0], -1)
    first, last = chunk_bounds(team, flat.shape[1])
    into = flat[0, first:last]
    for k in range(1, flat.shape[0]):
        more = flat[k, first:last]
        for c in range(into.shape[0]):
            into[c] += more[c]


@inner()
def _backprop_head(sgemm, i, scale, w, workspace, d, g):  # type: ignore[no-untyped-def]
    """Head ``i``: gradients of W_O, W_V, W_K and W_Q, d_head_W_in_U, and its share of d_x."""
    n_ops, n_rows = d.score.shape[0], d.score.shape[1]
    values, d_values, d_relative = workspace.values[i], workspace.d_values[i], workspace.d_relative[i]
    head, d_head, d_x = workspace.head_W_in_U[i], workspace.d_head_W_in_U[i], workspace.d_x[i]
    d_values.fill(0)
    matmul(sgemm, d.base, False, head, True, d_values[n_rows:], True)
    matmul(sgemm, values[n_rows:], True, d.base, False, d_head, False)
    for o in range(n_ops):
        d_mix, d_op_token = d.mix[o, i], d_values[n_rows + o]
        matmul(sgemm, d_mix, False, head, True, d_relative, False)
        for r in range(n_rows):
            for e in range(d_op_token.shape[0]):
                d_values[r, e] += d_relative[r, e]
                d_op_token[e] -= d_relative[r, e]
        matmul(sgemm, workspace.relative[o, i], True, d_mix, False, d_head, True)
    matmul(sgemm, d_head, False, workspace.W_in_U, True, g.W_O[i], False)
    matmul(sgemm, workspace.x, True, d_values, False, g.W_V[i], False)
    matmul(sgemm, d_values, False, w.W_V[i], True, d_x, False)
    _backprop_scores(sgemm, i, scale, w, workspace, d, g)


@inner()
def _backprop_scores(sgemm, i, scale, w, workspace, d, g):  # type: ignore[no-untyped-def]
    n_ops, n_rows = d.score.shape[0], d.score.shape[1]
    op_tokens, d_x = workspace.x[n_rows:], workspace.d_x[i]
    d_queries, d_query_directions = workspace.d_queries[i], workspace.d_query_directions[i]
    d_scores = workspace.scores[i]  # the scores themselves live in the tables by now
    for o in range(n_ops):
        for k in range(n_ops):
            d_scores[o, n_rows + k] = 0
        for r in range(n_rows):
            d_scores[o, r] = d.score[o, r, i]
            d_scores[o, n_rows + o] -= d.score[o, r, i]
    matmul(sgemm, d_scores, False, workspace.x, False, d_query_directions, False)
    matmul(sgemm, d_scores, True, workspace.query_directions[i], False, d_x, True)
    matmul(sgemm, d_query_directions, True, workspace.queries[i], False, g.W_K[i], False)
    matmul(sgemm, d_query_directions, False, w.W_K[i], False, d_queries, False)
    scale_rows(d_queries, scale)
    matmul(sgemm, op_tokens, True, d_queries, False, g.W_Q[i], False)
    matmul(sgemm, d_queries, False, w.W_Q[i], True, d_x[n_rows:], True)


@inner()
def _backprop_W_in_U(sgemm, w, workspace, d, first, out, accumulate):  # type: ignore[no-untyped-def]
    """Gradient of the W_in_U' columns from ``first`` on, as many as ``out`` [D, n] has."""
    n_heads, d_head, width = workspace.head_W_in_U.shape
    columns = slice(first, first + out.shape[1])
    writers = w.W_O.reshape(n_heads * d_head, -1)
    d_W_in_U = workspace.d_head_W_in_U.reshape(n_heads * d_head, width)
    matmul(sgemm, writers, True, d_W_in_U[:, columns], False, out, accumulate)
    matmul(sgemm, workspace.x[d.score.shape[1] :], True, d.base[:, columns], False, out, True)


@part()
def _backprop_rest(sgemm, w, workspace, d, g):  # type: ignore[no-untyped-def]
    """The rest of W_U's gradient, those of the biases, W_E and W_pos: comes after the heads."""
    n_neurons, n_classes, n_rows = w.W_in.shape[1], w.W_U.shape[1], d.score.shape[1]
    bias, start = np.zeros((1, d.base.shape[1]), np.float32), padded(n_neurons)
    for o in range(d.base.shape[0]):
        add(d.base[o], bias[0], bias[0])
    direct = bias[:, start : start + n_classes]
    copy(bias[0, :n_neurons], g.b_in)
    matmul(sgemm, direct, False, w.W_U, True, g.b_out.reshape(1, -1), False)
    _backprop_W_in_U(sgemm, w, workspace, d, start, g.W_U, True)
    matmul(sgemm, w.b_out.reshape(1, -1), True, direct, False, g.W_U, True)
    d_x = workspace.d_x[0]
    for i in range(1, workspace.d_x.shape[0]):
        for r in range(d_x.shape[0]):
            add(workspace.d_x[i, r], d_x[r], d_x[r])
    matmul(sgemm, d.base, False, workspace.W_in_U, True, d_x[n_rows:], True)
    _backprop_rows(d_x, n_rows // 2, g)


@inner()
def _backprop_rows(d_x, n_numbers, g):  # type: ignore[no-untyped-def]
    g.W_pos.fill(0)
    for t in range(g.W_E.shape[0]):
        for e in range(d_x.shape[1]):
            if t < n_numbers:
                g.W_pos[0, e] += d_x[t, e]
                g.W_pos[1, e] += d_x[n_numbers + t, e]
                g.W_E[t, e] = d_x[t, e] + d_x[n_numbers + t, e]
            else:
                g.W_pos[2, e] += d_x[n_numbers + t, e]
                g.W_E[t, e] = d_x[n_numbers + t, e]
