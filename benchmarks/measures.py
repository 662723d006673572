"""What each measure of a checkpoint costs, and what measures say of the ends of runs.

    python -m benchmarks.measures --cost default          in epochs of training of the default network
    python -m benchmarks.measures --cost quick --costly   of a preset's, with those taken when asked
    python -m benchmarks.measures RUN_DIR RUN_DIR ...     medians and ranges by group of runs, at their ends

Costs are processor time, measures and epochs timed in turn. Groups are the runs that differ in their seed
alone; their values are taken at the last checkpoint, from the weights themselves.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import Timing, in_turn
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.config import RunConfig, preset
from grokking.engines.choose import choose_engine, make_trainer
from grokking.engines.parameters import Parameters
from grokking.engines.train_pairs import TrainPairs
from grokking.errors import UserError
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.registry import METRICS, PROGRESS, Metric, Scope
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.sweep.tables import markdown_table

ROUNDS = 3
EPOCHS = 5
"""Updates that are timed together."""
SHOWN = (
    "gradient_symmetricity",
    "distance_irrelevance",
    "component_circularity",
    "constant_attention",
    "disc_share",
    "softmax_collapse",
    "naive_loss_minimisation",
    "phase_alignment",
    "inverse_participation_ratio",
    "representation_quality",
    "parallelogram_error",
    "logit_scale",
    "generalising_share",
)


def cost(config: RunConfig, costly: bool = False, rounds: int = ROUNDS) -> str:
    """Markdown: measures of checkpoints, in epochs of training; with ``costly`` also those taken when asked.

    The scope is that of a run: outputs and losses are there already, and shared by all measures.
    """
    torch.set_num_threads(1)
    task = task_of(config)
    split, weights = split_of(config, task), initial_weights(config)
    parameters = Parameters(config, weights, torch.device("cpu"))
    engine = choose_engine("auto", parameters)
    trainer = make_trainer(engine, [(parameters, TrainPairs.of(task, split))], 1)
    grid = task.grid(task.names[0])

    def measure(metric: Metric) -> None:
        acts = ActivationCache(weights, shape_of(config), task)
        acts.__dict__ |= {"outputs": outputs, "losses_and_correct": losses}
        metric.measure(Scope(acts, split, task.names[0], grid, (1, 2, 3), 1))

    first = ActivationCache(weights, shape_of(config), task)
    outputs, losses = first.outputs, first.losses_and_correct
    taken = [metric for metric in METRICS if metric.when == PROGRESS and metric.applies(task)]
    taken = [metric for metric in taken if metric.default or costly]
    calls: dict[str, tuple[Callable[[], object], int]] = {
        metric.name: (partial(measure, metric), 1) for metric in taken
    }
    calls["an epoch"] = (partial(trainer.advance, EPOCHS), 1)
    timed = in_turn(calls, rounds, time.process_time)
    epoch = timed.pop("an epoch").of_each(EPOCHS)
    rows = [(m.name, in_epochs(timed[m.name], epoch), "yes" if m.default else "no") for m in taken]
    return markdown_table(("measure", "epochs a checkpoint (range)", "unasked"), rows)


def in_epochs(measure: Timing, epoch: Timing) -> str:
    """How many epochs a measure costs: median of the rounds' ratios, and their range."""
    ratios = [m / e for m, e in zip(measure.seconds, epoch.seconds, strict=True)]
    return f"{statistics.median(ratios):.3g} ({min(ratios):.3g} – {max(ratios):.3g})"


def at_the_end(run: Run) -> dict[str, Any]:
    """Measures of the last checkpoint by column, those of ``SHOWN``."""
    view = RunView(run)
    scope = Scope(view.final_acts, run.split, view.name, view.grid, view.keys, view.circle)
    row: dict[str, Any] = {}
    for metric in METRICS:
        if metric.when == PROGRESS and set(metric.columns) & set(SHOWN):
            row |= metric.measure(scope)
    return {name: row.get(name) for name in SHOWN}


def table(runs: Sequence[Run]) -> str:
    """Markdown: measures by group of runs; grokked runs are counted in the first row.

    Raises UserError for a run of several operations.
    """
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if len(run.pair_task.names) > 1:
            raise UserError(f"{run.name} is a run of {run.config.task}; this reads runs of one operation")
        groups[run.name.rpartition("_seed")[0] or run.name].append(run)
    found = {name: [at_the_end(run) for run in group] for name, group in groups.items()}
    grokked = [
        f"{sum(run.history.get('grokking_epoch') is not None for run in group)} of {len(group)}"
        for group in groups.values()
    ]
    rows = [("grokked", *grokked)]
    rows += [(name, *(spread([row[name] for row in group]) for group in found.values())) for name in SHOWN]
    return markdown_table(("", *groups), rows)


def spread(values: Sequence[float | None]) -> str:
    """Median and range of the known values, and how many are known where some are not."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    text = f"{statistics.median(known):.3g} ({min(known):.3g} – {max(known):.3g})"
    return text if len(known) == len(values) else f"{text}, {len(known)} of {len(values)}"


def main() -> None:
    """Print one of the tables."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN_DIR")
    parser.add_argument("--cost", metavar="PRESET", help='what measures cost; "default" for no preset')
    parser.add_argument("--costly", action="store_true", help="with --cost: those too that must be asked for")
    args = parser.read()
    if bool(args.cost) == bool(args.runs):
        raise UserError("give either run directories or --cost PRESET")
    if args.cost:
        print(cost(RunConfig() if args.cost == "default" else preset(args.cost), args.costly))
    else:
        print(table([Run(path) for path in args.runs]))


if __name__ == "__main__":
    run_script(main)
