"""The network as an ONNX graph, node by node: a few operations, named as the field names them.

Input ``tokens`` int64 [batch, n_ctx]; outputs ``logits`` [batch, n_classes] and ``neurons``
[batch, d_mlp], both at the last position, the only one that goes through query, MLP and
unembedding. Needs the package ``onnx``, an optional extra.
"""

from typing import Any

import numpy as np

from grokking.errors import UserError
from grokking.models.activations import activation
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights

OPSET = 17
IR_VERSION = 8
"""As old as the operations allow, so that older runtimes read it too."""


def model_bytes(weights: Weights, shape: ModelShape, epoch: int) -> bytes:
    """The serialised model. Raises UserError where the package ``onnx`` is missing."""
    try:
        import onnx
    except ImportError as error:
        raise UserError(
            "ONNX files need the package onnx; pip install onnx, or pip install '.[onnx]'"
        ) from error
    graph = Graph(onnx, weights, shape)
    graph.build()
    model = onnx.helper.make_model(
        graph.proto(),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="grokking",
        doc_string=f"one-layer transformer, epoch {epoch}",
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


class Graph:
    """Nodes and constants while they are put together; a tensor is the name of its edge."""

    def __init__(self, onnx: Any, weights: Weights, shape: ModelShape) -> None:
        self.onnx, self.shape = onnx, shape
        self.arrays = {name: weights[name].detach().cpu().numpy() for name in shape.parameter_shapes()}
        self.dtype = self.arrays["W_E"].dtype
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.used: set[str] = set()

    def build(self) -> None:
        """The forward pass of ``grokking.models.transformer`` at the last position."""
        s = self.shape
        x = self.add("Add", self.add("Gather", self.weight("W_E"), "tokens"), self.weight("W_pos"))
        normed = self.norm(x, "ln1")
        own = self.last(normed)
        q = self.heads(own, "Q")
        k, v = self.heads(normed, "K"), self.heads(normed, "V")
        scores = self.add(
            "Mul",
            self.add("MatMul", q, self.add("Transpose", k, perm=[0, 1, 3, 2])),
            self.constant("score_scale", np.array(s.score_scale, self.dtype)),
        )
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), v)
        flat = self.reshape(
            self.add("Transpose", mixed, perm=[0, 2, 1, 3]), "flat_heads", [0, 1, s.n_heads * s.d_head]
        )
        w_o = self.constant("W_O", self.arrays["W_O"].reshape(s.n_heads * s.d_head, s.d_model))
        mid = self.add("Add", self.last(x), self.bias(self.add("MatMul", flat, w_o), "b_O"))
        pre = self.add(
            "Add", self.add("MatMul", self.norm(mid, "ln2"), self.weight("W_in")), self.weight("b_in")
        )
        neurons = activation(s.activation).onnx(self, pre)
        out = self.add("Add", self.add("MatMul", neurons, self.weight("W_out")), self.weight("b_out"))
        logits = self.add("MatMul", self.norm(self.add("Add", mid, out), "ln_final"), self.weight("W_U"))
        first = self.constant("position_axis", np.array([1], np.int64))
        self.add("Squeeze", self.bias(logits, "b_U"), first, output="logits")
        self.add("Squeeze", neurons, first, output="neurons")

    def add(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """A node; returns its output."""
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        """A tensor that belongs to the model."""
        if name not in self.used:
            self.used.add(name)
            self.constants.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def scalar(self, name: str, value: float) -> str:
        """A number in the precision of the weights."""
        return self.constant(name, np.array(value, self.dtype))

    def weight(self, name: str) -> str:
        """A parameter as it is."""
        return self.constant(name, self.arrays[name])

    def bias(self, x: str, name: str) -> str:
        """x with an extra bias, where the network has it."""
        return self.add("Add", x, self.weight(name)) if name in self.arrays else x

    def heads(self, x: str, letter: str) -> str:
        """Queries, keys or values [batch, n_heads, positions, d_head]."""
        s = self.shape
        joined = np.moveaxis(self.arrays[f"W_{letter}"], 0, 1).reshape(s.d_model, s.n_heads * s.d_head)
        flat = self.add("MatMul", x, self.constant(f"W_{letter}", joined))
        if f"b_{letter}" in self.arrays:
            flat = self.add("Add", flat, self.constant(f"b_{letter}", self.arrays[f"b_{letter}"].reshape(-1)))
        split = self.reshape(flat, "split_heads", [0, -1, s.n_heads, s.d_head])
        return self.add("Transpose", split, perm=[0, 2, 1, 3])

    def reshape(self, x: str, name: str, size: list[int]) -> str:
        """x in another shape; 0 keeps an axis."""
        return self.add("Reshape", x, self.constant(name, np.array(size, np.int64)))

    def last(self, x: str) -> str:
        """The last position, its axis kept."""
        return self.add(
            "Gather", x, self.constant("last_position", np.array([self.shape.n_ctx - 1], np.int64)), axis=1
        )

    def norm(self, x: str, name: str) -> str:
        """Layer norm, where the network has it."""
        if not self.shape.layer_norm:
            return x
        return self.add(
            "LayerNormalization",
            x,
            self.weight(f"{name}_w"),
            self.weight(f"{name}_b"),
            axis=-1,
            epsilon=self.shape.layer_norm_eps,
        )

    def proto(self) -> Any:
        """The finished graph."""
        helper, types, s = self.onnx.helper, self.onnx.TensorProto, self.shape
        kind = helper.np_dtype_to_tensor_dtype(self.dtype)
        return helper.make_graph(
            self.nodes,
            "one_layer_transformer",
            [helper.make_tensor_value_info("tokens", types.INT64, ["batch", s.n_ctx])],
            [
                helper.make_tensor_value_info("logits", kind, ["batch", s.n_classes]),
                helper.make_tensor_value_info("neurons", kind, ["batch", s.d_mlp]),
            ],
            initializer=self.constants,
        )
