"""Coefficients of cos(ω(s - c)) (Nanda et al. 2023, section 4.2 and figure 14)."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.logits import wave_coefficients


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """The coefficients at the epoch, and those of the key frequencies over training."""
    now, then = canvas.panels(1, 2, width_ratios=(1, 1.2))[0]
    values = wave_coefficients(scene.logits.table)
    ax.frequency_bars(now, values, scene.keys)
    now.set_ylabel("α$_k$ (nats)")
    over = scene.over["waves"]
    others = [k for k in range(1, over.shape[1] + 1) if k not in scene.keys]
    for k in others:
        then.plot(scene.over.epochs, over[:, k - 1], color=canvas.colour["faint"], linewidth=0.8, zorder=1)
    for k, style in ax.frequency_styles(scene.keys).items():
        then.plot(scene.over.epochs, over[:, k - 1], label=f"k = {k}", linewidth=1.6, **style)
    then.set_ylabel("α$_k$ (nats)")
    then.grid(axis="y", linewidth=0.8)
    ax.headroom(then)
    ax.epochs(then, scene)
    ax.phases(then, scene, None)
    if scene.keys:
        ax.legend_below(then, 3)
    fve = scene.logits.fve()
    at_keys = fve[np.array(scene.keys, dtype=int) - 1].sum()
    kept = f", those of the key frequencies {at_keys:.1%}" if scene.keys else "; there is no key frequency"
    return f"The waves of all frequencies explain {fve.sum():.1%} of the variance of the logits{kept}."


FIGURE = FigureSpec(
    "logit_waves",
    "logits",
    "Coefficients of cos ω(s − c)",
    "Left, the least-squares coefficient of each frequency's wave in the logits, where s is the right "
    "answer and c the class; right, how they grow over training (grey: other frequencies). Added up they "
    "peak at c = s alone.",
    draw,
    3.9,
    needs=frozenset({"waves", "progress"}),
    at_epoch=True,
)
