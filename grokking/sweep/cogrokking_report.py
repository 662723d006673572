"""The report on co-grokking: tables in markdown, one CSV line per joint run, a figure."""

from collections.abc import Sequence
from pathlib import Path

from grokking.storage.atomic_io import folder_for, write_bytes
from grokking.storage.provenance import command_text
from grokking.sweep.cogrokking import Comparison, Times, comparisons, not_compared, varying_recipe
from grokking.sweep.cogrokking_figure import draw_cogrokking
from grokking.sweep.collect_results import Result, gather
from grokking.sweep.permutation_tests import (
    RunResult,
    against_independent,
    against_other_runs,
    enough,
    independent_median,
    joint_median,
)
from grokking.sweep.report import REPORT
from grokking.sweep.statistics import FEW_RUNS, Median, survival_median
from grokking.sweep.tables import ABSENT, csv_text, markdown_table, median_text, provenance, seeds_text

NAME = "cogrokking"
EPOCHS_CAPTION = f"""\
Epoch: the first epoch from which test accuracy on the operation is >= 0.99 for 100 epochs, checked every
ten epochs. Medians are Kaplan–Meier estimates with nominal 95 % bands (log-log); a run that has not grokked
is censored at its last epoch and never left out.
{FEW_RUNS}"""
GAPS_CAPTION = """\
Gap: epochs between the two grokking epochs of a run. Fold: the later epoch over the earlier one, which does
not change if joint training is slower as a whole. *Independent*: all pairs of a run of one operation alone
and a run of the other alone. Medians (Kaplan–Meier) have 95 % bootstrap intervals over runs. *P
independent*: how often as many independent pairs have a median at least that small (2,000 draws; censored
times count against the hypothesis that operations grok together, and a median that this changes is given in
brackets). Neither P nor an interval is given for fewer than three runs of a kind. Concordance: over pairs
of joint runs, censored ones included, the share whose order is the same in both operations minus the share
whose order is opposite. *P other runs*: how often epochs paired across runs agree as much (exact
permutations)."""


def write_cogrokking(folder: Path, output_dir: Path | None = None, command: Sequence[str] = ()) -> Path:
    """Write cogrokking.md, .csv and .png; returns the path of the first.

    output_dir: by default ``folder/report``.  command: what the report says it was made by.

    Raises UserError for a folder without runs to compare.
    """
    found = gather(folder)
    compared = comparisons(found.results)
    target = folder / REPORT if output_dir is None else output_dir
    with folder_for(target):
        write_bytes(target / f"{NAME}.csv", runs_csv(compared).encode())
        varied = varying_recipe(found.results)
        titles = [heading(c, varied) for c in compared]
        figure = draw_cogrokking(compared, titles, target / f"{NAME}.png")
        parts = [
            "# Co-grokking",
            epochs_table(compared, titles),
            EPOCHS_CAPTION,
            gaps_table(compared, titles),
            GAPS_CAPTION,
            f"![{NAME}]({figure.name})",
            "## Joint runs",
            runs_table(compared, titles),
            *_left_out(not_compared(found.results, compared)),
            "## Made with",
            "\n".join(provenance(found.results)),
        ]
        if found.unreadable:
            parts.insert(-2, "Unreadable: " + "; ".join(f"{n}: {why}" for n, why in found.unreadable.items()))
        if command:
            parts[-1] += f"\n- this report: `{command_text(command)}`"
        path = target / f"{NAME}.md"
        write_bytes(path, ("\n\n".join(parts) + "\n").encode())
        return path


def _left_out(results: Sequence[Result]) -> list[str]:
    if not results:
        return []
    names = "; ".join(result.name for result in results)
    return [f"Not compared, since no runs with the same settings learn each operation alone: {names}."]


def heading(c: Comparison, varied: Sequence[str]) -> str:
    """What tells a comparison from the others: ``add,mul, separate tokens, weight_decay 2.0``."""
    words = [c.task, f"{c.tokens} tokens", *(f"{name} {getattr(c.recipe, name)}" for name in varied)]
    if len(c.joint[0].epochs) > 2:
        words.insert(1, " and ".join(c.pair))
    return ", ".join(words)


def epochs_table(compared: Sequence[Comparison], titles: Sequence[str]) -> str:
    """When each operation grokked, together and alone."""
    rows = []
    for c, title in zip(compared, titles, strict=True):
        for name, alone in zip(c.pair, c.alone, strict=True):
            rows.append(
                (
                    title,
                    name,
                    seeds_text([t.result.config.seed for t in c.joint]),
                    _grokked(c.joint, name),
                    median_text(_median(c.joint, name)),
                    seeds_text([t.result.config.seed for t in alone]),
                    _grokked(alone, name),
                    median_text(_median(alone, name)),
                )
            )
    return markdown_table(
        (
            "runs",
            "operation",
            "seeds together",
            "grokked",
            "epoch together",
            "seeds alone",
            "grokked",
            "epoch alone",
        ),
        rows,
    )


def _grokked(runs: Sequence[Times], name: str) -> str:
    return f"{sum(t.epochs[name] is not None for t in runs)} of {len(runs)}"


def _median(runs: Sequence[Times], name: str) -> Median:
    epochs = [t.epochs[name] for t in runs]
    times = [t.trained if e is None else e for t, e in zip(runs, epochs, strict=True)]
    return survival_median(times, [e is not None for e in epochs])


def gaps_table(compared: Sequence[Comparison], titles: Sequence[str]) -> str:
    """Gaps in epochs and as folds against independent pairs, concordance against other runs."""
    rows: list[tuple[str, ...]] = []
    for c, title in zip(compared, titles, strict=True):
        runs = title, _counts(c)
        for name, label, digits in (("epochs", "gap, epochs", 0), ("fold", "fold", 2)):
            joint = joint_median(c, name)
            rows.append(
                (
                    *runs,
                    label,
                    interval_text(joint, digits, enough(c)),
                    interval_text(independent_median(c, name), digits, enough(c)),
                    _chance(against_independent(c, name), joint.value, digits),
                    ABSENT,
                )
            )
        other = against_other_runs(c)
        value = ABSENT if other is None else f"{other.value:.2f}"
        rows.append((*runs, "concordance", value, ABSENT, ABSENT, _chance(other)))
    return markdown_table(
        ("runs", "grokked", "measure", "together", "independent", "P independent", "P other runs"), rows
    )


def _counts(c: Comparison) -> str:
    """How many joint runs grokked in both operations, in one and in neither; unfinished runs are counted."""
    known = sum(any(t.epochs[name] is not None for name in c.pair) for t in c.joint)
    running = sum(not t.result.over for t in c.joint)
    words = f"{len(c.both)} both, {known - len(c.both)} one, {len(c.joint) - known} neither"
    return words + f" ({running} not over yet)" * bool(running)


def interval_text(m: Median, digits: int, interval: bool = True) -> str:
    """``120 (80 – 200)``; words for a value that no curve reaches. interval: whether it is shown."""
    value, low, high = ("not reached" if x is None else f"{x:.{digits}f}" for x in (m.value, m.low, m.high))
    return f"{value} ({low} – {high})" if interval else value


def _chance(test: RunResult | None, shown: float | None = None, digits: int = 0) -> str:
    """``0.010``, with the statistic where it is another than the one shown."""
    if test is None:
        return ABSENT
    other = shown is not None and abs(test.value - shown) > 0.5 * 10.0**-digits
    chance = "< 0.001" if test.chance < 0.001 else f"{test.chance:.3f}"
    return chance + f" (of {test.value:.{digits}f})" * other


HEADER = ("run", "seed", "trained", "first epoch", "second epoch", "second – first", "test accuracy at last")


def runs_table(compared: Sequence[Comparison], titles: Sequence[str]) -> str:
    """One line per joint run and pair of operations."""
    rows = [
        (
            title,
            t.result.config.seed,
            t.trained,
            *_epochs(c, t),
            ", ".join(f"{name} {t.accuracy[name]:.3f}" for name in c.pair if name in t.accuracy),
        )
        for c, title in zip(compared, titles, strict=True)
        for t in c.joint
    ]
    pairs = {c.pair for c in compared}
    first, second = next(iter(pairs)) if len(pairs) == 1 else ("first", "second")
    header = [h.replace("first", first).replace("second", second) for h in HEADER]
    return markdown_table(header, rows)


def _epochs(c: Comparison, t: Times) -> tuple[int | None, int | None, int | None]:
    first, second = (t.epochs[name] for name in c.pair)
    return first, second, None if first is None or second is None else second - first


def runs_csv(compared: Sequence[Comparison]) -> str:
    """All joint runs for programs; an empty epoch means: not grokked by ``trained``."""
    rows = [
        (
            t.result.name,
            c.task,
            c.tokens,
            *c.pair,
            t.result.config.seed,
            t.trained,
            *_epochs(c, t),
            *(t.accuracy.get(name) for name in c.pair),
        )
        for c in compared
        for t in c.joint
    ]
    return csv_text(
        (
            "run",
            "task",
            "operand_tokens",
            "first",
            "second",
            "seed",
            "trained",
            "first_epoch",
            "second_epoch",
            "gap",
            "first_test_acc",
            "second_test_acc",
        ),
        rows,
    )
