"""Composition in a finite group: ``--task s5``, or ``--task table --group_table FILE``.

Tokens 0 … n - 1 are the elements, token n asks for their product. A cyclic group has its elements in the
order of the powers of a generator, so that everything known of Z_n holds for it, whatever its table calls
them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grokking.config_fields import Options, option, require
from grokking.errors import UserError
from grokking.groups.base import Group
from grokking.groups.cyclic import in_cyclic_order
from grokking.groups.families import MAX_ORDER, accepted_names, is_like_a_group_name, named_group
from grokking.groups.table_file import group_of_text, read_group, table_text
from grokking.tasks import TASK_FAMILIES
from grokking.tasks.pairs import Operation, PairTask

TABLE = "table"
"""The task whose group is given by its multiplication table."""


@dataclass(frozen=True)
class GroupOptions(Options):
    """The config fields of composition in a group.

    group_table: given as the path of a file, which is read at once; held as the table itself
    (``grokking.groups.table_file``), so that a run needs no other file.
    """

    group_table: str = option(
        "", f"with --task {TABLE}: a .json, .csv or .npy file with the multiplication table of the group"
    )
    extra_tokens: int = option(
        0, "rows of W_E beyond the elements and the operation; set by an import", flag=False
    )
    extra_classes: int = option(0, "answer classes beyond the elements; set by an import", flag=False)

    def __post_init__(self) -> None:
        """Raises UserError, too, for a file that holds no group."""
        super().__post_init__()
        if self.group_table and not self.group_table.startswith("{"):
            object.__setattr__(self, "group_table", table_text(read_group(Path(self.group_table))))

    def check(self) -> None:
        """Raises UserError, naming the field."""
        for name in ("extra_tokens", "extra_classes"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "an integer of at least 0")


@dataclass(frozen=True)
class GroupTask(PairTask):
    """All pairs of elements of one group, each with its product.

    composed: the group, its elements in the order of their tokens.
    """

    composed: Group = field(kw_only=True)

    @property
    def title(self) -> str:
        """``composition in S5``."""
        return f"composition in {self.composed.title}"

    def formula(self, name: str) -> str:
        """``a · b in S5``."""
        return f"{self._operation(name).symbol} in {self.composed.title}"

    @property
    def elements(self) -> tuple[str, ...]:
        """A label for each element, in the order of the tokens."""
        return self.composed.elements


def compose_in(group: Group, name: str, extra_tokens: int = 0, extra_classes: int = 0) -> GroupTask:
    """The task of composing two elements of a group.

    name: of the operation.  extra_tokens, extra_classes: as for ``PairTask``.
    """
    table = group.table
    # In the order of a generator's powers a cyclic group's table is addition, which needs no look-up.
    ordered = in_cyclic_order(group) if group.is_cyclic else group
    operation = Operation(name, "a · b", lambda a, b, p: table[a, b], lambda p: ordered, +1)  # noqa: ARG005
    return GroupTask(
        group.order,
        (operation,),
        extra_tokens=extra_tokens,
        extra_classes=extra_classes,
        composed=group,
    )


class GroupFamily:
    """The task family "group": composition in one finite group."""

    name = "group"
    rank = 20
    options = GroupOptions
    accepted = f"composition in a group, {accepted_names()}; or {TABLE}, with --group_table FILE"
    readers = "grokking measure, compare and report read such runs"
    handlers: Mapping[str, str] = {}
    shown = ("task", "train_frac", "weight_decay", "seed")
    presets: Mapping[str, Mapping[str, Any]] = {}

    def claims(self, task: str) -> bool:
        """Whether the task is "table", or begins like the name of a group."""
        return task == TABLE or is_like_a_group_name(task)

    def make(self, task: str, options: GroupOptions) -> GroupTask:
        """All pairs of the group; raises UserError for an unknown or too large one, and without a table."""
        return compose_in(_group(task, options), task, options.extra_tokens, options.extra_classes)


def _group(task: str, options: GroupOptions) -> Group:
    if task == TABLE:
        require(bool(options.group_table), "group_table", "", f"with --task {TABLE}, a file with the table")
        return group_of_text(options.group_table, TABLE)
    if options.group_table:
        raise UserError(f"group_table is given with the task {task!r}; it belongs to --task {TABLE}")
    written = task.lower().replace(" ", "")
    require(task == written, "task", task, f"small letters without spaces, {written}")
    group = named_group(task)
    if group.order > MAX_ORDER:
        raise UserError(f"{task} has order {group.order}; tasks compose in groups up to order {MAX_ORDER}")
    return group


TASK_FAMILIES.register(GroupFamily())
