"""P(arm is best) against independent oracles: scipy on panels, Monte Carlo, a closed form."""

import numpy as np
import pytest
from bandit_selector.learning.best import probability_best
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special, stats

Reals = NDArray[np.float64]
LEVELS = np.concatenate([10.0 ** -np.arange(14, 1, -1.0), np.linspace(0.02, 0.98, 49)])

EXTREMES = [
    ([1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]),
    ([1, 100_000], [1, 900_000]),
    ([1, 1e6, 3], [9, 9e6, 29]),
    ([0.5, 0.5, 40], [0.5, 5.0, 160]),
    ([0.1, 0.05, 1], [0.1, 2.0, 1]),
    ([50_000, 50_100, 49_900], [450_000, 450_000, 450_000]),
    ([1e9, 1, 20], [9e9, 1, 180]),
    ([3, 3, 3, 3, 3, 3000], [300, 30, 3, 3000, 0.3, 3000]),
    ([2.0, 2.0], [18.0, 18.0]),
]


def by_quadrature(alpha: Reals, beta: Reals) -> Reals:
    """∫ f_a Π_{b≠a} F_b dt on the logit scale, Gauss–Legendre between the sorted quantiles of all arms."""
    below = [special.logit(stats.beta(a, b).ppf(LEVELS)) for a, b in zip(alpha, beta, strict=True)]
    above = [-special.logit(stats.beta(b, a).ppf(LEVELS)) for a, b in zip(alpha, beta, strict=True)]
    edges = np.unique(np.clip(np.concatenate(below + above), -700, 700))
    x, w = np.polynomial.legendre.leggauss(12)
    t = (edges[:-1, None] + edges[1:, None]) / 2 + np.diff(edges)[:, None] / 2 * x
    weight = np.diff(edges)[:, None] / 2 * w
    p = special.expit(t)
    cdf: Reals = np.array([special.betainc(a, b, p) for a, b in zip(alpha, beta, strict=True)])
    log_density: list[Reals] = [
        a * special.log_expit(t) + b * special.log_expit(-t) - special.betaln(a, b)
        for a, b in zip(alpha, beta, strict=True)
    ]
    others = [cdf[np.arange(len(alpha)) != i].prod(axis=0) for i in range(len(alpha))]
    return np.array([np.sum(weight * np.exp(d) * o) for d, o in zip(log_density, others, strict=True)])


def by_monte_carlo(alpha: Reals, beta: Reals, draws: int, rng: np.random.Generator) -> Reals:
    winners = rng.beta(alpha, beta, size=(draws, len(alpha))).argmax(axis=1)
    return np.bincount(winners, minlength=len(alpha)) / draws


def random_posteriors(seed: int, count: int) -> list[tuple[Reals, Reals]]:
    """Posteriors of two to eight arms, each after a log-uniform number of outcomes up to a million."""
    rng = np.random.default_rng(seed)
    cases: list[tuple[Reals, Reals]] = []
    for _ in range(count):
        arms = int(rng.integers(2, 9))
        outcomes: Reals = np.floor(10 ** rng.uniform(-1, 6, arms))
        successes = rng.binomial(outcomes.astype(int), rng.uniform(0.01, 0.5, arms))
        cases.append((1 + successes.astype(float), 1 + outcomes - successes))
    return cases


@pytest.mark.parametrize(("alpha", "beta"), EXTREMES)
def test_extreme_posteriors_agree_with_quadrature(alpha: list[float], beta: list[float]) -> None:
    a, b = np.array(alpha, dtype=float), np.array(beta, dtype=float)
    assert np.abs(probability_best(a, b) - by_quadrature(a, b)).max() < 2e-4


def test_random_posteriors_agree_with_quadrature() -> None:
    errors = [np.abs(probability_best(a, b) - by_quadrature(a, b)).max() for a, b in random_posteriors(1, 100)]
    assert max(errors) < 2e-4


def test_random_posteriors_agree_with_monte_carlo() -> None:
    rng = np.random.default_rng(2)
    for a, b in random_posteriors(3, 20):
        sampled = by_monte_carlo(a, b, 200_000, rng)
        assert np.abs(probability_best(a, b) - sampled).max() < 5 * 0.5 / np.sqrt(200_000)


def test_two_arms_agree_with_the_closed_form() -> None:
    # P(Beta(a, b) > Beta(c, d)) for integer a is a finite sum (Evan Miller 2014).
    a, b, c, d = 12, 80, 9, 70
    i = np.arange(a)
    exact = np.exp(special.betaln(c + i, b + d) - np.log(b + i) - special.betaln(1 + i, b) - special.betaln(c, d)).sum()
    assert probability_best(np.array([a, c], float), np.array([b, d], float))[0] == pytest.approx(exact, abs=1e-4)


positive = st.floats(0.05, 1e7)


@settings(max_examples=100)
@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=8), st.integers(0, 2**32))
def test_the_answer_is_a_distribution_that_follows_the_arms_around(arms: list[tuple[float, float]], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(arms))
    alpha, beta = np.array(arms).T
    best = probability_best(alpha, beta)
    assert np.all(best >= 0)
    assert best.sum() == pytest.approx(1)
    assert probability_best(alpha[order], beta[order]) == pytest.approx(best[order], abs=1e-9)


def test_a_batch_of_contexts_equals_its_rows() -> None:
    rng = np.random.default_rng(4)
    alpha, beta = rng.uniform(0.5, 500, (2, 24, 6))
    rows = [probability_best(a, b) for a, b in zip(alpha, beta, strict=True)]
    assert probability_best(alpha, beta) == pytest.approx(np.array(rows), abs=1e-12)


def test_a_single_arm_is_certainly_best() -> None:
    assert probability_best(np.array([3.0]), np.array([7.0])) == pytest.approx([1.0])


def test_a_parameter_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        probability_best(np.array([0.0, 1.0]), np.array([1.0, 1.0]))
