"""The methods that are compared: what each fixes, its source's default, what is tuned over which range."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scipy.stats.qmc import Halton

N_DRAWS = 12
"""Configurations tried of every method: the same number for all."""
DRAW_SEED = 20
OF_ADAMW = {"optimiser": "adamw"}


@dataclass(frozen=True)
class Knob:
    """A field that is tuned, drawn so that its logarithm is uniform.

    A pair of betas is drawn by what its second number lacks to 1.
    """

    field: str
    low: float
    high: float

    def at(self, u: float) -> Any:
        """The value at place ``u`` of [0, 1], to three significant digits."""
        value = float(f"{self.low * (self.high / self.low) ** u:.3g}")
        return (0.9, round(1 - value, 6)) if self.field == "betas" else value


@dataclass(frozen=True)
class Method:
    """fixed: fields that make it this method.  default: the source's values, on top of ``fixed``."""

    name: str
    source: str
    fixed: Mapping[str, Any]
    default: Mapping[str, Any]
    knobs: tuple[Knob, ...]
    draws: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        points = Halton(len(self.knobs), rng=DRAW_SEED).random(N_DRAWS)
        found = [{k.field: k.at(u) for k, u in zip(self.knobs, point, strict=True)} for point in points]
        object.__setattr__(self, "draws", found)


RATE, DECAY = Knob("lr", 3e-4, 3e-2), Knob("weight_decay", 0.03, 3)
SECOND_MOMENT = Knob("betas", 1e-3, 1e-1)
GAIN = Knob("filter_gain", 0.5, 10)


def _on_adamw(name: str, source: str, default: Mapping[str, Any], *knobs: Knob, **fixed: Any) -> Method:
    """A method that changes something around AdamW."""
    return Method(name, source, OF_ADAMW | fixed, default, knobs)


_ALL = (
    Method(
        "adamw",
        "Nanda et al. 2023 (2301.05217): lr 1e-3, decay 1, betas 0.9, 0.98",
        OF_ADAMW,
        {"lr": 1e-3, "weight_decay": 1.0},
        (RATE, DECAY, SECOND_MOMENT),
    ),
    Method(
        "adam_l2",
        "Kingma & Ba 2015 (1412.6980): lr 1e-3; penalty 0.005 as in Grokfast's baseline (2405.20233)",
        {"optimiser": "adam_l2"},
        {"lr": 1e-3, "weight_decay": 5e-3},
        (RATE, Knob("weight_decay", 1e-5, 1e-2), SECOND_MOMENT),
    ),
    Method(
        "sgd",
        "common practice: lr 0.1, momentum 0.9, decay 1e-3",
        {"optimiser": "sgd"},
        {},
        (Knob("lr", 0.03, 3), Knob("weight_decay", 1e-5, 1e-2), Knob("momentum", 0.8, 0.98)),
    ),
    Method(
        "lion",
        "Chen et al. 2023 (2302.06675): a tenth of AdamW's lr, ten times its decay",
        {"optimiser": "lion"},
        {},
        (Knob("lr", 3e-5, 3e-3), Knob("weight_decay", 0.3, 30), SECOND_MOMENT),
    ),
    Method(
        "muon",
        "Jordan et al. 2024: lr 0.02, momentum 0.95; AdamW at 3e-4 for the rest; decay 0.1",
        {"optimiser": "muon"},
        {},
        (Knob("lr", 3e-3, 0.1), Knob("weight_decay", 0.03, 3), Knob("rest_rate", 0.01, 1)),
    ),
    Method(
        "egalitarian",
        "Pasand & Dohmatob 2025 (2510.04930): no value given for a transformer; lr 1e-2, decay 0.1",
        {"optimiser": "egalitarian"},
        {},
        (Knob("lr", 1e-3, 0.1), DECAY),
    ),
    _on_adamw(
        "grokfast_ema",
        "Lee et al. 2024 (2405.20233): α 0.98, λ 2, lr 1e-3, decay 0.005",
        {"lr": 1e-3, "weight_decay": 5e-3},
        RATE,
        DECAY,
        GAIN,
        gradient_filter="grokfast_ema",
    ),
    _on_adamw(
        "grokfast_ma",
        "Lee et al. 2024 (2405.20233): window 100, λ 5, lr 1e-3, decay 0.01",
        {"lr": 1e-3, "weight_decay": 1e-2},
        RATE,
        DECAY,
        GAIN,
        gradient_filter="grokfast_ma",
    ),
    _on_adamw(
        "orthogonal",
        "Prieto et al. 2025 (2501.04697): no decay, lr 1e-3",
        {"lr": 1e-3, "weight_decay": 0.0},
        RATE,
        DECAY,
        SECOND_MOMENT,
        gradient_filter="orthogonal",
    ),
    _on_adamw(
        "stablemax",
        "Prieto et al. 2025 (2501.04697): no decay, lr 1e-3",
        {"lr": 1e-3, "weight_decay": 0.0},
        RATE,
        DECAY,
        SECOND_MOMENT,
        loss="stablemax",
    ),
    _on_adamw(
        "norm_clamp",
        "Truong et al. 2026 (2606.13753): a fixed norm, no decay; at the norm where AdamW grokked in pilots",
        {"lr": 1e-3, "weight_decay": 0.0, "norm_clamp": 30.0},
        RATE,
        Knob("norm_clamp", 15, 45),
        SECOND_MOMENT,
        weight_decay=0.0,
    ),
)
METHODS = {method.name: method for method in _ALL}
REFERENCE = "adamw"
