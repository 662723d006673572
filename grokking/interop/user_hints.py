"""Facts about a network that its weights do not contain."""

from dataclasses import dataclass

from grokking.config import RunConfig
from grokking.from_config import shape_of


@dataclass(frozen=True)
class UserHints:
    """Facts that the user or a file gives, since the weights do not contain them; None for those not given.

    n_heads: where shapes do not say it.  p: else what the number of tokens and classes implies.
    score_divisor: what attention scores are divided by, unless ``attention_temperature`` says it; else
    √d_head.  norm: the kind of layer norm, as in ``facts.NORMS``.  own_config: that of a run of this project.
    """

    task: str | None = None
    p: int | None = None
    n_heads: int | None = None
    activation: str | None = None
    attention_temperature: float | None = None
    operation_tokens: tuple[int, ...] | None = None
    layer_norm_eps: float | None = None
    score_divisor: float | None = None
    norm: str | None = None
    own_config: RunConfig | None = None

    @property
    def operations(self) -> str:
        """The task, addition where it is not stated."""
        return self.task or "add"

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes that need no looking at the tensors, by letter."""
        known = {"h": self.n_heads, "x": None if self.own_config is None else shape_of(self.own_config).n_ctx}
        return {letter: size for letter, size in known.items() if size is not None}
