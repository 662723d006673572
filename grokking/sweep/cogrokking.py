"""Do operations that are trained together grok together? Gaps between them, and gaps by chance.

The gap of a run is the time between the grokking epochs of two of its operations. Two references say
what no connection would give: *independent*, where each operation grokked in a network of its own (all
pairs of runs of the one and of the other), and *other runs*, where both epochs come from joint
training but from different runs (all pairings of the same epochs). The first asks whether joint training
makes the gap small, the second whether sharing a network does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.storage.run_directory import RunDirectory
from grokking.sweep.collect_results import NOT_OF_A_CELL, Result, differing_fields
from grokking.sweep.statistics import Gap, all_gaps, gap
from grokking.tasks.modular import SHARED, parse_operations

NOT_OF_A_RECIPE = (*NOT_OF_A_CELL, "task", "operand_tokens")


@dataclass(frozen=True)
class Times:
    """When the operations of a run grokked. epochs: by operation, None if not so far.

    accuracy: last test accuracy by operation.
    """

    result: Result
    epochs: Mapping[str, int | None]
    accuracy: Mapping[str, float]

    @property
    def trained(self) -> int:
        """Epochs that the run is known for."""
        return self.result.trained


@dataclass(frozen=True)
class Comparison:
    """Runs of one recipe: two operations together, and each alone.

    recipe: the config of the runs, whatever the seed and the task.  tokens: ``operand_tokens``.
    """

    pair: tuple[str, str]
    task: str
    tokens: str
    recipe: RunConfig
    joint: tuple[Times, ...]
    alone: tuple[tuple[Times, ...], tuple[Times, ...]]

    @property
    def gaps(self) -> list[Gap]:
        """One per joint run."""
        first, second = self.pair
        return [gap((t.epochs[first], t.trained), (t.epochs[second], t.trained)) for t in self.joint]

    @property
    def independent(self) -> np.ndarray:
        """Gaps of all pairs of single runs, object [n first, n second]."""
        return all_gaps(
            *(
                [(t.epochs[name], t.trained) for t in runs]
                for name, runs in zip(self.pair, self.alone, strict=True)
            )
        )

    @property
    def both(self) -> list[Times]:
        """Joint runs in which both operations grokked."""
        return [t for t in self.joint if all(t.epochs[name] is not None for name in self.pair)]


def read_times(result: Result) -> Times:
    """Grokking epochs by operation, from the run's history."""
    history = RunDirectory(result.path).history()
    names = [op.name for op in parse_operations(result.config.task)]
    ends = {name: f"_{name}" if len(names) > 1 else "" for name in names}
    columns = {name: history.get(f"test_acc{end}") for name, end in ends.items()}
    accuracy = {name: values[-1] for name, values in columns.items() if values and values[-1] is not None}
    return Times(result, {name: history.get(f"grokking_epoch{end}") for name, end in ends.items()}, accuracy)


def comparisons(results: Sequence[Result]) -> list[Comparison]:
    """Every pair of operations that some runs learn together and others alone, by recipe.

    Raises UserError if there is none.
    """
    times = [read_times(result) for result in results]
    recipes: dict[tuple[object, ...], list[Times]] = {}
    for t in times:
        recipes.setdefault(_recipe(t.result.config), []).append(t)
    found = [c for runs in recipes.values() for c in _of_recipe(runs)]
    if not found:
        varied = ", ".join(varying_recipe(results))
        raise UserError(
            "no runs to compare: co-grokking needs runs that learn two operations together and runs, "
            "with the same settings, that learn each alone: grokking sweep --task add mul add,mul"
            + (f"; the runs here differ in {varied}" if varied else "")
        )
    return found


def not_compared(results: Sequence[Result], compared: Sequence[Comparison]) -> list[Result]:
    """Joint runs that no comparison holds, since their recipe has no runs of each operation alone."""
    held = {t.result.path for c in compared for t in c.joint}
    return [r for r in results if len(parse_operations(r.config.task)) > 1 and r.path not in held]


def varying_recipe(results: Sequence[Result]) -> list[str]:
    """Fields in which the recipes of a folder differ, whether or not they can be compared."""
    return differing_fields(results, NOT_OF_A_RECIPE)


def _recipe(config: RunConfig) -> tuple[object, ...]:
    return tuple((name, value) for name, value in config.items() if name not in NOT_OF_A_RECIPE)


def _of_recipe(runs: Sequence[Times]) -> Iterator[Comparison]:
    alone: dict[str, list[Times]] = {}
    joint: dict[tuple[str, str], list[Times]] = {}
    for t in sorted(runs, key=lambda t: t.result.config.seed):
        config = t.result.config
        if len(t.epochs) > 1:
            joint.setdefault((config.task, config.operand_tokens), []).append(t)
        elif config.operand_tokens == SHARED:  # alone, separate tokens are the same run once more
            alone.setdefault(config.task, []).append(t)
    shared_first = sorted(joint.items(), key=lambda item: (item[0][0], item[0][1] != SHARED))
    for (task, tokens), together in shared_first:
        for pair in combinations(together[0].epochs, 2):
            if all(name in alone for name in pair):
                yield Comparison(
                    pair,
                    task,
                    tokens,
                    together[0].result.config,
                    tuple(together),
                    (tuple(alone[pair[0]]), tuple(alone[pair[1]])),
                )
