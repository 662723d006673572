"""What a check is, where the thresholds lie, and how a verdict comes about.

The verdict on a checkpoint reads four accuracies (``metrics.mean_ablation``):

    learnt      train accuracy of the network as it is
    held out    test accuracy of the network as it is
    sufficient  accuracy of its key frequencies alone, on held-out pairs
    without     train accuracy of the network without its key frequencies

    no circuit found   the train pairs are not learnt; or no neurons carry a frequency, and yet nothing
                       says that pairs were memorised; or it cannot be asked whether they suffice
    memorising         held-out pairs lag behind train pairs, and the key frequencies neither suffice nor
                       are needed (or there are none, or too few answers are held out to ask)
    mixed              held-out pairs lag although the key frequencies would answer them, or although train
                       answers go without them: a circuit, perhaps half built, and memorised pairs; or
                       they do not lag, and the keys do not explain why
    circuit            nothing lags, the key frequencies suffice, and the answers go without them

Thresholds were set on some runs and judged on others: see results/audit.md.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

CIRCUIT, MIXED, MEMORISING, NOTHING = "circuit", "mixed", "memorising", "no circuit found"
VERDICTS = (NOTHING, MEMORISING, MIXED, CIRCUIT)

UNASKED = "unasked"
"""Key of what an audit does not ask of a network, and why; absent where it asks everything."""
LEARNT = 0.9
"""Train accuracy from which there is something to explain."""
SUFFICIENT = 0.9
"""Held-out accuracy of the key frequencies alone from which they count as sufficient."""
NEEDED = 0.5
"""Share of the train accuracy left without them, up to which they count as needed …"""
GENERALISES = 0.1
"""Held-out pairs lag where their accuracy is further than this below that of the train pairs."""
OWN_SHARE = 0.7
"""Mean share of a neuron's variance in its own frequency: "specialised" from here."""
HEAD_SHARE = 0.7
"""The same for what the heads attend to."""
CROSS_TALK = 0.9
"""Share of the change on the silenced group's own frequency: "separate" from here."""
SLOPE_RATIO = 10.0
"""Slope along key components over that along others: "steeper along the keys" from here."""
IMMUNE = 1.0
"""Length of the smallest flip over the distance to the nearest other token: below, "not immune"."""


@dataclass(frozen=True)
class Check:
    """One question to a checkpoint.

    value, null: None where it cannot be asked; null is what chance gives (95 % of draws, unless
    ``evidence`` says otherwise).  verdict: in words.  evidence: what the figure and a reader need.
    """

    name: str
    question: str
    value: float | None
    null: float | None
    threshold: float | None
    verdict: str
    evidence: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True)
class Accuracies:
    """What the verdict reads, all in [0, 1].

    heldout: held-out accuracy of the whole network, None if the split is unknown.
    sufficient, without: None without key frequencies; sufficient also where too few answers have held-out
    pairs to ask.
    """

    learnt: float
    heldout: float | None
    sufficient: float | None
    without: float | None


def judge(found: Accuracies) -> str:
    """One of ``VERDICTS``, by the rule above."""
    if found.learnt < LEARNT:
        return NOTHING
    memorised = found.heldout is not None and found.learnt - found.heldout > GENERALISES
    if found.sufficient is None or found.without is None:
        return MEMORISING if memorised else NOTHING
    suffices, needed = found.sufficient >= SUFFICIENT, found.without <= NEEDED * found.learnt
    if memorised:
        return MIXED if suffices or needed else MEMORISING
    return CIRCUIT if suffices and needed else MIXED


def above(value: float | None, threshold: float, yes: str, no: str, absent: str) -> str:
    """The verdict of a check whose value should be large."""
    if value is None:
        return absent
    return yes if value >= threshold else no
