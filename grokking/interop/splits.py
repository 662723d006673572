"""Which pairs were trained on: by a recipe, from a file, or from what the weights' file says.

Recipes go over the rows of the task's table, which for one operation are the pairs (a, b) in
lexicographic order, and take the first ⌊fraction · N⌋ of a permutation.
"""

import math
import random
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import split_of
from grokking.storage.atomic_io import read_bytes, read_json
from grokking.tasks.base import Task
from grokking.tasks.pairs import PairTask
from grokking.tasks.split import Split

FRACTION = 0.3
TRAIN_ROWS = "train_indices"
"""Where exports of a run whose split was given keep the numbers of its train rows."""
RECIPE = re.compile(r"(torch-randperm|python-shuffle):(\d{1,18})(?::(0?\.\d{1,17}))?")
MAX_BYTES = 2**30


def make_split(text: str, task: PairTask) -> Split:
    """The split that ``--split`` asks for.

    text: ``torch-randperm:SEED[:FRACTION]``, ``python-shuffle:SEED[:FRACTION]`` or a file with the
    train pairs, as JSON [[a, b], …] or as lines "a,b"; with several operations each with a third
    number, the operation's place in the task.  Raises UserError for anything else.
    """
    recipe = RECIPE.fullmatch(text)
    if not recipe:
        if not Path(text).is_file():
            raise UserError(
                f"split is {text!r}; accepted: torch-randperm:SEED[:FRACTION], "
                "python-shuffle:SEED[:FRACTION], or a file of train pairs"
            )
        return split_of_pairs(_pairs_in(Path(text)), task, text)
    if len(task.names) > 1:
        raise UserError(
            "recipes split the pairs of one operation; with several give a file of pairs a,b,operation"
        )
    n, seed = len(task.tokens), int(recipe[2])
    if recipe[1] == "torch-randperm":
        order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).numpy()
    else:
        shuffled = list(range(n))
        random.Random(seed).shuffle(shuffled)
        order = np.array(shuffled)
    return _checked(order[: int(float(recipe[3] or FRACTION) * n)], task, text)


def split_of_pairs(pairs: Iterable[Sequence[int]], task: PairTask, where: str) -> Split:
    """The split whose train pairs are these, (a, b) or (a, b, operation's place or token)."""
    row_of = {tuple(map(int, key)): row for row, key in enumerate(task.tokens)}
    rows = []
    for pair in pairs:
        operation = pair[2] if len(pair) > 2 and len(task.names) > 1 else 0
        key = (*pair[:2], task.p + operation % task.p)
        if len(pair) < 2 or key not in row_of:
            raise UserError(
                f"{where}: {tuple(pair)[:4]} is not a pair of this task; accepted: two numbers below "
                f"{task.p}" + ", and the operation's place" * (len(task.names) > 1)
            )
        rows.append(row_of[key])
    return _checked(np.array(rows, dtype=np.int64), task, where)


def split_in(saved: Any, task: Task) -> Split | None:
    """The split that a file of weights gives (row numbers or pairs), None if it is none of ours."""
    values = saved.tolist() if isinstance(saved, Tensor) and saved.numel() <= 4 * len(task.tokens) else saved
    if not isinstance(values, list | tuple) or not values or len(values) > len(task.tokens):
        return None
    try:
        if all(type(v) is int for v in values):
            return _checked(np.array(values), task, TRAIN_ROWS)
        if not isinstance(task, PairTask) or len(task.names) > 1:
            return None
        return split_of_pairs([[int(n) for n in pair] for pair in values], task, "train_data")
    except (UserError, ValueError, TypeError, OverflowError):
        return None


def split_of_ours(own: RunConfig, saved: Any, task: Task) -> tuple[Split, str] | None:
    """The split of a run of this project and how it is known, from the run's config and the rows in the file.

    saved: numbers of the train rows, where the file has them.  None where neither says it.
    """
    if own.split == "drawn" and not own.imported:
        return split_of(own, task), "as init_scheme and seed in the file say"
    split = split_in(saved, task) if own.split == "kept" else None
    return None if split is None else (split, "as the export of the run says")


def _pairs_in(path: Path) -> list[list[int]]:
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is too large for a list of pairs")
    if path.suffix.lower() == ".json":
        pairs = read_json(path)
        if isinstance(pairs, list) and all(
            isinstance(p, list) and all(type(x) is int for x in p) for p in pairs
        ):
            return pairs
        raise UserError(f"{path} is not a list of pairs [[a, b], …] of whole numbers")
    lines = read_bytes(path).decode(errors="replace").splitlines()
    pairs = []
    for number, line in enumerate(lines, 1):
        words = re.split(r"[,;\s]+", line.strip())
        if all(re.fullmatch(r"\d{1,9}", word) for word in words):
            pairs.append([int(word) for word in words])
        elif words != [""] and number > 1:  # the first line may be a heading
            raise UserError(f"{path}, line {number}: {line[:60]!r} is not a pair; accepted: a,b")
    return pairs


def _checked(rows: np.ndarray, task: Task, where: str) -> Split:
    n = len(task.tokens)
    if not 0 < len(rows) < n or len(np.unique(rows)) != len(rows) or rows.min() < 0 or rows.max() >= n:
        raise UserError(
            f"{where} gives {len(rows)} train pairs; accepted: 1 to {n - 1} different ones of {n}"
        )
    return Split.from_train(rows, n)


def fraction(split: Split) -> float:
    """The share of all pairs that is trained on."""
    n_train = len(split.train)
    share = n_train / (n_train + len(split.test))
    return float(f"{share:.6g}") if 0 < float(f"{share:.6g}") < 1 else math.nextafter(share, 0.5)
