"""What is asked: a task's questions, answers and split. ``TASK_FAMILIES`` lists the families.

A family is one module here (or anywhere, see ``grokking.registry``) that registers a ``TaskFamily``.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from grokking.errors import UserError
from grokking.registry import Registry
from grokking.tasks.base import Task, TaskFamily

TASK_FAMILIES: Registry[TaskFamily] = Registry("task family", __name__, "grokking.tasks")


def family_of(task: str) -> TaskFamily:
    """The family that a task's name belongs to; raises UserError, with what is accepted, if there is none."""
    for family in TASK_FAMILIES:
        if family.claims(task):
            return family
    accepted = "; ".join(family.accepted for family in TASK_FAMILIES)
    raise UserError(f"unknown task {task!r}; known: {accepted}")


def task_of_record(record: Mapping[str, Any]) -> Task:
    """The task of a config's record, as files hold it; raises UserError as ``family_of`` and ``make`` do."""
    name = record.get("task", "add")
    family = family_of(name)
    known = {f.name for f in fields(family.options)} & set(record)
    return family.make(name, family.options(**{field: record[field] for field in known}))


def modulus_text(record: Mapping[str, Any]) -> str:
    """``" mod 113"`` for the record of a config that has a modulus, nothing for any other."""
    return f" mod {record['p']}" if "p" in record else ""
