"""Weights into tables. Names and shapes are those of ``tables``.

Pieces that may run at once write to different memory.
"""

import numpy as np

from grokking.engines.numba.blas import matmul
from grokking.engines.numba.compiling import inner, kernel, part

# numba's caches of before they moved name them here, and are read before they are found outdated.
from grokking.engines.numba.tables import Matrices, TableGradient, Tables, Workspace  # noqa: F401
from grokking.engines.numba.tables import padded as _padded
from grokking.engines.numba.thread_team import barrier

padded = inner()(_padded)


@kernel()
def build_tables(team, sgemm, scale, w, workspace, tables):  # type: ignore[no-untyped-def]
    """Write the tables of the weights ``w``; scale: of attention scores."""
    _prepare(team, w, workspace)
    barrier(team)
    n_heads = workspace.values.shape[0]
    for k in range(team.me, n_heads + 3, team.n):
        if k < n_heads:
            _build_head(sgemm, k, scale, w, workspace, tables)
        elif k == n_heads:
            matmul(sgemm, w.W_out, False, w.W_U, False, tables.neuron_logit, False)
        elif k == n_heads + 1:
            matmul(sgemm, w.W_U, True, w.W_out, True, tables.logit_neuron, False)
        else:
            _build_base(sgemm, w, workspace, tables)
    barrier(team)


# Rows by loops: numba takes seconds to compile an assignment to a slice, most of them for its errors.


@inner()
def copy(row, out):  # type: ignore[no-untyped-def]
    """out[:n] = row, of n numbers."""
    for c in range(row.shape[0]):
        out[c] = row[c]


@inner()
def add(a, b, out):  # type: ignore[no-untyped-def]
    """out[:n] = a + b, where a has n numbers."""
    for c in range(a.shape[0]):
        out[c] = a[c] + b[c]


@inner()
def scale_rows(rows, factor):  # type: ignore[no-untyped-def]
    """rows *= factor."""
    for r in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            rows[r, c] *= np.float32(factor)


@part()
def _prepare(team, w, workspace):  # type: ignore[no-untyped-def]
    """Every n-th row of x and W_in_U."""
    n_numbers = (workspace.x.shape[0] - workspace.op_token_row.shape[0]) // 2
    for t in range(team.me, w.W_E.shape[0], team.n):
        if t < n_numbers:
            add(w.W_E[t], w.W_pos[0], workspace.x[t])
            add(w.W_E[t], w.W_pos[1], workspace.x[n_numbers + t])
        else:
            add(w.W_E[t], w.W_pos[2], workspace.x[n_numbers + t])
    start = padded(w.W_in.shape[1])
    for d in range(team.me, workspace.W_in_U.shape[0], team.n):
        copy(w.W_in[d], workspace.W_in_U[d])
        copy(w.W_U[d], workspace.W_in_U[d, start:])


@inner()
def _build_head(sgemm, i, scale, w, workspace, tables):  # type: ignore[no-untyped-def]
    """Head ``i``'s part of mix, score and op_token_score."""
    n_ops, n_rows = tables.score.shape[0], tables.score.shape[1]
    values, head = workspace.values[i], workspace.head_W_in_U[i]
    matmul(sgemm, workspace.x, False, w.W_V[i], False, values, False)
    matmul(sgemm, w.W_O[i], False, workspace.W_in_U, False, head, False)
    for o in range(n_ops):
        relative = workspace.relative[o, i]
        for r in range(n_rows):
            for e in range(values.shape[1]):
                relative[r, e] = values[r, e] - values[n_rows + o, e]
        matmul(sgemm, relative, False, head, False, tables.mix[o, i], False)
    queries, scores = workspace.queries[i], workspace.scores[i]
    matmul(sgemm, workspace.x[n_rows:], False, w.W_Q[i], False, queries, False)
    scale_rows(queries, scale)
    matmul(sgemm, queries, False, w.W_K[i], True, workspace.query_directions[i], False)
    matmul(sgemm, workspace.query_directions[i], False, workspace.x, True, scores, False)
    for o in range(n_ops):
        for r in range(n_rows):
            tables.score[o, r, i] = scores[o, r]
        tables.op_token_score[o, i] = scores[o, n_rows + o]


@part()
def _build_base(sgemm, w, workspace, tables):  # type: ignore[no-untyped-def]
    """base = (x_o + Σ_i x_o W_V[i] W_O[i]) W_in_U + biases."""
    n_rows, (n_neurons, n_classes) = tables.score.shape[1], tables.neuron_logit.shape
    x, start = workspace.x[n_rows:], padded(n_neurons)
    for o in range(x.shape[0]):
        copy(x[o], workspace.op_token_row[o])
    values = np.empty((x.shape[0], w.W_V.shape[2]), np.float32)
    for i in range(w.W_V.shape[0]):
        matmul(sgemm, x, False, w.W_V[i], False, values, False)
        matmul(sgemm, values, False, w.W_O[i], False, workspace.op_token_row, True)
    matmul(sgemm, workspace.op_token_row, False, workspace.W_in_U, False, tables.base, False)
    for o in range(tables.base.shape[0]):
        add(w.b_in, tables.base[o], tables.base[o])
        direct = tables.base[o : o + 1, start : start + n_classes]
        matmul(sgemm, w.b_out.reshape(1, -1), False, w.W_U, False, direct, True)
