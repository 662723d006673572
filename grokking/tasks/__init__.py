"""What is asked: a task's questions, answers and split. ``TASK_FAMILIES`` lists the families.

A family is one module here (or anywhere, see ``grokking.registry``) that registers a ``TaskFamily``.
"""

from grokking.errors import UserError
from grokking.registry import Registry
from grokking.tasks.base import TaskFamily

TASK_FAMILIES: Registry[TaskFamily] = Registry("task family", __name__, "grokking.tasks")


def family_of(task: str) -> TaskFamily:
    """The family that a task's name belongs to; raises UserError, with what is accepted, if there is none."""
    for family in TASK_FAMILIES:
        if family.claims(task):
            return family
    accepted = "; ".join(family.accepted for family in TASK_FAMILIES)
    raise UserError(f"unknown task {task!r}; known: {accepted}")
