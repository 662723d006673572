"""How the networks of a source are read, and as what run they are stored: the last network decides."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from grokking.config import RunConfig
from grokking.engines import lookup
from grokking.errors import UserError
from grokking.from_config import shape_of, task_of
from grokking.interop import splits
from grokking.interop.answered_group import AnsweredGroup, answered_group, numbers_of
from grokking.interop.axes import SIZES
from grokking.interop.choose_facts import choose_facts
from grokking.interop.detect_layout import LayoutMatch, detect_layout
from grokking.interop.facts import Facts, UserHints
from grokking.interop.import_check import ImportCheck, check_import, named_interpretation
from grokking.interop.known_facts import check_norm, describe_facts
from grokking.interop.layouts import GROKKING, Layout
from grokking.interop.network_config import network_config
from grokking.interop.snapshots import Snapshot, Source
from grokking.interop.untrusted import quoted
from grokking.interop.weights import WeightInterpretation, raw_weights, used_biases
from grokking.models.transformer import EXTRA_BIASES
from grokking.storage.atomic_io import read_json
from grokking.storage.run_directory import SPLIT
from grokking.tasks import family_of
from grokking.tasks.modular import is_odd_prime
from grokking.tasks.pairs import PairTask
from grokking.tasks.split import Split


@dataclass
class SourceSummary:
    """What holds for all networks of a source. biases: extra ones that are not zero in all of them."""

    layout: Layout
    dims: Mapping[str, int]
    biases: tuple[str, ...]
    notes: list[str]
    dtypes: list[str]


def check_consistency(source: Source, hints: UserHints, layout: Layout | None) -> SourceSummary:
    """Read every network once: all must have the same layout and size, and all values must be finite."""
    first: tuple[Snapshot, LayoutMatch] | None = None
    biases: set[str] = set()
    ignored: Counter[str] = Counter()
    dtypes: Counter[str] = Counter()
    for snapshot, state in source.states():
        try:
            match = _matched(state, hints, layout)
            raw = raw_weights(match, state)
        except UserError as error:
            raise UserError(f"{snapshot.label}: {error}") from error
        if first is None:
            first = snapshot, match
        _check_alike(*first, snapshot, match)
        biases |= used_biases(match, raw)
        ignored.update(match.ignored)
        dtypes.update(str(state[key].dtype).removeprefix("torch.") for key in match.keys.values())
    if first is None:
        raise UserError("no networks found")
    match = first[1]
    notes = [f"layout: {match.layout.name} ({match.layout.about})"]
    if ignored:
        notes.append(f"ignored, not parameters of this network: {quoted(ignored)}")
    absent = [name for name in ("b_in", "b_out") if name not in match.keys]
    if absent and match.layout.model == "transformer":
        notes.append(f"{' and '.join(absent)} not in the weights: zeros")
    if match.tied:
        notes.append("no unembedding in the weights: the transposed embedding")
    return SourceSummary(
        match.layout, match.dims, tuple(b for b in EXTRA_BIASES if b in biases), notes, sorted(dtypes)
    )


def _matched(state: Mapping[str, Tensor], hints: UserHints, layout: Layout | None) -> LayoutMatch:
    """How a state dict lies: of a run of this project by its config, of any other by names and shapes."""
    known = own_match(state, hints.own_config) if layout is None or layout.name == GROKKING.name else None
    return known or detect_layout(state, hints.sizes, layout)


def own_match(state: Mapping[str, Tensor], own: RunConfig | None) -> LayoutMatch | None:
    """A network of this project that no layout describes, under its own names; None for any other."""
    if own is None or lookup.serves(shape := shape_of(own)) or shape.misfit(state) is not None:
        return None
    keys = {name: name for name in shape.parameter_shapes()}
    layout = replace(GROKKING, model=own.model)
    return LayoutMatch(layout, keys, {}, {}, [], [key for key in state if key not in keys])


def _check_alike(first: Snapshot, expected: LayoutMatch, snapshot: Snapshot, match: LayoutMatch) -> None:
    same = (match.layout.name, match.dims, match.axes) == (expected.layout.name, expected.dims, expected.axes)
    if not same:
        one, other = _unlike(expected, match)
        raise UserError(
            f"these are not epochs of one run: {first.label} has {one}, {snapshot.label} has {other}; "
            "give a folder of one run's files"
        )


def _unlike(one: LayoutMatch, other: LayoutMatch) -> tuple[str, str]:
    """What tells two networks apart, in words: sizes, parameters, layouts."""
    words: list[tuple[str, str]] = []
    if one.layout.name != other.layout.name:
        words.append((f"layout {one.layout.name}", f"layout {other.layout.name}"))
    letters = [x for x in SIZES if one.dims.get(x) != other.dims.get(x)]
    words += [(f"{SIZES[x]} {one.dims.get(x)}", f"{SIZES[x]} {other.dims.get(x)}") for x in letters]
    for name in dict.fromkeys([*one.axes, *other.axes]):
        a, b = (f"[{m.axes[name].text}]" if name in m.axes else "none" for m in (one, other))
        if a != b:
            words.append((f"{name} {a}", f"{name} {b}"))
    return ", ".join(a for a, _ in words), ", ".join(b for _, b in words)


def open_network(
    source: Source, snapshot: Snapshot, summary: SourceSummary, hints: UserHints
) -> tuple[LayoutMatch, dict[str, Tensor]]:
    """One network of a surveyed source: how it lies in its file, and its tensors by our names."""
    state = source.state(snapshot)
    match = _matched(state, hints, summary.layout)
    return match, raw_weights(match, state)


@dataclass(frozen=True)
class FoundSplit:
    """Which pairs were trained on, None where it is unknown.

    note: how it is known, in words.  certain: whether a record of the run itself says it, so that the
    networks need not confirm it.
    """

    split: Split | None
    note: str
    certain: bool = False


@dataclass(frozen=True)
class ImportPlan:
    """interpretation: how tensors become weights.  config: of the run.  facts: each with its value and how
    it is known.  notes: what the user should know.  group: what the answers say of the group, if anything.
    """

    interpretation: WeightInterpretation
    config: RunConfig
    hints: UserHints
    found: FoundSplit
    check: ImportCheck
    facts: dict[str, tuple[Any, str]]
    notes: list[str]
    group: dict[str, Any]

    def record(self, summary: SourceSummary, source: Source) -> dict[str, Any]:
        """For ``config.json``."""
        return {
            "layout": summary.layout.name,
            "reading": self.interpretation.name,
            "facts": {name: {"value": value, "how": how} for name, (value, how) in self.facts.items()},
            "dtypes": summary.dtypes,
            **self.check.record,
            **({"group": self.group} if self.group else {}),
            "left_out": [*source.unread, *source.left_out],
        }


def plan_import(
    source: Source,
    summary: SourceSummary,
    hints: UserHints,
    facts: Facts,
    known: Mapping[str, str],
    split: str | None,
    reading: str | None,
) -> ImportPlan:
    """Decide by the last network how all are read, and find the split.

    facts: what the files say.  known: how each fact is known that the user or a file states.  split,
    reading: as in ``importing.Request``.
    """
    final = max(source.snapshots, key=lambda s: s.epoch)
    match, raw = open_network(source, final, summary, hints)
    check_norm(match, hints, known)
    hints = _fitting(match, hints)
    interpretation = WeightInterpretation(operation_tokens=hints.operation_tokens)
    group = _group_for(match, raw, hints, summary.biases, interpretation)
    hints = hints if group is None else group.hints
    interpretation, chosen, how = choose_facts(match, raw, hints, summary.biases, interpretation)
    config = network_config(match, chosen, interpretation, summary.biases)
    if reading is not None:
        interpretation = named_interpretation(reading, match, chosen, interpretation, config)
        # The rest shows only once the weights are read correctly.
        interpretation, chosen, how = choose_facts(match, raw, hints, summary.biases, interpretation)
        config = network_config(match, chosen, interpretation, summary.biases)
    described = describe_facts(match, config, facts, {**known, **how})
    found = find_split(source, config, split, hints.own_config)
    if found.split is not None:
        config = replace(config, split="kept", train_frac=splits.fraction(found.split))
    check = check_import(match, raw, chosen, interpretation, config, found.split)
    notes = [group.note] if group else []
    notes += [f"{name}: {value} ({why})" for name, (value, why) in described.items()]
    notes += [_network(config), found.note]
    facts_of_group = group.facts if group else {}
    return ImportPlan(interpretation, config, chosen, found, check, described, notes, facts_of_group)


def _fitting(match: LayoutMatch, hints: UserHints) -> UserHints:
    """The hints with the task and the modulus that a file says, where the shapes allow that modulus."""
    if hints.own_config is not None or not match.dims:
        return hints
    if hints.task is None and hints.stated_task is not None:
        hints = replace(hints, task=hints.stated_task)
    if hints.stated_p is None or hints.p is not None:
        return hints
    fits = hints.stated_p <= min(match.dims["c"], numbers_of(match, hints))
    return replace(hints, p=hints.stated_p if fits else None)


def _group_for(
    match: LayoutMatch,
    raw: Mapping[str, Tensor],
    hints: UserHints,
    biases: tuple[str, ...],
    interpretation: WeightInterpretation,
) -> AnsweredGroup | None:
    """The group that the answers name, where neither the user nor a file says the task and its size.

    A network of a size that an odd prime fits is taken to add, as most do, unless its answers are the table
    of another group.  Raises UserError where no size fits and the answers name no group.
    """
    asks_for_group = hints.task is not None and family_of(hints.task).name == "group"
    if hints.own_config is not None or (hints.task is not None and not asks_for_group):
        return None
    if hints.p is not None and not asks_for_group:
        return None
    found = answered_group(match, raw, replace(hints, task=None), biases, interpretation)
    if found is not None and found.hints.p is not None and not asks_for_group:
        numbers = numbers_of(match, hints)
        usual = min(match.dims["c"], numbers) if is_odd_prime(min(match.dims["c"], numbers)) else None
        return None if usual == found.hints.p else found
    return found


def _network(config: RunConfig) -> str:
    """Its sizes, in words."""
    shape = shape_of(config)
    numbers = f"p {config.p}" if config.has("p") else config.task
    if config.model != "transformer":
        return (
            f"network: {config.model}, {numbers}, d_model {shape.d_model}, d_mlp {shape.d_mlp}, "
            f"{shape.n_classes} classes"
        )
    return (
        f"network: {numbers}, {shape.n_heads} heads of {shape.d_head}, d_model {shape.d_model}, "
        f"d_mlp {shape.d_mlp}, {shape.n_classes} classes, extra biases: {config.biases or 'none'}"
    )


def find_split(source: Source, config: RunConfig, text: str | None, own: RunConfig | None) -> FoundSplit:
    """The split that the user gives, else what the files say of it.

    text: as in ``splits.make_split``.  own: the config of a run of this project.  Raises UserError for a task
    whose split cannot be given.
    """
    task = task_of(config)
    if text is None and own is not None and (ours := splits.split_of_ours(own, _train_of(source), task)):
        return FoundSplit(ours[0], _in_words(*ours), certain=True)
    if not isinstance(task, PairTask):
        raise UserError(
            f"which rows a network of {config.task} was trained on is known only from an export of the run "
            "that trained it; import that one"
        )
    split: Split | None
    if text is not None:
        split, where = splits.make_split(text, task), text
    else:
        split, where = splits.split_in(source.train, task), "as the weights' file says"
    if split is None:
        return FoundSplit(
            None,
            "split: unknown, so no train and test values; all pairs are measured together (see --split)",
        )
    return FoundSplit(split, _in_words(split, where))


def _train_of(source: Source) -> Any:
    """What the files say of the train rows, else what the run directory says in which they lie."""
    file = source.snapshots[0].path.parent / SPLIT
    if source.train is not None or not file.is_file():
        return source.train
    record = read_json(file)
    return record.get("train") if isinstance(record, Mapping) else None


def _in_words(split: Split, where: str) -> str:
    return f"split: {where}, {len(split.train)} train and {len(split.test)} test pairs"
