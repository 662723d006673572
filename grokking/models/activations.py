"""The MLP's non-linearities: one entry each says everything that any part of this project needs.

A new one of the transformer is an entry of ``TABLE`` and a function of the same name in
``page/assets/js/live.js``; a test holds the two lists against each other. A name that is not here is refused
everywhere.
PyTorch is imported inside the functions, since help texts read this table.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grokking.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LAST_WORD = re.compile(r"\w+(?=\W*$)")


@dataclass(frozen=True)
class Activation:
    """One non-linearity.

    label: how it is written in text.  torch: a tensor of any shape to one of the same.  onnx: adds its
    operations to a graph (``grokking.interop.onnx_graph.Graph``), from the name of an edge to that of
    another.  transformer_lens: its ``act_fn`` there, empty for none.  aliases: what others call it, in lower
    case.
    """

    label: str
    torch: "Callable[[Tensor], Tensor]"
    onnx: Callable[[Any, str], str]
    transformer_lens: str
    aliases: tuple[str, ...] = ()


def _onnx_relu(graph: Any, pre: str) -> str:
    return str(graph.add("Relu", pre))


def _onnx_gelu(graph: Any, pre: str) -> str:
    """x Φ(x), Φ by the error function."""
    half = graph.scalar("half", 0.5)
    erf = graph.add("Erf", graph.add("Mul", pre, graph.scalar("sqrt_half", math.sqrt(0.5))))
    return str(graph.add("Mul", pre, graph.add("Add", graph.add("Mul", erf, half), half)))


def _onnx_gelu_tanh(graph: Any, pre: str) -> str:
    """x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2."""
    half = graph.scalar("half", 0.5)
    cube = graph.add("Mul", graph.add("Mul", pre, pre), pre)
    inner = graph.add("Add", pre, graph.add("Mul", cube, graph.scalar("cubic", 0.044715)))
    tanh = graph.add("Tanh", graph.add("Mul", inner, graph.scalar("slope", math.sqrt(2 / math.pi))))
    return str(graph.add("Mul", pre, graph.add("Add", graph.add("Mul", tanh, half), half)))


def _onnx_silu(graph: Any, pre: str) -> str:
    return str(graph.add("Mul", pre, graph.add("Sigmoid", pre)))


def _relu(pre: "torch.Tensor") -> "torch.Tensor":
    from torch.nn import functional as F

    return F.relu(pre)


def _gelu(pre: "torch.Tensor") -> "torch.Tensor":
    from torch.nn import functional as F

    return F.gelu(pre)


def _gelu_tanh(pre: "torch.Tensor") -> "torch.Tensor":
    from torch.nn import functional as F

    return F.gelu(pre, approximate="tanh")


def _silu(pre: "torch.Tensor") -> "torch.Tensor":
    from torch.nn import functional as F

    return F.silu(pre)


def _square(pre: "torch.Tensor") -> "torch.Tensor":
    return pre.square()


def _onnx_square(graph: Any, pre: str) -> str:
    return str(graph.add("Mul", pre, pre))


TABLE: dict[str, Activation] = {
    "relu": Activation("ReLU", _relu, _onnx_relu, "relu"),
    "gelu": Activation("GELU", _gelu, _onnx_gelu, "gelu", ("gelu_erf", "gelu_exact")),
    "gelu_tanh": Activation(
        "GELU (tanh)",
        _gelu_tanh,
        _onnx_gelu_tanh,
        "gelu_new",
        ("gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_approximate"),
    ),
    "silu": Activation("SiLU", _silu, _onnx_silu, "silu", ("swish",)),
}
"""By the name that a config has; where an import must choose, the likelier stand first."""


OF_MLPS: dict[str, Activation] = {
    "square": Activation("square", _square, _onnx_square, "", ("quad", "quadratic", "x2")),
}
"""Those that MLPs alone have."""
NAMES = (*TABLE, *OF_MLPS)
"""All names."""


def activation(name: str) -> Activation:
    """The entry called ``name``; raises UserError, naming those there are, for an unknown one."""
    every = TABLE | OF_MLPS
    if name not in every:
        raise UserError(f"unknown activation {name!r}; known: {', '.join(every)}")
    return every[name]


def known_as(text: str) -> str | None:
    """This project's name of ``nn.GELU()``, ``gelu_new`` or ``ReLU``; None for any other activation.

    >>> known_as("torch.nn.ReLU()"), known_as("GELU(approximate='tanh')"), known_as("solu")
    ('relu', 'gelu_tanh', None)
    """
    name, _, options = text.partition("(")
    word = LAST_WORD.search(name)
    wanted = (word[0].lower() if word else "") + ("_tanh" if "tanh" in options else "")
    found = (name for name, entry in (TABLE | OF_MLPS).items() if wanted in (name, *entry.aliases))
    return next(found, None)
