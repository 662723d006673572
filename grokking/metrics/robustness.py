"""The smallest change of one token's embedding that turns a right answer wrong.

For a pair (a, b) that is answered right, the embedding of a (at its position, in this pair only) is
moved by δ. ``flip`` searches the shortest δ by gradients: steps to the nearest linearised decision
boundary (the idea of DeepFool, Moosavi-Dezfooli et al. 2016, arXiv 1511.04599, section 2), bisection
onto the real one, then slides along it towards the origin. What it returns flips the answer, so its
length is an upper bound of the smallest; nothing proves that no shorter one exists.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int64
from torch import Tensor

from grokking.engines.lookup import last_position, stack
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights

N_RIVALS = 6
"""Answer classes that are tried as the nearest boundary in every step."""
MAX_STEPS = 40
OVERSHOOT = 1.02
MARGIN = 1e-4
"""In logits: how far past a boundary a step aims, so that rounding does not stop it there."""
FLAT = 1e-12
"""Squared slope below which a margin does not change."""
N_BISECTIONS = 12
N_SLIDES = 8
LONGEST = 4.0
"""Radii of random directions end here, in units of the embedding's own length."""
N_RADII = 32


class Moved:
    """Logits of pairs whose first operand has an embedding of its own.

    A moved embedding is one more number token, so the look-ups serve as they are.
    """

    def __init__(self, weights: Weights, shape: ModelShape, tokens: Int64[np.ndarray, "pairs 3"]) -> None:
        self.weights = {name: tensor.detach().cpu().float() for name, tensor in weights.items()}
        self.shape, self.tokens = shape, torch.from_numpy(tokens)
        self.embedding = self.weights["W_E"][self.tokens[:, 0]]

    def logits(
        self, delta: Float32[Tensor, "pairs d_model"], rows: Int64[Tensor, "pairs"] | None = None
    ) -> Float32[Tensor, "pairs n_answers"]:
        """[B, n_answers] over the answers, for δ [B, d_model] added to the first operands of ``rows``."""
        chosen = torch.arange(len(self.tokens)) if rows is None else rows
        p, extra = self.shape.n_numbers, len(delta)
        embed = self.weights["W_E"]
        larger = torch.cat([embed[:p], self.embedding[chosen] + delta, embed[p:]])
        tokens = self.tokens[chosen].clone()
        tokens[:, 0] = p + torch.arange(extra)
        tokens[:, 2] += extra
        shape = replace(self.shape, n_numbers=p + extra)
        found = last_position(stack({**self.weights, "W_E": larger}), shape, tokens[None])[1][0]
        return found[:, : self.shape.n_answers]


@dataclass(frozen=True)
class Flips:
    """Per pair the δ found, float32 [B, d_model]; rows of NaN where no flip was found."""

    delta: Float32[Tensor, "pairs d_model"]

    @property
    def length(self) -> Float64[np.ndarray, "pairs"]:
        """L2 norms, float64 [B], infinite where no flip was found."""
        return np.nan_to_num(self.delta.double().norm(dim=1).numpy(), nan=np.inf)


def flip(
    moved: Moved, answers: Int64[Tensor, "pairs"], subspace: Float[Tensor, "r d_model"] | None = None
) -> Flips:
    """The shortest δ found that makes each pair wrong.

    answers: int64 [B], what is right, and given by the network before it is moved.
    subspace: orthonormal rows [r, d_model] that δ is to lie in; by default all of it.
    """
    delta = _cross(moved, answers, subspace)
    found = _wrong(moved, answers, delta)
    delta = _bisect(moved, answers, delta)
    for _ in range(N_SLIDES):
        delta = _slide(moved, answers, delta, subspace)
    return Flips(torch.where(found[:, None], delta, torch.nan))


def random_flips(
    moved: Moved, answers: Int64[Tensor, "pairs"], n_directions: int, seed: int = 0
) -> Float64[np.ndarray, "pairs n_directions"]:
    """Smallest radius tried at which a random direction flips: float64 [B, n_directions].

    Infinite where none up to ``LONGEST`` embedding lengths does.
    """
    n, d = moved.embedding.shape
    generator = torch.Generator().manual_seed(seed)
    scale = moved.embedding.norm(dim=1)
    radii = torch.logspace(-2, np.log10(LONGEST), N_RADII)
    lengths = np.full((n, n_directions), np.inf)
    for i in range(n_directions):
        unit = torch.randn(n, d, generator=generator)
        unit = unit / unit.norm(dim=1, keepdim=True) * scale[:, None]
        wrong = torch.stack([_wrong(moved, answers, unit * r) for r in radii])
        first = wrong.int().argmax(dim=0)
        lengths[:, i] = np.where(wrong.any(dim=0), (radii[first] * scale).numpy(), np.inf)
    return lengths


def flipped_share(
    moved: Moved,
    answers: Int64[Tensor, "pairs"],
    length: Float[np.ndarray, "pairs"],
    n_directions: int,
    seed: int = 0,
) -> float:
    """Share of random δ of the given lengths (float [B], finite) that flip their pair."""
    n, d = moved.embedding.shape
    generator = torch.Generator().manual_seed(seed)
    wrong = 0.0
    for _ in range(n_directions):
        unit = torch.randn(n, d, generator=generator)
        delta = unit / unit.norm(dim=1, keepdim=True) * torch.from_numpy(length).float()[:, None]
        wrong += float(_wrong(moved, answers, delta).float().mean())
    return wrong / n_directions


def nearest_token_distance(
    weights: Weights, n_numbers: int, tokens: Int64[np.ndarray, "pairs 3"]
) -> Float64[np.ndarray, "pairs"]:
    """L2 distance from each first operand's embedding to that of the nearest other number, [B].

    A move that far makes the pair another pair: in a group, one with another answer.
    """
    embed = weights["W_E"].detach().cpu().double()[:n_numbers]
    distance = torch.cdist(embed, embed)
    distance.fill_diagonal_(torch.inf)
    return np.asarray(distance.min(dim=1).values.numpy()[tokens[:, 0]])


def random_subspace(dimension: int, d_model: int, seed: int = 0) -> Float32[Tensor, "dimension d_model"]:
    """Orthonormal rows float32 [dimension, d_model], seeded."""
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(d_model, dimension, generator=generator))[0].T.contiguous()


def _wrong(moved: Moved, answers: Tensor, delta: Float32[Tensor, "pairs d_model"]) -> Bool[Tensor, "pairs"]:
    with torch.no_grad():
        return moved.logits(delta).argmax(dim=1) != answers


def _within(gradient: Tensor, subspace: Tensor | None) -> Tensor:
    return gradient if subspace is None else gradient @ subspace.T @ subspace


def _cross(moved: Moved, answers: Tensor, subspace: Tensor | None) -> Tensor:
    """Step to the nearest linearised boundary until the answer is wrong, at most MAX_STEPS times."""
    delta = torch.zeros_like(moved.embedding)
    for _ in range(MAX_STEPS):
        right = torch.nonzero(~_wrong(moved, answers, delta)).flatten()
        if not len(right):
            break
        delta[right] += OVERSHOOT * _nearest_boundary(moved, answers, delta, right, subspace)
    return delta


def _nearest_boundary(
    moved: Moved, answers: Tensor, delta: Tensor, rows: Tensor, subspace: Tensor | None
) -> Tensor:
    """The shortest step that closes one of the linearised margins: [len(rows), d_model]."""
    at = delta[rows].requires_grad_(True)
    logits = moved.logits(at, rows)
    own = logits.gather(1, answers[rows, None])
    rivals = logits.detach().scatter(1, answers[rows, None], -torch.inf)
    classes = rivals.topk(min(N_RIVALS, rivals.shape[1] - 1), dim=1).indices
    margins = own - logits.gather(1, classes)
    steps, lengths = [], []
    for i in range(classes.shape[1]):
        slope = torch.autograd.grad(margins[:, i].sum(), at, retain_graph=True)[0]
        slope, margin = _within(slope, subspace), margins[:, i].detach() + MARGIN
        # A boundary that no allowed move comes nearer to is infinitely far, not near.
        square = slope.square().sum(dim=1).clamp_min(FLAT)
        lengths.append(torch.where(square > FLAT, margin / square.sqrt(), torch.inf))
        steps.append(-(margin / square)[:, None] * slope)
    best = torch.stack(lengths).argmin(dim=0)
    return torch.stack(steps)[best, torch.arange(len(rows))]


def _bisect(moved: Moved, answers: Tensor, delta: Tensor) -> Tensor:
    """The same directions, cut to where the answer turns wrong."""
    low, high = torch.zeros(len(delta), 1), torch.ones(len(delta), 1)
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2
        wrong = _wrong(moved, answers, middle * delta)[:, None]
        low, high = torch.where(wrong, low, middle), torch.where(wrong, middle, high)
    return high * delta


def _slide(moved: Moved, answers: Tensor, delta: Tensor, subspace: Tensor | None) -> Tensor:
    """Half of the way to the boundary's nearest point by its tangent plane; kept where shorter."""
    at = delta.clone().requires_grad_(True)
    logits = moved.logits(at)
    own = logits.gather(1, answers[:, None])
    rival = logits.scatter(1, answers[:, None], -torch.inf).amax(dim=1, keepdim=True)
    normal = _within(torch.autograd.grad((own - rival).sum(), at)[0], subspace)
    normal = normal / normal.norm(dim=1, keepdim=True).clamp_min(1e-12)
    foot = (delta * normal).sum(dim=1, keepdim=True) * normal
    # A little further than the plane says, so that a curved boundary is still crossed.
    trial = (delta + foot) / 2 * OVERSHOOT
    crossed = _wrong(moved, answers, trial)
    trial = _bisect(moved, answers, trial)
    shorter = crossed & (trial.norm(dim=1) < delta.norm(dim=1))
    return torch.where(shorter[:, None], trial, delta)
