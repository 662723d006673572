"""The findings of the bench as Markdown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from grokking.config import RunConfig

Found = Mapping[str, Any]
SECONDS_OF_A_DAY = 86_400
DEFAULT_EPOCHS = RunConfig().n_epochs

TITLE = """# Nothing lost, nothing wrong, nothing executed

`python -m benchmarks.reliability`
"""
NOTES = {
    "kills": """## SIGKILL, then the same command again

Half of the kills come at a uniformly random moment of the work's duration, half inside a write: before
the n-th fsync, replace or unlink, n drawn uniformly, the file being flushed cut to a random share of its
length. The process that goes on is killed again with probability 0.3. *Begun*: kills after the first
checkpoint (or frame) was there. *Lost*: files that the manifest calls damaged or missing after a kill.
*Differing*: ends whose files are not, byte by byte, those of the undisturbed work, or with anything left
over.
""",
    "truncations": """## Files cut short

At so many lengths each, 0, 1, half and all but one byte among them; at all of them where a file has
fewer. *Unnamed*: the damaged file, and it alone, was not named. *Crashed*: a traceback. One in 16 was
followed by going on (training, measuring, stitching): *went on* to its end beside the damaged file (which
stays, unless it is made again), or was *refused* in a line. *Harmed*: any other file changed. Weights from
elsewhere were imported, which must be refused and leave nothing.
""",
    "flips": """## One byte replaced by another

Anywhere in the file; columns as above. (Weights from elsewhere have no checksum of ours and are not here.)
""",
    "inputs": """## Generated input

By hypothesis: junk, structure with junk in it, our own files altered; command lines of every command.
*Outside*: files to be created, changed or deleted beyond the working folder and the paths that the command
line itself names. *Executed*: commands or pickled classes. Both as Python's audit events tell; git and
ffmpeg, which are started on purpose, and numba's own cache are excepted.
""",
    "writers": """## Several processes on one run directory

All train the same run at the same moment; those that come when it is done find nothing left to do.
""",
    "disk": """## A disk that fills

Room for a growing share of what the work adds. *Full*: met it and said so in a line (the others found room:
older checkpoints shrink). *Wrong*: ended otherwise. *Lost*, *differing*: as above, after the same command
again, with room.
""",
    "mishaps": """## Mishaps one by one

*Well*: nothing is damaged or left over, and the same command, where it makes sense, ends as if nothing had
happened: in the same bytes, or with all frames and all runs there.
""",
    "soak": """## Many short runs in one process
""",
    "cost": """## What safety costs
""",
}
ALLOWED = 0.02
"""Of the time of training, what safety may take."""
SURVIVED = {
    "kills": ("kills", ("lost", "differing")),
    "truncations": ("tries", ("unnamed", "crashed", "harmed")),
    "flips": ("tries", ("unnamed", "crashed", "harmed")),
    "inputs": ("tries", ("tracebacks", "outside", "executed")),
    "writers": ("rounds", ("wrong", "differing")),
    "disk": ("tries", ("wrong", "lost", "differing")),
}
"""By part: what counts as a try, and what counts against it."""


def text(parts: Mapping[str, Found]) -> str:
    """The report of the parts that were done."""
    tables: dict[str, Callable[[Any], list[str]]] = {"mishaps": _mishaps, "soak": _soak, "cost": _cost}
    blocks = [TITLE, *_summary(parts), ""]
    for name, part in parts.items():
        blocks += [NOTES[name], *tables.get(name, _tallies)(part["found"])]
        if name == "soak" and "saves" in parts.get("cost", {}).get("found", {}):
            blocks += ["", _day(parts["cost"]["found"]["saves"])]
        blocks += ["", _provenance(part), ""]
    missing = [NOTES[name].splitlines()[0].removeprefix("## ") for name in NOTES if name not in parts]
    if missing:
        blocks += [f"Not tried yet: {'; '.join(missing)}.", ""]
    return "\n".join(blocks)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]


def _summary(parts: Mapping[str, Found]) -> list[str]:
    """Tries, survived, lost, and the command, part by part."""
    rows = []
    for name, part in parts.items():
        if name in SURVIVED:
            tried, against = SURVIVED[name]
            tallies = part["found"].values()
            tries = sum(tally[tried] for tally in tallies)
            lost = sum(tally[kind] for tally in tallies for kind in against)
        elif name == "mishaps":
            all_of_them = _all_mishaps(part["found"])
            tries, lost = len(all_of_them), sum(not mishap["ends_well"] for mishap in all_of_them)
        else:
            continue
        title = NOTES[name].splitlines()[0].removeprefix("## ")
        rows.append([title, tries, tries - lost, lost, f"`--part {name}`"])
    return _table(["", "tries", "survived", "lost, differing or wrong", "command ends in"], rows)


def _tallies(found: Mapping[str, Found]) -> list[str]:
    """One line per kind, and the sum of what is a number."""
    names = [name for name, value in next(iter(found.values())).items() if isinstance(value, int)]
    rows = [[kind, *(tally[name] for name in names)] for kind, tally in found.items()]
    total = ["**all**", *(sum(tally[name] for tally in found.values()) for name in names)]
    hows = sorted({tally["how"] for tally in found.values() if "how" in tally})
    return [
        *([f"By {', '.join(hows)}.", ""] if hows else []),
        *_table(["", *(name.replace("_", " ") for name in names)], [*rows, total]),
    ]


def _all_mishaps(found: Found) -> list[Found]:
    return [mishap for several in found.values() for mishap in several]


def _mishaps(found: Found) -> list[str]:
    rows = [
        [m["what"], m["code"], _quoted(m["said"]), "yes" if m["ends_well"] else "**no**"]
        for m in _all_mishaps(found)
    ]
    return _table(["what", "exit code", "telling line", "well"], rows)


def _quoted(said: str) -> str:
    """As code in a cell, whatever is in it."""
    return "`" + said.replace("`", "'").replace("|", "¦") + "`" if said else ""


def _soak(found: Found) -> list[str]:
    s = found["soak"]

    def shown(pair: Sequence[float]) -> str:
        return f"{1024 * pair[0]:.0f} ± {1024 * pair[1]:.0f} bytes"

    return [
        f"{s['runs']} runs trained and opened in turn, {s['saves']} saves, the first fifth not counted. "
        f"Growth per run, by least squares with standard error: resident memory "
        f"{shown(s['resident'])}, memory in use {shown(s['in_use'])}. "
        f"Resident {s['first']:.0f} MiB at first, {s['last']:.0f} MiB at last; "
        f"{s['handles']} more files open at the end."
    ]


def _day(c: Found) -> str:
    runs = SECONDS_OF_A_DAY / (DEFAULT_EPOCHS * c["update"] / 1e3)
    return (
        f"(A day of default runs, at the {c['update']:.0f} ms per update that were measured below, makes "
        f"{runs * c['saves']:,.0f} saves.)"
    )


def _cost(found: Found) -> list[str]:
    return [
        line
        for name, shown in (("saves", _saves), ("runs", _runs))
        if name in found
        for line in (*shown(found[name]), "")
    ]


def _saves(c: Found) -> list[str]:
    return [
        f"A default run (p = 113, 30,000 epochs) keeps at most {c['saves']} checkpoints. Saving one near "
        f"its end, where the history is longest, takes {c['safe']:.1f} ms, {c['unsafe']:.1f} ms without "
        f"fsync, digests and manifest; an update {c['update']:.1f} ms (medians of {c['rounds']} interleaved "
        f"rounds). Safety's share of the time of the updates: **{c['share']:.2%}** (range over the rounds "
        f"{c['low']:.2%} – {c['high']:.2%}).",
    ]


def _runs(w: Found) -> list[str]:
    wide = w["high"] - w["low"] > ALLOWED
    return [
        f"Whole runs of {w['updates']} updates that save as often per update, with and without safety in "
        f"turn: {w['safe']:.2f} s and {w['unsafe']:.2f} s (medians), a ratio of **{1 + w['share']:.4f}** "
        f"(median of {w['pairs']} pairs; range {1 + w['low']:.4f} – {1 + w['high']:.4f})."
        + f" The pairs spread too widely to tell {ALLOWED:.0%} from nothing; the single saves do."
        * wide,
    ]


def _provenance(part: Found) -> str:
    m, v = part["machine"], part["versions"]
    small, memory = ", --small" if part["small"] else "", f"{m['memory']}, " if "memory" in m else ""
    commits = sorted({str(commit) for commit in part["commits"].values()})
    return (
        f"Seed {part['seed']}{small}; {m['processor']}, {m['cores']} cores, {memory}{m['system']}; "
        f"{', '.join(f'{name} {version}' for name, version in v.items())}; commit {', '.join(commits)}"
    )
