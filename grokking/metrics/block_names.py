"""How blocks are written: by frequency for a cyclic group, by label for any other.

In memory a block is its number in the basis of its group, which for Z_n is the frequency. In files a cyclic
group has the columns ``key_frequencies``, ``frequency_share``, … with numbers and lists by frequency. Any
other group has ``key_blocks``, ``embedding_share``, … with labels, and objects {label: value} in the place
of lists.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from grokking.groups.base import Group
from grokking.metrics.registry import rounded, with_pairs
from grokking.tasks.finite_group import GroupTask


def with_frequencies(task: Any) -> bool:
    """For metrics of tasks about pairs whose groups, if there are any, are cyclic."""
    return with_pairs(task) and not with_blocks(task)


def with_blocks(task: Any) -> bool:
    """For metrics of tasks with a group that is not cyclic."""
    groups = [task.group(name) for name in task.names] if with_pairs(task) else []
    return any(group is not None and not group.is_cyclic for group in groups)


def composing(task: Any) -> bool:
    """For metrics of composition in a group, a cyclic one included: tasks of the family "group"."""
    return isinstance(task, GroupTask)


def column_name(name: str, group: Group) -> str:
    """``name``, which speaks of frequencies, or the name that speaks of blocks.

    >>> from grokking.groups.families import named_group
    >>> column_name("key_frequencies", named_group("s3")), column_name("key_frequencies", named_group("c3"))
    ('key_blocks', 'key_frequencies')
    """
    if group.is_cyclic:
        return name
    return name.replace("frequencies", "blocks").replace("frequency", "block")


def block_names(group: Group, blocks: Sequence[int]) -> list[Any]:
    """Numbers of blocks as they are written: frequencies, or labels."""
    return list(blocks) if group.is_cyclic else [group.basis.labels[block] for block in blocks]


def by_name(group: Group, blocks: Sequence[int], values: Sequence[float | None]) -> Any:
    """One value for each of some blocks as it is written: a list, or {label: value}."""
    if group.is_cyclic:
        return list(values)
    return dict(zip(block_names(group, blocks), values, strict=True))


def by_label(group: Group, values: Float64[np.ndarray, "blocks"]) -> dict[str, float]:
    """{label: value} of float64 [n_blocks - 1], a cyclic group's labels being its frequencies as text."""
    return dict(zip(group.basis.labels[1:], rounded(values), strict=True))


def every_block(group: Group, values: Float64[np.ndarray, "blocks"]) -> Any:
    """Values float64 [n_blocks - 1] of all blocks but the trivial one, rounded as long lists are."""
    return rounded(values) if group.is_cyclic else by_label(group, values)
