"""How the networks of a source are read, and as what run they are stored: decided by the last network."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of, task_of
from grokking.interop import splits
from grokking.interop.choosing import choose
from grokking.interop.consistency_check import Survey, opened
from grokking.interop.facts import Facts
from grokking.interop.import_check import Proof, named_reading, prove
from grokking.interop.snapshots import Source
from grokking.interop.statements import check_norm, stated
from grokking.interop.weights import UserHints, WeightInterpretation, config_of
from grokking.storage.atomic_io import read_json
from grokking.storage.run_directory import SPLIT
from grokking.tasks.pairs import PairTask
from grokking.tasks.split import Split


@dataclass(frozen=True)
class FoundSplit:
    """Which pairs were trained on, None where nobody says it.

    note: how it is known, in words.  certain: whether a record of the run itself says it, so that the
    networks need not confirm it.
    """

    split: Split | None
    note: str
    certain: bool = False


@dataclass(frozen=True)
class ImportPlan:
    """interpretation: how tensors become weights.  config: of the run.  facts: each with its value and how
    it is known.  notes: what a person should know.
    """

    interpretation: WeightInterpretation
    config: RunConfig
    hints: UserHints
    found: FoundSplit
    proof: Proof
    facts: dict[str, tuple[Any, str]]
    notes: list[str]

    def record(self, survey: Survey, source: Source) -> dict[str, Any]:
        """For ``config.json``."""
        return {
            "layout": survey.layout.name,
            "reading": self.interpretation.name,
            "facts": {name: {"value": value, "how": how} for name, (value, how) in self.facts.items()},
            "dtypes": survey.dtypes,
            **self.proof.record,
            "left_out": [*source.unread, *source.left_out],
        }


def plan_import(
    source: Source,
    survey: Survey,
    hints: UserHints,
    facts: Facts,
    known: Mapping[str, str],
    split: str | None,
    reading: str | None,
) -> ImportPlan:
    """Decide by the last network how all are read, and find the split.

    facts: what the files say.  known: how each fact is known that a person or a file states.  split,
    reading: as in ``importing.Request``.
    """
    final = max(source.snapshots, key=lambda s: s.epoch)
    match, raw = opened(source, final, survey, hints)
    check_norm(match, hints, known)
    interpretation = WeightInterpretation(operation_tokens=hints.operation_tokens)
    interpretation, chosen, how = choose(match, raw, hints, survey.biases, interpretation)
    config = config_of(match, chosen, interpretation, survey.biases)
    if reading is not None:
        interpretation = named_reading(reading, match, chosen, interpretation, config)
        # The rest is seen only once the weights are read the right way round.
        interpretation, chosen, how = choose(match, raw, hints, survey.biases, interpretation)
        config = config_of(match, chosen, interpretation, survey.biases)
    described = stated(match, config, facts, {**known, **how})
    found = find_split(source, config, split, hints.own)
    if found.split is not None:
        config = replace(config, split="kept", train_frac=splits.fraction(found.split))
    proof = prove(match, raw, chosen, interpretation, config, found.split)
    notes = [f"{name}: {value} ({why})" for name, (value, why) in described.items()]
    notes += [_network(config), found.note]
    return ImportPlan(interpretation, config, chosen, found, proof, described, notes)


def _network(config: RunConfig) -> str:
    """Its sizes, in words."""
    shape = shape_of(config)
    numbers = f"p {config.p}" if config.has("p") else config.task
    return (
        f"network: {numbers}, {shape.n_heads} heads of {shape.d_head}, d_model {shape.d_model}, "
        f"d_mlp {shape.d_mlp}, {shape.n_classes} classes, extra biases: {config.biases or 'none'}"
    )


def find_split(source: Source, config: RunConfig, text: str | None, own: RunConfig | None) -> FoundSplit:
    """The split that a person gives, else what the files say of it.

    text: as in ``splits.make_split``.  own: the config of a run of this project.  Raises UserError for a task
    whose split nobody can give.
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
