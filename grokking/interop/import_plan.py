"""How the networks of a source are read, and as what run they are stored: decided by the last network."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of, task_of
from grokking.interop import splits
from grokking.interop.choose_facts import choose_facts
from grokking.interop.consistency_check import SourceSummary, open_network
from grokking.interop.facts import Facts
from grokking.interop.import_check import ImportCheck, check_import
from grokking.interop.interpretations import named_interpretation
from grokking.interop.known_facts import check_norm, describe_facts
from grokking.interop.network_config import network_config
from grokking.interop.snapshots import Source
from grokking.interop.user_hints import UserHints
from grokking.interop.weights import WeightInterpretation
from grokking.storage.atomic_io import read_json
from grokking.storage.run_directory import SPLIT
from grokking.tasks.pairs import PairTask
from grokking.tasks.split import Split


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
    it is known.  notes: what the user should know.
    """

    interpretation: WeightInterpretation
    config: RunConfig
    hints: UserHints
    found: FoundSplit
    check: ImportCheck
    facts: dict[str, tuple[Any, str]]
    notes: list[str]

    def record(self, summary: SourceSummary, source: Source) -> dict[str, Any]:
        """For ``config.json``."""
        return {
            "layout": summary.layout.name,
            "reading": self.interpretation.name,
            "facts": {name: {"value": value, "how": how} for name, (value, how) in self.facts.items()},
            "dtypes": summary.dtypes,
            **self.check.record,
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
    interpretation = WeightInterpretation(operation_tokens=hints.operation_tokens)
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
    notes = [f"{name}: {value} ({why})" for name, (value, why) in described.items()]
    notes += [_network(config), found.note]
    return ImportPlan(interpretation, config, chosen, found, check, described, notes)


def _network(config: RunConfig) -> str:
    """Its sizes, in words."""
    shape = shape_of(config)
    numbers = f"p {config.p}" if config.has("p") else config.task
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
