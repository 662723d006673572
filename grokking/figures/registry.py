"""All plates, in the order of the page."""

from collections.abc import Sequence

from grokking.errors import UserError
from grokking.figures.plots.attention import average, frequencies, patterns
from grokking.figures.plots.embedding import circles, orders, sparsity, spectrum, spectrum_over_training
from grokking.figures.plots.logits import correct, margins, pair_losses, parts, waves
from grokking.figures.plots.logits import spectrum as logit_spectrum
from grokking.figures.plots.neurons import clusters, frequency_map, grids, r2_over_training, readout
from grokking.figures.plots.paper import figure_3, figure_4, figure_5, figure_6, figure_7
from grokking.figures.plots.training import excluded_by_frequency, learning, norms, progress_measures
from grokking.figures.plots.trajectory import pca_and_fourier, rank, weights
from grokking.figures.spec import FigureSpec

MODULES = (
    learning,
    progress_measures,
    excluded_by_frequency,
    norms,
    spectrum,
    spectrum_over_training,
    orders,
    circles,
    sparsity,
    patterns,
    average,
    frequencies,
    grids,
    frequency_map,
    clusters,
    r2_over_training,
    readout,
    logit_spectrum,
    parts,
    waves,
    correct,
    pair_losses,
    margins,
    weights,
    pca_and_fourier,
    rank,
    figure_3,
    figure_4,
    figure_5,
    figure_6,
    figure_7,
)
PLATES: tuple[FigureSpec, ...] = tuple(module.FIGURE for module in MODULES)


def choose(names: Sequence[str] | None) -> list[FigureSpec]:
    """The plates of these names, or of these sections, in the order of the page; all for None.

    Raises UserError for an unknown name.
    """
    if names is None:
        return list(PLATES)
    known = {spec.name for spec in PLATES} | {spec.section for spec in PLATES}
    for name in names:
        if name not in known:
            raise UserError(
                f"unknown figure {name!r}; known: {', '.join(spec.name for spec in PLATES)}, "
                f"or a whole section: {', '.join(dict.fromkeys(p.section for p in PLATES))}"
            )
    return [spec for spec in PLATES if spec.name in names or spec.section in names]


def listing() -> str:
    """A line per plate: name, section, title."""
    wide = max(len(spec.name) for spec in PLATES)
    return "\n".join(f"{spec.name:{wide}}  {spec.section:10}  {spec.title}" for spec in PLATES)
