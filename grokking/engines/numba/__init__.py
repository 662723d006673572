"""The exact short cut: a one-layer transformer read at one position, as look-ups in small tables.

The answer is read at the last position only, whose token is the operation ``o``. So

* the query is one vector per operation and head, ``q[o,h] = x_o W_Q[h]`` with ``x_o`` the
  embedding of the operation at the last position;
* a key or value depends on its (position, token) alone: a *row*. There are 2p operand rows,
  ``x_r = W_E[token] + W_pos[position]``, and one row per operation.

Attention is then a three-way softmax per pair over entries of

    score[o, h, r] = (x_r W_K[h]) · q[o,h] · scale

and everything linear after it can be done on rows instead of pairs. With ``R = [W_in | W_U]``,

    mix[h, r] = x_r W_V[h] W_O[h] R            one row of MLP inputs and direct logits
    base[o]   = x_o R + [b_in | b_out W_U]
    neuron_logit = W_out W_U

and, for a pair (a, b) with attention weights w summing to one over its rows r₀, r₁ and the
operation token's row,

    [pre | direct] = base[o] + Σ_h mix[h,o] + Σ_h Σ_{j<2} w[h,j] (mix[h,r_j] - mix[h,o])
    logits = direct + relu(pre) neuron_logit

Because the weights sum to one, the operation's row leaves the sum over pairs: 2 · n_heads
multiply-adds per neuron and pair stand where d_model of them, and an attention, stood before. It is
the same function; only the order of the additions differs. With layer norm before the MLP, or GELU, what
follows attention is not linear in the rows, and extra biases are not built in: such models take
``engines.lookup``, whose tables stop after attention.
"""

import platform
from pathlib import Path
from typing import Any

FULL_WIDTH = "-prefer-256-bit"
NUMBA_LOCATORS = (
    "UserProvidedCacheLocator,InTreeCacheLocator,UserWideCacheLocator,IPythonCacheLocator,ZipCacheLocator"
)
"""numba's own rules for where results are kept, in its order."""


def set_up() -> None:
    """How Numba compiles and where it keeps the results; before any function of this package is compiled.

    Both must be decided here: the bits of a run depend on the processor features that Numba was first given,
    and a result of an older version of these files, whose classes had other names, cannot be loaded.
    """
    try:
        import numba
        from llvmlite import binding as llvm
    except ImportError:  # numba is an optional speed-up
        return
    if numba.config.CPU_FEATURES is None and platform.machine() in ("x86_64", "AMD64"):
        # LLVM keeps to half-width vectors where AVX-512 once slowed the whole processor down; these loops
        # gain from full width.
        numba.config.CPU_FEATURES = f"{llvm.get_host_cpu_features().flatten()},{FULL_WIDTH}"
    if not numba.config.CACHE_DIR:
        _set_cache(numba.config)


def _set_cache(config: Any) -> None:
    """First the user's cache folder, then a folder beside these files."""
    from grokking.engines.numba.compile_cache import ByContent, digest_of

    here = Path(__file__).parent
    config.CACHE_DIR = str(here / "__pycache__" / f"numba-{digest_of(here)}")
    if getattr(config, "CACHE_LOCATOR_CLASSES", None) == "":  # older versions of numba have no such setting
        ours = f"{ByContent.__module__}.{ByContent.__name__}"
        config.CACHE_LOCATOR_CLASSES = f"{ours},{NUMBA_LOCATORS}"


set_up()
