"""Binary operations on the numbers 0 … p - 1: all pairs, their answers, the group behind each operation.

The numbers are residues mod p, or the elements of a group of order p (``grokking.tasks.finite_group``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grokking.errors import UserError
from grokking.groups.base import Group
from grokking.groups.cyclic import CyclicGroup, required_cyclic
from grokking.tasks.base import Vocabulary


@dataclass(frozen=True)
class Operation:
    """A binary operation on p numbers.

    answer(a, b, p): numbers int64 [N], [N] to numbers [N].  make_group(p): the group in which the pairs are
    composed, None where there is none.  sign: +1 where the answer is a·b, -1 where it is a·b⁻¹, as for
    differences and quotients; None without a group.  needs_nonzero_b:
    whether pairs with b = 0 have no answer.  needs_prime: whether p must be an odd prime.
    """

    name: str
    symbol: str
    answer: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    make_group: Callable[[int], Group] | None
    sign: int | None
    needs_nonzero_b: bool = False
    needs_prime: bool = False


@dataclass(frozen=True)
class GroupGrid:
    """All n² pairs of a group, in group order, for one operation of a task.

    tokens: int64 [n², 3], pair (i, j) at row i·n + j, where i, j are group indices of a, b.
    rows: int64 [n²], where they stand in the task's own ``tokens``.
    sign: as of ``Operation``.  s: int64 [n²], index of the answer; of a cyclic group i + sign·j mod n.
    """

    group: Group
    tokens: np.ndarray
    rows: np.ndarray
    sign: int
    s: np.ndarray

    @property
    def n(self) -> int:
        """Order of the group."""
        return self.group.order

    @property
    def cyclic(self) -> CyclicGroup:
        """The group, for what only cyclic groups have; raises UserError for any other."""
        return required_cyclic(self.group)


def _answer_index(group: Group, i: np.ndarray, j: np.ndarray, sign: int) -> np.ndarray:
    """Index of i·j, or of i·j⁻¹ for sign -1: int64 [N] for indices i, j [N]."""
    if group.is_cyclic:  # in group order, where no table of a thousand rows is needed
        return np.asarray((i + sign * j) % group.order)
    return np.asarray(group.table[i, j if sign > 0 else group.inverses[j]])


@dataclass(frozen=True)
class PairTask:
    """One or several operations on the same numbers, all their pairs in one table.

    Tokens 0 … p - 1 are the numbers, p + i is the i-th operation. With ``separate`` tokens each of O
    operations has numbers of its own: i·p … i·p + p - 1 are those of the i-th, which is O·p + i.
    extra_tokens, extra_classes: of a model's vocabulary, behind all others; no question has them.
    """

    p: int
    operations: tuple[Operation, ...]
    separate: bool = False
    extra_tokens: int = 0
    extra_classes: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Operation names; they are the suffixes of per-task values."""
        return tuple(op.name for op in self.operations)

    @property
    def title(self) -> str:
        """What is asked, in a few words."""
        return f"{','.join(self.names)} mod {self.p}"

    def formula(self, name: str) -> str:
        """What an operation asks, as a figure writes it: ``a + b mod 113``."""
        return f"{self._operation(name).symbol} mod {self.p}"

    @property
    def vocabulary(self) -> Vocabulary:
        """Tokens and classes, the extra ones included."""
        n_sets = len(self.operations) if self.separate else 1
        return Vocabulary(
            n_numbers=self.n_numbers,
            n_ops=len(self.operations) + self.extra_tokens,
            n_classes=self.p + self.extra_classes,
            n_sets=n_sets,
            n_extra=self.extra_tokens,
        )

    @property
    def n_answers(self) -> int:
        """Residues."""
        return self.p

    @property
    def n_numbers(self) -> int:
        """Operand tokens."""
        return self.p * (len(self.operations) if self.separate else 1)

    def first_token(self, name: str) -> int:
        """The token of the number 0 where operation ``name`` asks for it."""
        return self.p * self.names.index(self._operation(name).name) if self.separate else 0

    def candidates(self, operation: int) -> np.ndarray:
        """Rows, increasing, of the operation with that index: any of its pairs may be trained on."""
        return np.flatnonzero(self.operation_of_pair == operation)

    @cached_property
    def tokens(self) -> np.ndarray:
        """int64 [n_pairs, 3]: a, b, operation token; by operation, then a, then b."""
        blocks = []
        for op in self.operations:
            a, b = np.divmod(np.arange(self.p**2, dtype=np.int64), self.p)
            keep = b != 0 if op.needs_nonzero_b else np.ones_like(b, dtype=bool)
            blocks.append(self._asked(op.name, a[keep], b[keep]))
        return np.concatenate(blocks)

    def _asked(self, name: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Tokens int64 [N, 3] of questions about residues a, b [N]."""
        first, operation = self.first_token(name), self.n_numbers + self.names.index(name)
        return np.stack([first + a, first + b, np.full_like(a, operation)], axis=1)

    @cached_property
    def operands(self) -> np.ndarray:
        """int64 [n_pairs, 2]: the residues a and b, whatever their tokens."""
        return self.tokens[:, :2] % self.p

    @cached_property
    def operation_of_pair(self) -> np.ndarray:
        """int64 [n_pairs]: which operation a pair asks for."""
        return self.tokens[:, 2] - self.n_numbers

    @cached_property
    def answers(self) -> np.ndarray:
        """int64 [n_pairs], residues."""
        answers = np.empty(len(self.tokens), dtype=np.int64)
        for i, op in enumerate(self.operations):
            rows = self.operation_of_pair == i
            a, b = self.operands[rows].T
            answers[rows] = op.answer(a, b, self.p)
        return answers

    def group(self, name: str) -> Group | None:
        """The group of an operation, None where it has none.

        Raises UserError if this task was not asked to train ``name``.
        """
        op = self._operation(name)
        return op.make_group(self.p) if op.make_group else None

    def cyclic_group(self, name: str) -> CyclicGroup | None:
        """``group``, for what only cyclic groups have; raises UserError for a group that is not cyclic."""
        group = self.group(name)
        return None if group is None else required_cyclic(group)

    def grid(self, name: str) -> GroupGrid | None:
        """All pairs inside the group of an operation, None where it has none.

        Raises UserError as ``group`` does.
        """
        self._operation(name)
        return self._grids.get(name)

    @cached_property
    def _grids(self) -> dict[str, GroupGrid]:
        grids = {}
        for op in self.operations:
            if op.make_group is None or op.sign is None:
                continue
            group = op.make_group(self.p)
            i, j = np.divmod(np.arange(group.order**2, dtype=np.int64), group.order)
            tokens = self._asked(op.name, group.members[i], group.members[j])
            rows = np.searchsorted(self._keys(self.tokens), self._keys(tokens))
            grids[op.name] = GroupGrid(group, tokens, rows, op.sign, _answer_index(group, i, j, op.sign))
        return grids

    def _keys(self, tokens: np.ndarray) -> np.ndarray:
        """A number per pair that grows along ``self.tokens``."""
        n = self.n_numbers
        return np.asarray((tokens[:, 2] * n + tokens[:, 0]) * n + tokens[:, 1])

    def _operation(self, name: str) -> Operation:
        for op in self.operations:
            if op.name == name:
                return op
        raise UserError(f"this run was not trained on {name!r}; it knows {', '.join(self.names)}")
