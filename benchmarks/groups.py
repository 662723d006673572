"""Networks that compose in a group: their blocks, how much of them these are, and how much cosets are.

    python -m benchmarks.groups RUN_DIR RUN_DIR ...
    python -m benchmarks.groups --no_cosets RUN_DIR ...

Prints two tables in Markdown, a row for each run, measured at its last checkpoint; then a summary by task.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.errors import UserError
from grokking.groups.identify import read_table
from grokking.metrics.checkpoint_measures import unembedding
from grokking.metrics.cosets import measure_cosets, proper_subgroups
from grokking.metrics.embedding import frequency_share
from grokking.runs.answer_table import answer_table
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.sweep.tables import markdown_table

Cells = dict[str, str]
MOST_SUBGROUPS = 4


def head(view: RunView) -> Cells:
    """What the run is and when it grokked."""
    config, accuracy = view.run.config, view.run.history.get("test_acc") or [None]
    return {
        "group": view.need_group().title,
        "fraction": f"{config.train_frac:g}",
        "decay": f"{config.weight_decay:g}",
        "neurons": f"{config.d_mlp}",
        "seed": f"{config.seed}",
        "grokking epoch": "–" if view.grokking_epoch is None else f"{view.grokking_epoch:,}",
        "test accuracy": "–" if accuracy[-1] is None else f"{accuracy[-1]:.4g}",
    }


def blocks(view: RunView) -> Cells:
    """The key blocks with their neurons and similarities, and the shares of the network that lie in them."""
    acts, basis, keys = view.acts, view.basis, list(view.keys)
    similarity, owner = view.logits.similarity(), view.shares.owner
    used = [
        f"{name} ({(owner == k).sum()}; {similarity[k - 1]:.3f})"
        for k, name in zip(keys, view.names_of(keys), strict=True)
    ]
    at = [k - 1 for k in keys]
    shares = {
        "W_E": frequency_share(view.embedding, basis),
        "W_U": frequency_share(unembedding(acts, view.grid), basis),
        "W_out W_U": frequency_share(view.readout.T, basis),
    }
    report = read_table(answer_table(view))
    return {
        "answers": f"{report.agreement:.4g} of {report.group.title if report.group else 'no group'}",
        "key blocks (neurons; similarity)": ", ".join(used) or "none",
        "logits explained": f"{float((similarity[at] ** 2).sum()):.4f}" if keys else "–",
        **{f"{name} in them": f"{share[at].sum():.4f}" for name, share in shares.items()},
        "a neuron in one block": f"{view.shares.fve.mean():.3f}",
    }


def by_cosets(view: RunView) -> Cells:
    """How much of the neurons is a function of cosets, and of which subgroups."""
    if not proper_subgroups(view.need_group()):
        return {}
    found = measure_cosets(view.acts.neuron_grid(view.grid), view.need_group())
    titles = list(found["coset_subgroups"].items())[:MOST_SUBGROUPS]
    return {
        "coset share": f"{found['coset_share']:.3f}",
        "its null": f"{found['coset_share_null']:.3f}",
        "neurons above 0.85": f"{found['coset_neurons']:.3f}",
        "subgroups (share of neurons)": ", ".join(f"{title} ({share:.2f})" for title, share in titles),
    }


def table(views: Sequence[RunView], cells: Callable[[RunView], Cells]) -> str:
    """Markdown: a row for each run, with the run's own columns first."""
    rows = [{**head(view), **cells(view)} for view in views]
    header = list(dict.fromkeys(name for row in rows for name in row))
    return markdown_table(header, [[row.get(name, "–") for name in header] for row in rows])


def summary(views: Sequence[RunView]) -> str:
    """A line for each group, fraction, weight decay and width: when its runs grokked, and their number."""
    found: dict[str, list[int | None]] = {}
    for view in views:
        cells = head(view)
        name = ", ".join(f"{key} {cells[key]}" for key in ("group", "fraction", "decay", "neurons"))
        found.setdefault(name, []).append(view.grokking_epoch)
    lines = []
    for name, epochs in found.items():
        known = [epoch for epoch in epochs if epoch is not None]
        times = f"median {statistics.median(known):,.0f} ({min(known):,} – {max(known):,})" if known else "–"
        lines.append(f"- {name}: {len(known)} of {len(epochs)} grokked, epochs {times}")
    return "\n".join(lines)


def opened(path: Path) -> RunView:
    """A view of a run; raises UserError for one without a group."""
    view = RunView(Run(path))
    if view.group is None:
        raise UserError(f"{path} is a run of {view.run.config.task}, which has no group")
    return view


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument("--no_cosets", action="store_true", help="leave the second table out")
    args = parser.parse_args(argv)
    views = [opened(path) for path in args.runs]
    print(f"## Blocks\n\n{table(views, blocks)}\n\n{summary(views)}")
    if not args.no_cosets:
        print(f"\n## Cosets\n\n{table(views, by_cosets)}")


if __name__ == "__main__":
    run_script(main)
