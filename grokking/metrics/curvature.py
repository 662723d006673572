"""Trace and largest eigenvalue of the Hessian of the train loss (definitions, "Curvature of the train loss").

By Hessian-vector products alone, each a few passes: the trace by Hutchinson's estimate (1990), the
largest eigenvalue by Lanczos with full reorthogonalisation. In float64. Costly, so only with ``--measures
curvature``.
"""

import torch

from grokking.metrics.flat_loss import Product, flat_weights, hessian_product, train_loss
from grokking.metrics.registry import METRICS, PROGRESS, Metric, Row, Scope

COLUMNS = ("hessian_trace", "hessian_trace_error", "hessian_top_eigenvalue")
N_PROBES = 8
N_STEPS = 15
SEED = 0
FLAT_VECTOR = 1e-12
"""Of the first product: a Lanczos vector this short ends the iteration, since the space is exhausted."""


def hutchinson_trace(product: Product, n: int, n_probes: int = N_PROBES) -> tuple[float, float]:
    """Mean of vᵀ H v over seeded vectors of ±1, and its standard error. n: length of the vectors."""
    generator = torch.Generator().manual_seed(SEED)
    signs = [torch.randint(0, 2, (n,), generator=generator).double() * 2 - 1 for _ in range(n_probes)]
    values = torch.stack([v @ product(v) for v in signs])
    return float(values.mean()), float(values.std() / n_probes**0.5)


def largest_eigenvalue(product: Product, n: int, n_steps: int = N_STEPS) -> float:
    """The eigenvalue of largest size, with its sign, by at most ``n_steps`` steps of Lanczos."""
    generator = torch.Generator().manual_seed(SEED)
    v = torch.randn(n, generator=generator, dtype=torch.float64)
    basis, diagonal, beside = [v / v.norm()], [], []
    for _ in range(min(n_steps, n)):
        w = product(basis[-1])
        diagonal.append(float(w @ basis[-1]))
        for _ in range(2):  # once is not enough against rounding
            held = torch.stack(basis)
            w = w - held.T @ (held @ w)
        length = float(w.norm())
        if length <= FLAT_VECTOR * max(abs(diagonal[0]), FLAT_VECTOR):
            break
        beside.append(length)
        basis.append(w / length)
    rows, off = torch.tensor(diagonal), torch.tensor(beside[: len(diagonal) - 1])
    values = torch.linalg.eigvalsh((torch.diag(rows) + torch.diag(off, 1) + torch.diag(off, -1)).double())
    return float(values[values.abs().argmax()])


def _measure(scope: Scope) -> Row:
    if scope.split is None:
        return dict.fromkeys(COLUMNS)
    loss, flat = train_loss(scope.acts, scope.split), flat_weights(scope.acts)

    product = hessian_product(loss, flat)
    trace, error = hutchinson_trace(product, len(flat))
    return dict(zip(COLUMNS, (trace, error, largest_eigenvalue(product, len(flat))), strict=True))


METRICS.register(
    Metric(
        "curvature",
        _measure,
        COLUMNS,
        when=PROGRESS,
        default=False,
        table=(COLUMNS[0], COLUMNS[2]),
        goals={COLUMNS[0]: float("inf"), COLUMNS[2]: float("inf")},
        rank=92,
    )
)
