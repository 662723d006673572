"""The tables of ``grokking.lookup`` from the weights, and the way back for their gradients.

Shapes: H heads, e = d_head, D = d_model, M = d_mlp, C = n_classes, O operations; rows r number
the operand tokens at position 0 (0 … p-1) and at position 1 (p … 2p-1). Rows of R and of the
tables are W numbers long: M, then C, each followed by zeros up to a whole number of cache lines,
so that every row begins on one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from grokking.lookup.workers import run_in_turn
from grokking.model import ModelShape, Weights

Run = Callable[[Sequence[Callable[[], None]]], None]
"""Runs independent pieces of work, at once or one after the other."""

LINE = 16
"""float32 numbers in a cache line."""


def padded(n: int) -> int:
    """``n`` rounded up to whole cache lines."""
    return -(-n // LINE) * LINE


@dataclass
class Tables:
    """What a pair looks up.

    mix: [O, H, 2p, W], already less the operation's own row.  score: [O, 2p, H].
    own_score: [O, H], of the operation's row.  base: [O, W], with the operation's own row summed
    over heads.  neuron_logit: [M, C], held transposed in memory.
    """

    mix: Tensor
    score: Tensor
    own_score: Tensor
    base: Tensor
    neuron_logit: Tensor

    def zeros_like(self) -> "Tables":
        """Tables of the same shapes for gradients."""
        return Tables(*(torch.zeros_like(t) for t in self.parts()))

    def arrays(self) -> tuple[np.ndarray, ...]:
        """The tensors as numpy arrays over the same memory; neuron_logit transposed, [C, M]."""
        return (*(t.numpy() for t in self.parts()[:-1]), self.neuron_logit.T.numpy())

    def parts(self) -> tuple[Tensor, ...]:
        """The tensors, in the order of the constructor."""
        return self.mix, self.score, self.own_score, self.base, self.neuron_logit


class TableBuilder:
    """Builds tables from weights and carries gradients back, keeping what the way back needs.

    The tables live in memory that the next ``build`` overwrites.
    """

    def __init__(self, shape: ModelShape, weights: Weights, run: Run = run_in_turn) -> None:
        if not foldable(shape):
            raise ValueError("layer norm and GELU cannot be folded into tables")
        self.shape, self.run = shape, run
        self.w = {name: tensor.detach() for name, tensor in weights.items()}
        o, h, e, m = shape.n_ops, shape.n_heads, shape.d_head, shape.d_mlp
        self.direct = slice(padded(m), padded(m) + shape.n_classes)
        rows, width = 2 * shape.n_numbers, padded(m) + padded(shape.n_classes)
        new = self.w["W_E"].new_empty
        self.tables = Tables(new(o, h, rows, width), new(o, rows, h), new(o, h), new(o, width),
                             new(shape.n_classes, m).T)
        self.readers = self.w["W_E"].new_zeros(shape.d_model, width)
        self.head_readers = new(h, e, width)
        self.d_head_readers = new(h, e, width)
        # Operand values less the operation's own value: the "mix[r] - mix[o]" of the package text.
        self.relative_values = new(o, h, rows, e)

    def build(self) -> Tables:
        """Tables of the current weights."""
        s, w, tables = self.shape, self.w, self.tables
        h, e, rows = s.n_heads, s.d_head, 2 * s.n_numbers
        embed, position = w["W_E"], w["W_pos"]
        self.x = torch.cat([embed[: s.n_numbers] + position[0], embed[: s.n_numbers] + position[1],
                            embed[s.n_numbers :] + position[2]])
        own = self.x[rows:]
        self.value_readers = w["W_V"].transpose(0, 1).reshape(s.d_model, h * e)
        self.readers[:, : s.d_mlp], self.readers[:, self.direct] = w["W_in"], w["W_U"]
        self.queries = torch.einsum("od,hde->ohe", own, w["W_Q"]) * s.score_scale
        self.key_readers = torch.einsum("hde,ohe->odh", w["W_K"], self.queries)
        values = (self.x @ self.value_readers).view(-1, h, e).transpose(0, 1)
        self.own_values = values[:, rows:].contiguous()
        torch.sub(values[:, :rows], self.own_values.transpose(0, 1)[..., None, :],
                  out=self.relative_values)
        scores = self.x @ self.key_readers
        tables.score.copy_(scores[:, :rows])
        tables.own_score.copy_(scores[range(s.n_ops), range(rows, rows + s.n_ops)])

        def build_head(i: int) -> None:
            torch.mm(w["W_O"][i], self.readers, out=self.head_readers[i])
            for o in range(s.n_ops):
                torch.mm(self.relative_values[o, i], self.head_readers[i], out=tables.mix[o, i])

        def fold_logits() -> None:
            torch.mm(w["W_U"].T, w["W_out"].T, out=tables.neuron_logit.T)

        self.run([fold_logits, *(partial(build_head, i) for i in range(h))])
        own_mix = self.own_values.transpose(0, 1).reshape(-1, h * e) @ self.head_readers.flatten(0, 1)
        torch.add(own @ self.readers, own_mix, out=tables.base)
        tables.base[:, : s.d_mlp] += w["b_in"]
        tables.base[:, self.direct] += w["b_out"] @ w["W_U"]
        return tables

    def backward(self, grad: Tables) -> dict[str, Tensor]:
        """Gradients of the weights from those of the tables (``build`` must have run before).

        ``grad.own_score`` is not read: shifting all scores of a pair changes nothing, so its
        entries are minus the sums of those of ``grad.score``.
        """
        s, w, rows = self.shape, self.w, 2 * self.shape.n_numbers
        own = self.x[rows:]
        d_values = self.x.new_empty(s.n_heads, len(self.x), s.d_head)
        out = {"W_O": torch.empty_like(w["W_O"])}

        def head(i: int) -> None:
            reader = self.head_readers[i]
            relative = grad.mix[:, i] @ reader.T
            torch.sum(relative, 0, out=d_values[i, :rows])
            torch.sub(grad.base @ reader.T, relative.sum(1), out=d_values[i, rows:])
            d_reader = torch.mm(self.own_values[i].T, grad.base, out=self.d_head_readers[i])
            for o in range(s.n_ops):
                d_reader.addmm_(self.relative_values[o, i].T, grad.mix[o, i])
            torch.mm(d_reader, self.readers.T, out=out["W_O"][i])

        def unfold_logits() -> None:
            out["W_out"] = grad.neuron_logit @ w["W_U"].T
            out["W_U"] = w["W_out"].T @ grad.neuron_logit

        self.run([unfold_logits, *(partial(head, i) for i in range(s.n_heads))])
        d_readers = w["W_O"].flatten(0, 1).T @ self.d_head_readers.flatten(0, 1)
        d_readers.addmm_(own.T, grad.base)
        d_x = self._rows_backward(grad, d_values, out)
        d_bias = grad.base.sum(0)
        d_direct = d_bias[self.direct]
        out["W_in"], out["b_in"] = d_readers[:, : s.d_mlp], d_bias[: s.d_mlp]
        out["b_out"] = w["W_U"] @ d_direct
        out["W_U"] += d_readers[:, self.direct] + torch.outer(w["b_out"], d_direct)
        first, second, operation = d_x.split([s.n_numbers, s.n_numbers, s.n_ops])
        out["W_E"] = torch.cat([first + second, operation])
        out["W_pos"] = torch.stack([first.sum(0), second.sum(0), operation.sum(0)])
        return out

    def _rows_backward(self, grad: Tables, d_values: Tensor, out: dict[str, Tensor]) -> Tensor:
        """Gradient of the rows x [2p + O, D]; adds those of W_V, W_K and W_Q to ``out``."""
        s, w, rows = self.shape, self.w, 2 * self.shape.n_numbers
        own = self.x[rows:]
        flat_values = d_values.transpose(0, 1).reshape(len(self.x), -1)
        d_value_readers = (self.x.T @ flat_values).view(s.d_model, s.n_heads, s.d_head)
        out["W_V"] = d_value_readers.transpose(0, 1)
        d_x = flat_values @ self.value_readers.T
        d_x[rows:].addmm_(grad.base, self.readers.T)
        d_score = grad.score.new_zeros(s.n_ops, len(self.x), s.n_heads)
        d_score[:, :rows] = grad.score
        d_score[range(s.n_ops), range(rows, rows + s.n_ops)] = -grad.score.sum(1)
        d_key_readers = self.x.T @ d_score
        d_x += (d_score @ self.key_readers.transpose(1, 2)).sum(0)
        out["W_K"] = torch.einsum("odh,ohe->hde", d_key_readers, self.queries)
        d_query = torch.einsum("odh,hde->ohe", d_key_readers, w["W_K"]) * s.score_scale
        out["W_Q"] = torch.einsum("od,ohe->hde", own, d_query)
        d_x[rows:] += torch.einsum("ohe,hde->od", d_query, w["W_Q"])
        return d_x


def foldable(shape: ModelShape) -> bool:
    """Whether a model's layer after attention can be folded into tables."""
    return shape.activation == "relu" and not shape.layer_norm
