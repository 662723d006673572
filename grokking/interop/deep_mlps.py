"""MLPs with several hidden layers: a chain of matrices behind one embedding or two, known by its shapes."""

from collections.abc import Mapping
from itertools import pairwise

from torch import Tensor

from grokking.errors import UserError
from grokking.interop.axes import Axes
from grokking.interop.layouts import Layout
from grokking.interop.mlp_layouts import MATRICES, OWN_MODULES, SHARED_MODULES
from grokking.models.mlp import MOST_LAYERS

DEEP = Layout(
    "mlp_deep",
    "an MLP of two or more hidden layers of one width, on one embedding or one for each operand",
    {
        "W_E": SHARED_MODULES.entries["W_E"],
        "W_x": (*OWN_MODULES.entries["W_x"], *MATRICES.entries["W_x"]),
        "W_y": (*OWN_MODULES.entries["W_y"], *MATRICES.entries["W_y"]),
    },
    model="mlp",
    required=(),
)
WEIGHT, BIAS = "weight", "bias"
Found = dict[str, tuple[list[str], Axes]]
"""By our name the keys, several for what is one stack here, and the axes."""


def chain_of(state: Mapping[str, Tensor], embeddings: Mapping[str, tuple[str, Axes]]) -> Found | None:
    """The layers of a deep MLP in the order of the file; None where the matrices are no such chain.

    embeddings: keys and axes of W_E, or of W_x and W_y.  nn.Linear keeps [out, in]; matrices whose keys do
    not end in ``weight`` multiply from the right, [in, out].
    """
    if set(embeddings) not in ({"W_E"}, {"W_x", "W_y"}):
        return None
    used = {key for key, _ in embeddings.values()}
    keys = [key for key, tensor in state.items() if key not in used and tensor.dim() > 1]
    linear = all(key.endswith(WEIGHT) for key in keys)
    width = int(state[next(iter(used))].shape[1])
    if not 3 <= len(keys) <= MOST_LAYERS + 1 or not _fits([state[key] for key in keys], width, linear):
        return None
    first, *further, last = keys
    of_layers, of_logits = ("m (k d)", "l m n", "c m") if linear else ("(k d) m", "l n m", "m c"), "c"
    named = dict(zip(("W_in", "W_hidden", "W_U"), ([first], further, [last]), strict=True))
    found: Found = {name: ([key], axes) for name, (key, axes) in embeddings.items()}
    found |= {name: (named[name], Axes(text)) for name, text in zip(named, of_layers, strict=True)}
    for name, weight, text in (
        ("b_in", "W_in", "m"),
        ("b_hidden", "W_hidden", "l m"),
        ("b_U", "W_U", of_logits),
    ):
        biases = [_bias_of(key) for key in named[weight]]
        if all(key in state and state[key].dim() == 1 for key in biases):
            found[name] = (biases, Axes(text))
    return found


def _fits(matrices: list[Tensor], width: int, linear: bool) -> bool:
    """Whether each reads what the one before it writes, all hidden layers being of one width."""
    if any(matrix.dim() != 2 for matrix in matrices):
        return False
    shapes = [tuple(matrix.shape if not linear else matrix.shape[::-1]) for matrix in matrices]
    joined = all(before[1] == after[0] for before, after in pairwise(shapes))
    return joined and shapes[0][0] in (width, 2 * width) and len({shape[1] for shape in shapes[:-1]}) == 1


def _bias_of(key: str) -> str:
    """``net.0.bias`` of ``net.0.weight``, ``b_1`` of ``W_1``."""
    stem, dot, last = key.rpartition(".")
    return stem + dot + (BIAS if last == WEIGHT else "b" + last[1:])


def check_biases(found: Found) -> None:
    """Raises UserError where some hidden layers have a bias and others none."""
    if ("b_in" in found) != ("b_hidden" in found):
        raise UserError(
            "of the hidden layers of this MLP some have a bias and others none; here all do, or none"
        )
