"""The known layouts of MLPs on two embeddings: the same tables as ``layouts`` has for transformers."""

from grokking.interop.axes import Axes
from grokking.interop.layouts import EMBED, UNEMBED, Layout

OURS_OF_MLPS = {
    name: Axes(text)
    for name, text in {
        "W_E": "v d",
        "W_x": "v d",
        "W_y": "v d",
        "W_in": "(k d) m",
        "b_in": "m",
        "W_hidden": "l n m",
        "b_hidden": "l m",
        "W_U": "m c",
        "b_U": "c",
    }.items()
}
"""Parameters of an MLP and their axes."""
LINEAR = "l1 fc1 fc linear1 linear lin1 hidden layer1 mlp.0 W_in"
FIRST = "W_x x_embed embed_x embed_a embed1 emb_a W_a"
SECOND = "W_y y_embed embed_y embed_b embed2 emb_b W_b"

MATRICES = Layout(
    "mlp_matrices",
    "an MLP on an embedding for each operand, right-multiplying matrices W_x, W_y, W and W_U",
    {
        "W_x": ((("W_x",), Axes("v d")),),
        "W_y": ((("W_y",), Axes("v d")),),
        "W_in": ((("W", "W_in"), Axes("(k d) m")),),
        "b_in": ((("b", "b_in"), Axes("m")),),
        "W_U": ((("W_U",), Axes("m c")),),
        "b_U": ((("b_U",), Axes("c")),),
    },
    whole_keys=True,
    model="mlp",
    required=("W_x", "W_y", "W_in", "W_U"),
)
SUMMED_MATRICES = Layout(
    "mlp_sum",
    "an MLP on the sum of an embedding for each operand, W_x and W_y, read by W_U",
    {
        "W_x": ((("W_x",), Axes("v d")),),
        "W_y": ((("W_y",), Axes("v d")),),
        "b_in": ((("b", "b_in"), Axes("m")),),
        "W_U": ((("W_U",), Axes("m c")),),
        "b_U": ((("b_U",), Axes("c")),),
    },
    whole_keys=True,
    model="mlp",
    required=("W_x", "W_y", "W_U"),
)


def _modules(stems: str, part: str, axes: str) -> tuple[tuple[tuple[str, ...], Axes], ...]:
    return ((tuple(f"{stem}.{part}" for stem in stems.split()), Axes(axes)),)


_LINEAR_LAYER = {
    "W_in": _modules(LINEAR, "weight", "m (k d)"),
    "b_in": _modules(LINEAR, "bias", "m"),
    "W_U": _modules(UNEMBED, "weight", "c m"),
    "b_U": _modules(UNEMBED, "bias", "c"),
}
SHARED_MODULES = Layout(
    "mlp_modules",
    "an MLP of nn.Embedding and nn.Linear, one embedding for both operands",
    {"W_E": _modules(EMBED, "weight", "v d"), **_LINEAR_LAYER},
    model="mlp",
    required=("W_E", "W_in", "W_U"),
)
OWN_MODULES = Layout(
    "mlp_two_modules",
    "an MLP of nn.Embedding and nn.Linear, an embedding for each operand",
    {
        "W_x": _modules(FIRST, "weight", "v d"),
        "W_y": _modules(SECOND, "weight", "v d"),
        **_LINEAR_LAYER,
    },
    model="mlp",
    required=("W_x", "W_y", "W_in", "W_U"),
)
MLP_LAYOUTS = (MATRICES, SUMMED_MATRICES, OWN_MODULES, SHARED_MODULES)
