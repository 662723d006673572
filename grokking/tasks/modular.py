"""What is asked: pairs of operands, their answers, the split, and the group behind each operation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grokking.errors import UserError
from grokking.groups.cyclic import CyclicGroup, additive_group, multiplicative_group


@dataclass(frozen=True)
class Operation:
    """A binary operation mod p.

    answer(a, b, p): residues [N], [N] to residues [N].  sign: how the group index of b enters
    that of the answer (+1 or -1); None where the pair has no cyclic structure.
    """

    name: str
    symbol: str
    answer: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    make_group: Callable[[int], CyclicGroup] | None
    sign: int | None
    needs_nonzero_b: bool = False


def _divide(a: np.ndarray, b: np.ndarray, p: int) -> np.ndarray:
    inverse = np.array([0] + [pow(x, -1, p) for x in range(1, p)], dtype=np.int64)
    return a * inverse[b] % p


OPERATIONS = {
    op.name: op
    for op in (
        Operation("add", "a + b", lambda a, b, p: (a + b) % p, additive_group, +1),
        Operation("sub", "a - b", lambda a, b, p: (a - b) % p, additive_group, -1),
        Operation("mul", "a · b", lambda a, b, p: a * b % p, multiplicative_group, +1),
        Operation("div", "a / b", _divide, multiplicative_group, -1, needs_nonzero_b=True),
        Operation("x2+y2", "a² + b²", lambda a, b, p: (a * a + b * b) % p, None, None),
        Operation("x3+xy", "a³ + ab", lambda a, b, p: (a**3 + a * b) % p, None, None),
    )
}


def parse_operations(text: str) -> tuple[Operation, ...]:
    """``"add,mul"`` to operations, in the order given.

    Raises UserError for an unknown or repeated name.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in OPERATIONS:
            known = ", ".join(OPERATIONS)
            raise UserError(
                f"unknown task {name!r}; known: {known}, or several joined by commas; or kinematics alone"
            )
    if len(set(names)) != len(names):
        raise UserError(f"task {text!r} names an operation twice")
    return tuple(OPERATIONS[name] for name in names)


@dataclass(frozen=True)
class GroupGrid:
    """All n² pairs of a group, in group order, for one operation of a task.

    tokens: int64 [n², 3], pair (i, j) at row i·n + j, where i, j are group indices of a, b.
    rows: int64 [n²], where they stand in the task's own ``tokens``.
    sign: how the index of b enters that of the answer.  s: int64 [n²], index of the answer.
    """

    group: CyclicGroup
    tokens: np.ndarray
    rows: np.ndarray
    sign: int
    s: np.ndarray

    @property
    def n(self) -> int:
        """Order of the group."""
        return self.group.order


@dataclass(frozen=True)
class Split:
    """Row numbers of a task's pairs, int64, increasing: what is trained on and what is held out.

    Rows that no network may train on (of ``KinematicsTask``) are in neither.
    """

    train: np.ndarray
    test: np.ndarray

    @classmethod
    def from_train(cls, rows: Sequence[int] | np.ndarray, n_pairs: int) -> "Split":
        """Trained on the given rows of 0 … n_pairs - 1, in any order, and tested on all others."""
        chosen = np.zeros(n_pairs, dtype=bool)
        chosen[rows] = True
        return cls(np.flatnonzero(chosen), np.flatnonzero(~chosen))


@dataclass(frozen=True)
class Task:
    """One or several operations mod p, all their pairs in one table.

    Tokens 0 … p - 1 are the numbers, p + i is the i-th operation. With ``separate`` tokens each of O
    operations has numbers of its own: i·p … i·p + p - 1 are those of the i-th, which is O·p + i.
    """

    p: int
    operations: tuple[Operation, ...]
    separate: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Operation names; they are the suffixes of per-task values."""
        return tuple(op.name for op in self.operations)

    @property
    def title(self) -> str:
        """What is asked, in a few words."""
        return f"{','.join(self.names)} mod {self.p}"

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

    def group(self, name: str) -> CyclicGroup | None:
        """The cyclic group of an operation, None where it has none.

        Raises UserError if this task was not asked to train ``name``.
        """
        op = self._operation(name)
        return op.make_group(self.p) if op.make_group else None

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
            grids[op.name] = GroupGrid(group, tokens, rows, op.sign, (i + op.sign * j) % group.order)
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


def make_task(p: int, operations: str, separate: bool = False) -> Task:
    """The task of a config: ``make_task(113, "add")``, ``make_task(59, "add,mul")``."""
    return Task(p, parse_operations(operations), separate)
