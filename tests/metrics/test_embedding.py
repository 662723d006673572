"""The embedding's measures where the answer is known: circles, ellipses, waves, noise."""

import numpy as np
import pytest

from grokking.config import RunConfig
from grokking.from_config import initial_weights, shape_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.embedding import (
    circle_coordinates,
    circle_plane,
    circularity,
    dominant_circle,
    dominant_frequency,
    embedding_circularity,
    embedding_nulls,
    frequency_energy,
    frequency_share,
    gini,
    gini_coefficient,
)
from grokking.metrics.shuffles import N_SHUFFLES, NULL_SEED
from grokking.tasks.modular import make_task

D_MODEL = 16


def waves(n: int, *parts: tuple[int, float, float]) -> np.ndarray:
    """Σ over (k, a, b) of a·cos(ω_k x) and b·sin(ω_k x), each along an axis of its own, [n, D_MODEL]."""
    embedding, x = np.zeros((n, D_MODEL)), np.arange(n)
    for i, (k, a, b) in enumerate(parts):
        embedding[:, 2 * i] = a * np.cos(2 * np.pi * k * x / n)
        embedding[:, 2 * i + 1] = b * np.sin(2 * np.pi * k * x / n)
    return embedding


def turned(embedding: np.ndarray) -> np.ndarray:
    """The same points in another orthonormal basis of the residual stream."""
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(D_MODEL, D_MODEL)))[0]
    return embedding @ basis


def noise(n: int, d: int, seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(n, d))
    return points - points.mean(axis=0)


def naive_coordinates(embedding: np.ndarray, k: int) -> np.ndarray:
    """Straight from the definition, token by token."""
    n = len(embedding)
    u = sum(np.cos(2 * np.pi * k * x / n) * embedding[x] for x in range(n))
    v = sum(np.sin(2 * np.pi * k * x / n) * embedding[x] for x in range(n))
    u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
    return np.array([[point @ u, point @ v] for point in embedding])


def naive_circularity(points: np.ndarray) -> float:
    r = np.linalg.norm(points - points.mean(axis=0), axis=1)
    return float(np.clip(1 - r.std() / r.mean(), 0, 1))


def naive_energy(embedding: np.ndarray) -> list[float]:
    n, x = len(embedding), np.arange(len(embedding))
    energies = []
    for k in range(1, n // 2 + 1):
        rows = [np.cos(2 * np.pi * k * x / n)] + [np.sin(2 * np.pi * k * x / n)] * (2 * k != n)
        energies.append(sum(np.sum((row / np.linalg.norm(row) @ embedding) ** 2) for row in rows))
    return energies


# One circle


@pytest.mark.parametrize("n, k", [(7, 1), (7, 3), (113, 42), (10, 2), (112, 55)])
def test_an_embedding_made_of_one_circle(n: int, k: int) -> None:
    embedding = turned(waves(n, (k, 2.0, 2.0)))
    share = frequency_share(embedding)
    assert share.shape == (n // 2,)
    assert share[k - 1] == pytest.approx(1)
    assert share.sum() == pytest.approx(1)
    assert dominant_frequency(embedding) == dominant_circle(embedding) == k
    assert embedding_circularity(embedding) == pytest.approx(1)
    assert gini(embedding) == pytest.approx(1 - 1 / (n // 2))
    radius = np.linalg.norm(circle_coordinates(embedding, k), axis=1)
    np.testing.assert_allclose(radius, 2.0)


def test_tokens_lie_on_the_circle_by_their_phase() -> None:
    n, k = 11, 4
    angle = 2 * np.pi * k * np.arange(n) / n
    points = circle_coordinates(turned(waves(n, (k, 3.0, 3.0))), k)
    np.testing.assert_allclose(points, 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1), atol=1e-12)


def test_the_circle_may_be_asked_for_at_another_frequency() -> None:
    embedding = waves(23, (3, 2.0, 2.0), (7, 1.0, 1.0))
    assert dominant_frequency(embedding) == 3
    assert embedding_circularity(embedding, 7) == pytest.approx(1)
    np.testing.assert_allclose(np.linalg.norm(circle_coordinates(embedding, 7), axis=1), 1.0)


def test_shares_are_energies() -> None:
    """cos and sin of one frequency carry n/2 each: shares 4+1 to 9+9 of 23."""
    share = frequency_share(turned(waves(13, (2, 2.0, 1.0), (5, 3.0, 3.0))))
    expected = np.zeros(6)
    expected[1], expected[4] = 5 / 23, 18 / 23
    np.testing.assert_allclose(share, expected, atol=1e-12)


@pytest.mark.parametrize(
    "points, expected",
    [
        ([[1, 0], [-1, 0], [0, 1], [0, -1]], 1.0),
        ([[3, 5], [1, 5], [2, 6], [2, 4]], 1.0),  # a centroid elsewhere
        ([[3, 0], [-3, 0], [0, 1], [0, -1]], 0.5),  # r = 3, 3, 1, 1: mean 2, deviation 1
        ([[0, 0]] * 7 + [[8, 0]], 1 - 3**0.5 / (2 * 7 / 8) * 7**0.5 / 3**0.5),  # r = 1 (7 times), 7
    ],
)
def test_circularity_of_points(points: list[list[float]], expected: float) -> None:
    r = np.linalg.norm(np.array(points) - np.mean(points, axis=0), axis=1)
    expected = expected if expected >= 0 else 0.0
    assert circularity(np.array(points, dtype=float)) == pytest.approx(expected)
    assert r.mean() > 0


def test_an_ellipse_is_as_round_as_its_radii_are_equal() -> None:
    n, k = 17, 3
    angle = 2 * np.pi * k * np.arange(n) / n
    r = np.hypot(2 * np.cos(angle), np.sin(angle))
    expected = 1 - r.std() / r.mean()
    assert 0.6 < expected < 0.9
    assert embedding_circularity(turned(waves(n, (k, 2.0, 1.0)))) == pytest.approx(expected)


# Even groups


@pytest.mark.parametrize("n", [4, 6, 10, 58, 112])
def test_the_highest_frequency_of_an_even_group_may_dominate_but_has_no_circle(n: int) -> None:
    embedding = waves(n, (n // 2, 5.0, 0.0), (1, 1.0, 1.0))
    assert dominant_frequency(embedding) == n // 2
    assert frequency_share(embedding)[-1] == pytest.approx(25 * n / (25 * n + n))
    assert dominant_circle(embedding) == 1
    assert embedding_circularity(embedding) == pytest.approx(1)
    with pytest.raises(ValueError, match=f"frequency {n // 2} of Z_{n} has no circle"):
        circle_plane(embedding, n // 2)


@pytest.mark.parametrize("k", [0, 4, -1])
def test_a_frequency_that_does_not_exist_has_no_circle(k: int) -> None:
    with pytest.raises(ValueError, match=f"frequency {k}"):
        circle_plane(noise(7, 4), k)


def test_the_group_of_two_has_no_circle() -> None:
    embedding = noise(2, 4)
    assert dominant_frequency(embedding) == 1
    assert dominant_circle(embedding) is None
    assert embedding_circularity(embedding) is None
    assert embedding_nulls(embedding).circularity is None
    assert gini(embedding) == 0


# Against the definitions


@pytest.mark.parametrize("n", [5, 8, 23, 58])
def test_everything_agrees_with_the_definitions_on_noise(n: int) -> None:
    embedding = noise(n, 12)
    energy = naive_energy(embedding)
    np.testing.assert_allclose(frequency_energy(embedding), energy)
    np.testing.assert_allclose(frequency_share(embedding), np.array(energy) / np.sum(embedding**2))
    assert dominant_frequency(embedding) == np.argmax(energy) + 1
    k = int(np.argmax(energy[: (n - 1) // 2])) + 1
    points = naive_coordinates(embedding, k)
    np.testing.assert_allclose(circle_coordinates(embedding, k), points)
    assert embedding_circularity(embedding) == pytest.approx(naive_circularity(points))


def double_sum(x: np.ndarray) -> float:
    m = len(x)
    return sum(abs(a - b) for a in x for b in x) / (2 * m**2 * x.mean())


@pytest.mark.parametrize("m", [1, 2, 5, 56])
def test_gini_is_the_double_sum(m: int) -> None:
    x = np.random.default_rng(m).exponential(size=m)
    assert gini_coefficient(x) == pytest.approx(double_sum(x))
    embedding = noise(2 * m + 1, 6)
    assert gini(embedding) == pytest.approx(double_sum(np.sqrt(naive_energy(embedding))))


@pytest.mark.parametrize(
    "values, expected",
    [
        ([2, 2, 2, 2], 0),
        ([0, 0, 0, 5], 0.75),
        ([0, 1], 0.5),
        ([1, 2, 3], 2 / 9),
        ([7], 0),
    ],
)
def test_gini_of_known_values(values: list[float], expected: float) -> None:
    assert gini_coefficient(np.array(values, dtype=float)) == pytest.approx(expected)


def test_an_embedding_without_any_energy_gives_numbers() -> None:
    nothing = np.zeros((7, 4))
    assert not frequency_share(nothing).any()
    for value in (embedding_circularity(nothing), gini(nothing), embedding_nulls(nothing).gini):
        assert value is not None
        assert np.isfinite(value)


# Nulls


def test_random_vectors_look_half_round() -> None:
    """113 random vectors in 128 dimensions score 0.50 to 0.61 in 95 % of draws, median 0.56."""
    scores = [embedding_circularity(noise(113, 128, seed)) for seed in range(20)]
    assert all(0.48 < score < 0.65 for score in scores if score is not None)
    assert 0.54 < float(np.median([s for s in scores if s is not None])) < 0.58
    null = embedding_nulls(noise(113, 128)).circularity
    assert null is not None
    assert 0.57 < null < 0.65


@pytest.mark.parametrize("n", [23, 22])
def test_nulls_are_quantiles_of_shuffled_embeddings(n: int) -> None:
    """The library's own shuffles, the statistics from the definitions, k chosen anew for each."""
    embedding = noise(n, 12) + waves(n, (3, 1.0, 1.0))[:, :12]
    embedding -= embedding.mean(axis=0)
    rng = np.random.default_rng(NULL_SEED)
    rounds, ginis = [], []
    for _ in range(N_SHUFFLES):
        shuffled = np.empty_like(embedding)
        shuffled[rng.permutation(n)] = embedding
        energy = naive_energy(shuffled)
        k = int(np.argmax(energy[: (n - 1) // 2])) + 1
        rounds.append(naive_circularity(naive_coordinates(shuffled, k)))
        ginis.append(double_sum(np.sqrt(energy)))
    nulls = embedding_nulls(embedding)
    assert nulls.circularity == pytest.approx(np.quantile(rounds, 0.95), rel=1e-4)
    assert nulls.gini == pytest.approx(np.quantile(ginis, 0.95), rel=1e-4)


def test_nulls_repeat_and_need_two_hundred_shuffles_at_least() -> None:
    embedding = noise(13, 8)
    assert embedding_nulls(embedding) == embedding_nulls(embedding)
    assert N_SHUFFLES >= 200
    assert embedding_nulls(embedding) != embedding_nulls(embedding, 100)


def test_circles_stand_above_their_null() -> None:
    """Eight circles at once: shuffled, a plane through them holds no circle any more."""
    embedding = waves(113, *((k, 1.0 + (k == 5), 1.0 + (k == 5)) for k in (2, 5, 11, 17, 23, 31, 40, 52)))
    nulls = embedding_nulls(embedding)
    assert embedding_circularity(embedding) == pytest.approx(1)
    assert nulls.circularity is not None
    assert nulls.circularity < 0.9
    assert gini(embedding) > 0.8 > 2 * nulls.gini


def test_two_dimensions_are_round_however_shuffled() -> None:
    """Why the null goes beside the value: in the plane of a circle every view of it is nearly round."""
    null = embedding_nulls(waves(59, (5, 1.0, 1.0))).circularity
    assert null is not None
    assert null > 0.95


# What is handed over


@pytest.mark.parametrize("task, members", [("add", range(7)), ("mul", [1, 3, 2, 6, 4, 5])])
def test_an_observations_embedding_is_in_group_order_and_centred(task: str, members: list[int]) -> None:
    config = RunConfig(p=7, task=f"x2+y2,{task}", d_model=4, n_heads=1, d_mlp=4)
    weights = initial_weights(config)
    acts = ActivationCache(weights, shape_of(config), make_task(7, config.task))
    rows = weights["W_E"].double().numpy()[list(members)]
    np.testing.assert_allclose(acts.embedding(task), rows - rows.mean(axis=0), rtol=1e-12)
    assert acts.embedding(task).dtype == np.float64
    with pytest.raises(ValueError, match="has no group"):
        acts.embedding("x2+y2")
