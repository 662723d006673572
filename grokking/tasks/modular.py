"""Arithmetic mod p: addition, subtraction, multiplication, division, and two polynomials."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokking.config_fields import Options, option, require
from grokking.errors import UserError
from grokking.groups.cyclic import additive_group, multiplicative_group
from grokking.tasks import TASK_FAMILIES
from grokking.tasks.pairs import Operation, PairTask

SHARED, SEPARATE = OPERAND_TOKENS = ("shared", "separate")
MAX_P = 9973


@dataclass(frozen=True)
class ModularOptions(Options):
    """The config fields of arithmetic mod p."""

    p: int = option(113, "modulus; an odd prime where the task multiplies or divides")
    equals_class: bool = option(False, 'an extra "=" answer class in the loss, never correct')
    operand_tokens: str = option(
        SHARED,
        "with several operations: the same numbers for all, or numbers of their own for each",
        OPERAND_TOKENS,
    )
    extra_tokens: int = option(
        0, "rows of W_E beyond the numbers and the operations; set by an import", flag=False
    )
    extra_classes: int = option(0, "answer classes beyond p and equals_class; set by an import", flag=False)

    def check(self) -> None:
        """Raises UserError, naming the field."""
        require(3 <= self.p <= MAX_P, "p", self.p, f"a whole number from 3 to {MAX_P}")
        for name in ("extra_tokens", "extra_classes"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "an integer of at least 0")


def _divide(a: np.ndarray, b: np.ndarray, p: int) -> np.ndarray:
    inverse = np.array([0] + [pow(x, -1, p) for x in range(1, p)], dtype=np.int64)
    return a * inverse[b] % p


OPERATIONS = {
    op.name: op
    for op in (
        Operation("add", "a + b", lambda a, b, p: (a + b) % p, additive_group, +1),
        Operation("sub", "a - b", lambda a, b, p: (a - b) % p, additive_group, -1),
        Operation("mul", "a · b", lambda a, b, p: a * b % p, multiplicative_group, +1, needs_prime=True),
        Operation("div", "a / b", _divide, multiplicative_group, -1, needs_nonzero_b=True, needs_prime=True),
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
            raise UserError(f"unknown task {name!r}; known: {known}, or several joined by commas")
    if len(set(names)) != len(names):
        raise UserError(f"task {text!r} names an operation twice")
    return tuple(OPERATIONS[name] for name in names)


def make_task(p: int, operations: str, separate: bool = False) -> PairTask:
    """``make_task(113, "add")``, ``make_task(59, "add,mul")``.

    Raises UserError for an unknown operation, or a modulus that one of them cannot have.
    """
    parsed = parse_operations(operations)
    for operation in parsed:
        if operation.needs_prime:
            require(is_odd_prime(p), "p", p, f"an odd prime, 3 to {MAX_P}, with the task {operation.name}")
    return PairTask(p, parsed, separate)


def is_odd_prime(n: int) -> bool:
    """True for 3, 5, 7, 11, …"""
    return n > 2 and n % 2 == 1 and all(n % d for d in range(3, int(n**0.5) + 1, 2))


class ModularFamily:
    """The task family "modular": one operation mod p, or several joined by commas."""

    name = "modular"
    rank = 10
    options = ModularOptions
    accepted = f"{', '.join(OPERATIONS)}, or several of them joined by commas"
    readers = "every command reads such runs"
    handlers: Mapping[str, str] = {}
    shown = ("p", "task", "train_frac", "seed")
    presets: Mapping[str, Mapping[str, Any]] = {
        # Nanda et al. 2023 (arXiv 2301.05217), section 3 and its public notebook.
        "nanda": {
            "p": 113,
            "train_frac": 0.3,
            "warmup": 10,
            "equals_class": True,
            "init_scheme": "nanda",
            "n_epochs": 15_000,
        },
        # Task 1 of "Timeless".
        "timeless": {"p": 131, "train_frac": 0.3, "n_epochs": 40_000},
        # The smallest of the recipes tried that memorises by epoch 200 and groks much later.
        "quick": {
            "p": 59,
            "train_frac": 0.4,
            "d_model": 64,
            "d_mlp": 256,
            "lr": 2e-3,
            "seed": 1,
            "n_epochs": 3000,
            "log_every": 20,
            "checkpoint_every": 100,
        },
    }

    def claims(self, task: str) -> bool:
        """Whether the first of the names joined by commas is an operation, or there are several."""
        names = [name.strip() for name in task.split(",")]
        return len(names) > 1 or names[0] in OPERATIONS

    def make(self, task: str, options: ModularOptions) -> PairTask:
        """All pairs of the operations; raises UserError as ``make_task`` does."""
        made = make_task(options.p, task, options.operand_tokens == SEPARATE)
        extra_classes = options.equals_class + options.extra_classes
        return PairTask(made.p, made.operations, made.separate, options.extra_tokens, extra_classes)


TASK_FAMILIES.register(ModularFamily())
