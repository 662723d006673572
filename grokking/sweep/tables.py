"""The statistics of a sweep as markdown for people and CSV for programs."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from grokking.storage.provenance import origin
from grokking.storage.run_directory import RunDirectory
from grokking.sweep.collect_results import Cell, Gathered, Result
from grokking.sweep.statistics import CellStatistics, Median, Share

NOT_REACHED = "not reached"
ABSENT = "–"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in GitHub's markdown; None is an honest dash."""
    lines = ["| " + " | ".join(header) + " |", "| " + " | ".join("---" for _ in header) + " |"]
    lines += ["| " + " | ".join(shown(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The same for programs; None is an empty field."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    return out.getvalue()


def shown(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return ABSENT
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


# One line per cell

CELL_HEADER = (
    "n",
    "seeds",
    "budget",
    "grokked",
    "share, 95 % interval",
    "grokking epoch, median, 95 % band",
    "memorisation epoch, median",
    "delay, median, 95 % band",
    "not over",
)


def cells_markdown(by: Sequence[str], statistics: Sequence[CellStatistics]) -> str:
    """Grokking by cell of the grid."""
    rows = [
        (
            *s.cell.key,
            len(s.cell.results),
            seeds_text(s.cell.seeds),
            _numbers(s.cell.budgets),
            s.share.hits,
            share_text(s.share),
            median_text(s.grokking),
            _value(s.memorisation),
            median_text(s.delay),
            s.cell.running,
        )
        for s in statistics
    ]
    return markdown_table((*by, *CELL_HEADER), rows)


def cells_csv(by: Sequence[str], statistics: Sequence[CellStatistics]) -> str:
    """All numbers of the same, one in each field."""
    names = ("grokking", "memorisation", "delay")
    header = [*by, "n", "seeds", "budget", "grokked", "not_over", "share_low", "share_high"]
    header += [f"{name}_{part}" for name in names for part in ("n", "observed", "median", "low", "high")]
    rows = []
    for s in statistics:
        row = [
            *s.cell.key,
            len(s.cell.results),
            _numbers(s.cell.seeds),
            _numbers(s.cell.budgets),
            s.share.hits,
            s.cell.running,
            s.share.low,
            s.share.high,
        ]
        for m in (s.grokking, s.memorisation, s.delay):
            row += [m.n, m.n_observed, m.value, m.low, m.high]
        rows.append(row)
    return csv_text(header, rows)


def median_text(m: Median) -> str:
    """``7420 (6100 – not reached)``; a dash where there was nothing to watch."""
    if not m.n:
        return ABSENT
    if m.value is None:
        return NOT_REACHED if m.low is None else f"{NOT_REACHED} (from {m.low:.0f})"
    low, high = (NOT_REACHED if x is None else f"{x:.0f}" for x in (m.low, m.high))
    return f"{m.value:.0f} ({low} – {high})"


def _value(m: Median) -> str:
    if not m.n:
        return ABSENT
    return NOT_REACHED if m.value is None else f"{m.value:.0f}"


def share_text(share: Share) -> str:
    """``0.67 (0.09 – 0.99)``; a dash while runs are not over."""
    if share.low is None or share.high is None:
        return ABSENT
    return f"{share.hits / share.n:.2f} ({share.low:.2f} – {share.high:.2f})"


def seeds_text(seeds: Sequence[int]) -> str:
    """``0 … 4`` where they are that, else each."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]} … {seeds[-1]}"
    return _numbers(seeds)


def _numbers(values: Sequence[int]) -> str:
    return " ".join(map(str, values))


# One line per run


def runs_csv(by: Sequence[str], results: Sequence[Result]) -> str:
    """Every run with its times; ``state`` says what an empty grokking epoch means."""
    header = (
        "run",
        *by,
        "seed",
        "n_epochs",
        "trained",
        "memorisation_epoch",
        "grokking_epoch",
        "delay",
        "state",
    )
    rows = [
        (
            r.name,
            *(r.config.get(name) for name in by),
            r.config.seed,
            r.config.n_epochs,
            r.trained,
            r.memorisation_epoch,
            r.grokking_epoch,
            r.delay,
            state(r),
        )
        for r in results
    ]
    return csv_text(header, rows)


def elsewhere_markdown(results: Sequence[Result]) -> str:
    """What imported runs tell of time."""
    rows = [
        (
            r.name,
            r.config.task,
            r.config.get("p"),
            r.config.train_frac if r.config.known("train_frac") else None,
            r.trained,
            r.memorisation_epoch,
            r.grokking_epoch,
        )
        for r in results
    ]
    return markdown_table(
        ("run", "task", "p", "train_frac", "last epoch", "memorisation epoch", "grokking epoch"), rows
    )


def state(result: Result) -> str:
    """``grokked``; ``censored`` at the epoch budget; ``not over`` if it may still go on."""
    if result.grokking_epoch is not None:
        return "grokked"
    return "censored" if result.over else "not over"


# Words of a table, next to its numbers


def counted(n: int, what: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{n} {what}" + "s" * (n != 1)


def summary(found: Gathered, cells: Sequence[Cell], by: Sequence[str]) -> str:
    """How many runs of what, and what is missing."""
    results = found.results
    grokked = sum(r.grokking_epoch is not None for r in results)
    running = sum(not r.over for r in results)
    varied = ", ".join(by) if by else "the seed alone"
    text = (
        f"{counted(len(results), 'run')} in {counted(len(cells), 'cell')} of {varied}: "
        f"{grokked} grokked, {len(results) - grokked - running} censored at their epoch budget"
    )
    text += f", {running} not over yet (censored where they are now)" if running else ""
    text += f", {len(found.not_begun)} not begun" if found.not_begun else ""
    return text + "."


def provenance(results: Sequence[Result]) -> list[str]:
    """The commands, machines, versions and commits behind the runs, each once."""
    found: dict[str, dict[str, None]] = {}
    for r in results:
        for name, text in origin(RunDirectory(r.path).record()).items():
            found.setdefault(name, {})[text] = None
    return [f"- {name}: {'; '.join(values)}" for name, values in found.items()]
