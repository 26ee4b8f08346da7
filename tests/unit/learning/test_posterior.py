"""Counts → posterior: against a slow, obvious oracle, and at the edges."""

import itertools

import numpy as np
import pytest
from bandit_selector.learning.counts import Counts
from bandit_selector.learning.hierarchy import Prior, effects, laplace
from bandit_selector.learning.posterior import Policy, Posterior, interval, posterior
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, special

Reals = NDArray[np.float64]
ARMS = ("svd", "embeddings", "graph", "item_cf", "long_tail", "serendipity")
CONTEXTS = tuple(
    "|".join(levels)
    for levels in itertools.product(
        ("morning", "afternoon", "evening", "night"),
        ("weekday", "weekend"),
        ("cold_start", "regular", "power_user"),
    )
)


def counted(outcomes: Reals, rates: Reals | float, contexts: tuple[str, ...] = CONTEXTS, seed: int = 0) -> Counts:
    successes = np.random.default_rng(seed).binomial(outcomes.astype(int), rates).astype(float)
    return Counts(contexts, ARMS[: outcomes.shape[1]], successes, outcomes - successes)


def believe(counts: Counts, policy: Policy = "shared", prior_alpha: float = 1.0, prior_beta: float = 1.0) -> Posterior:
    return posterior(counts, policy, prior_alpha, prior_beta)


def mode_by_descent(successes: Reals, outcomes: Reals, covariance: Reals, mean: float) -> tuple[Reals, Reals]:
    """The oracle: a general minimiser of the negative log posterior, and the inverse of its Hessian."""
    precision = np.linalg.inv(covariance)

    def loss(logit: Reals) -> float:
        likelihood = successes @ special.log_expit(logit) + (outcomes - successes) @ special.log_expit(-logit)
        return float((logit - mean) @ precision @ (logit - mean) / 2 - likelihood)

    def slope(logit: Reals) -> Reals:
        return precision @ (logit - mean) - successes + outcomes * special.expit(logit)

    start = np.full(len(successes), mean)
    logit = np.array(optimize.minimize(loss, start, jac=slope, method="BFGS", options={"gtol": 1e-7})["x"], float)
    p = special.expit(logit)
    return logit, np.linalg.inv(precision + np.diag(outcomes * p * (1 - p)))


def kernel(contexts: tuple[str, ...], arms: int, prior: Prior) -> Reals:
    """The oracle: the prior covariance of all cells, context by context, from what each two have in common."""
    cells = [(context, context.split("|"), arm) for context in contexts for arm in range(arms)]
    factors = max(len(context.split("|")) for context in contexts)

    def covariance(one: tuple[str, list[str], int], other: tuple[str, list[str], int]) -> float:
        together, arm = one[0] == other[0], one[2] == other[2]
        levels = sum(a == b for a, b in zip(one[1], other[1], strict=False)) if not together else factors
        by_arm = prior.arm**2 + prior.arm_factor**2 * levels + prior.cell**2 * together
        return by_arm * arm + prior.context**2 * together

    return np.array([[covariance(one, other) for other in cells] for one in cells])


def dense_laplace(successes: Reals, outcomes: Reals, covariance: Reals, mean: float) -> tuple[Reals, Reals]:
    """The oracle: Rasmussen & Williams (2006), algorithm 3.1, with matrices of all cells, and sixty steps."""
    logit = np.full(len(successes), mean)
    for step in range(60):
        p: Reals = np.asarray(special.expit(logit), float)
        root = np.sqrt(outcomes * p * (1 - p))
        inner = np.eye(len(root)) + root[:, None] * covariance * root
        target: Reals = root**2 * (logit - mean) + successes - outcomes * p
        moved = mean + covariance @ (target - root * np.linalg.solve(inner, root * (covariance @ target)))
        logit = moved if step > 10 else (logit + moved) / 2
    p = np.asarray(special.expit(logit), float)
    root = np.sqrt(outcomes * p * (1 - p))
    scaled = root[:, None] * covariance
    return logit, covariance - scaled.T @ np.linalg.solve(np.eye(len(root)) + scaled * root, scaled)


ODD = ("evening|weekend|regular", "0123456789abcdef", "evening|weekday", "night|weekday|regular|mobile")


@pytest.mark.parametrize("contexts", [CONTEXTS, CONTEXTS[:1], CONTEXTS[:2], ODD])
@pytest.mark.parametrize("scale", [0, 3, 300, 30_000])
def test_the_solution_by_effects_is_the_dense_one(contexts: tuple[str, ...], scale: int) -> None:
    rng = np.random.default_rng(scale)
    shape = len(contexts), 6
    outcomes = np.floor(scale * rng.random(shape) ** 3)
    successes = rng.binomial(outcomes.astype(int), rng.uniform(0.02, 0.4, shape)).astype(float)
    covariance = kernel(contexts, 6, Prior())
    logit, blocks = laplace(successes, outcomes, effects(contexts, Prior()), -2.0)
    expected, spread = dense_laplace(successes.ravel(), outcomes.ravel(), covariance, -2.0)
    within = spread.reshape(*shape, *shape)[np.arange(len(contexts)), :, np.arange(len(contexts)), :]
    assert np.abs(logit.ravel() - expected).max() < 1e-8
    assert np.abs(blocks - within).max() < 1e-8
    assert effects(contexts, Prior()).variance.repeat(6) == pytest.approx(np.diag(covariance))


def test_the_product_with_the_prior_covariance_is_the_dense_one() -> None:
    vector = np.random.default_rng(1).normal(size=(24, 6))
    product = effects(CONTEXTS, Prior()).times(vector)
    assert product.ravel() == pytest.approx(kernel(CONTEXTS, 6, Prior()) @ vector.ravel())


@pytest.mark.parametrize("scale", [0, 3, 30, 3000])
def test_laplace_agrees_with_a_general_minimiser(scale: int) -> None:
    rng = np.random.default_rng(scale)
    outcomes = np.floor(scale * rng.random((6, 3)) ** 3)
    counts = counted(outcomes, rng.uniform(0.02, 0.4, (6, 3)), CONTEXTS[:6])
    logit, blocks = laplace(counts.successes, outcomes, effects(CONTEXTS[:6], Prior()), -2.0)
    covariance = kernel(CONTEXTS[:6], 3, Prior())
    expected_logit, expected_spread = mode_by_descent(counts.successes.ravel(), outcomes.ravel(), covariance, -2.0)
    assert logit.ravel() == pytest.approx(expected_logit, abs=1e-4)
    variance = np.diagonal(blocks, axis1=1, axis2=2)
    assert variance.ravel() == pytest.approx(np.diag(expected_spread), abs=1e-5)


def test_independent_cells_add_the_prior_and_the_counts() -> None:
    counts = Counts(("a", "b"), ("x",), np.array([[8.0], [0.0]]), np.array([[3.0], [0.0]]))
    believed = believe(counts, "independent", prior_alpha=1, prior_beta=2)
    assert believed.alpha.tolist() == [[9.0], [1.0]]
    assert believed.beta.tolist() == [[5.0], [2.0]]
    assert believed.own.tolist() == [[11 / 14], [0.0]]


def test_without_data_every_arm_is_believed_alike() -> None:
    believed = believe(counted(np.zeros((24, 6)), 0.1))
    assert believed.alpha == pytest.approx(believed.alpha[0, 0])
    assert believed.beta == pytest.approx(believed.beta[0, 0])
    assert believed.prior == pytest.approx(1)


def test_an_unseen_context_borrows_from_those_like_it() -> None:
    outcomes = np.full((24, 6), 500.0)
    outcomes[5] = 0
    rates = np.tile([0.05, 0.10, 0.10, 0.10, 0.10, 0.25], (24, 1))
    believed = believe(counted(outcomes, rates))
    assert believed.mean[5].argmax() == 5
    assert believed.mean[5].argmin() == 0
    assert believed.own[5] == pytest.approx(0)
    assert np.all(believed.borrowed[5] > 0.25)


def test_a_context_with_its_own_evidence_follows_it() -> None:
    outcomes, rates = np.full((24, 6), 500.0), np.full((24, 6), 0.05)
    outcomes[5, 3], rates[5, 3] = 100_000, 0.30
    believed = believe(counted(outcomes, rates))
    assert believed.mean[5, 3] == pytest.approx(0.30, abs=0.01)
    assert believed.own[5, 3] > 0.99


def test_a_million_outcomes_beside_none_are_safe() -> None:
    outcomes = np.zeros((24, 6))
    outcomes[0, 0] = 1e6
    believed = believe(counted(outcomes, 0.2))
    assert np.all(np.isfinite(believed.alpha))
    assert believed.mean[0, 0] == pytest.approx(0.2, abs=0.002)
    assert believed.alpha[0, 0] > 1000 * believed.alpha[7, 3]


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_an_arm_that_always_or_never_succeeds_is_safe(rate: float) -> None:
    outcomes = np.full((24, 6), 10.0)
    outcomes[3, 2] = 1e6
    rates = np.full((24, 6), 0.5)
    rates[3, 2] = rate
    believed = believe(counted(outcomes, rates))
    assert np.all(np.isfinite(believed.alpha) & np.isfinite(believed.beta) & (believed.alpha > 0) & (believed.beta > 0))
    assert believed.mean[3, 2] == pytest.approx(rate, abs=0.01)


def test_a_new_arm_starts_uncertain_and_a_removed_arm_leaves_no_trace() -> None:
    outcomes = np.full((24, 6), 400.0)
    outcomes[:, 5] = 0
    counts = counted(outcomes, 0.1)
    believed = believe(counts)
    assert np.all(believed.alpha[:, 5] < believed.alpha[:, :5].min())
    without = Counts(CONTEXTS, ARMS[:5], counts.successes[:, :5], counts.failures[:, :5])
    assert believe(without).mean == pytest.approx(believed.mean[:, :5], abs=1e-6)


def test_an_old_hashed_key_is_a_context_of_its_own() -> None:
    contexts = (
        *CONTEXTS[:3],
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "356a192b7913b04c54574d18c28d46e6395428ab",
    )
    believed = believe(counted(np.full((5, 6), 50.0), 0.1, contexts))
    assert np.all(np.isfinite(believed.alpha))
    assert kernel(contexts, 1, Prior())[3, 4] == pytest.approx(0.25)


@pytest.mark.parametrize("shape", [(0, 6), (24, 0), (0, 0), (1, 1), (1, 6), (24, 1)])
def test_every_shape_has_a_posterior(shape: tuple[int, int]) -> None:
    believed = believe(counted(np.full(shape, 5.0), 0.2, CONTEXTS[: shape[0]]))
    assert believed.alpha.shape == shape
    assert np.all(believed.alpha > 0)


cells = st.tuples(st.integers(0, 2000), st.floats(0, 1))


@given(st.lists(cells, min_size=6, max_size=6), st.sampled_from(["shared", "independent"]))
def test_the_shares_of_the_precision_sum_to_one(cells: list[tuple[int, float]], policy: Policy) -> None:
    outcomes = np.array([n for n, _ in cells], dtype=float).reshape(3, 2)
    rates = np.array([rate for _, rate in cells]).reshape(3, 2)
    believed = believe(counted(outcomes, rates, CONTEXTS[:3]), policy)
    assert believed.own + believed.borrowed + believed.prior == pytest.approx(1)
    assert np.all((believed.own >= 0) & (believed.borrowed >= 0) & (believed.prior >= 0))
    assert np.all((believed.alpha > 0) & (believed.beta > 0))


def test_more_outcomes_narrow_the_posterior() -> None:
    few, many = (believe(Counts(("a",), ("x", "y"), np.full((1, 2), n), np.full((1, 2), 9 * n))) for n in (2.0, 20.0))
    assert np.all(many.alpha + many.beta > few.alpha + few.beta)


def test_counts_refuse_a_wrong_shape_negative_numbers_and_repeated_names() -> None:
    zeros = np.zeros((1, 2))
    with pytest.raises(ValueError, match="failures must have shape"):
        Counts(("a",), ("x", "y"), zeros, np.zeros((2, 1)))
    with pytest.raises(ValueError, match="successes must be finite and not negative; got -1"):
        Counts(("a",), ("x", "y"), zeros - 1, zeros)
    with pytest.raises(ValueError, match="arms must differ"):
        Counts(("a",), ("x", "x"), zeros, zeros)


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'greedy'"):
        believe(counted(np.zeros((1, 2)), 0.1, CONTEXTS[:1]), "greedy")  # pyright: ignore[reportArgumentType]


def kept_width(contexts: tuple[str, ...]) -> Reals:
    """For two arms with 20 and 20,000 outcomes: the share of each variance used for drawing, first context."""
    successes = np.tile([[2.0, 2000.0]], (len(contexts), 1))
    outcomes = 10 * successes
    believed = believe(Counts(contexts, ARMS[:2], successes, outcomes - successes))
    drawn = 1 / believed.alpha + 1 / believed.beta  # variance on the logit scale, to first order
    return (drawn / believed.variance)[0]


def test_an_arm_with_little_evidence_keeps_its_width_and_the_leader_is_narrowed() -> None:
    unsure, leader = kept_width(CONTEXTS[:2])
    assert unsure > 0.5
    assert leader < 0.1


def test_a_context_that_is_alone_believes_its_own_outcomes_and_keeps_its_width() -> None:
    assert kept_width(CONTEXTS[:1]) == pytest.approx(1)


def test_the_interval_is_the_beta_s_own() -> None:
    counts = counted(np.array([[0.0, 3, 40], [700, 90_000, 12]]), 0.1, CONTEXTS[:2])
    believed = believe(counts, "independent")
    low, high = interval(believed, 0.9)
    assert low == pytest.approx(special.betaincinv(believed.alpha, believed.beta, 0.05), rel=2e-3)
    assert high == pytest.approx(special.betaincinv(believed.alpha, believed.beta, 0.95), rel=2e-3)


def test_the_shared_interval_is_wider_than_the_draw() -> None:
    believed = believe(counted(np.full((24, 6), 300.0), 0.1))
    low, high = interval(believed)
    drawn = special.betaincinv(believed.alpha, believed.beta, 0.975)
    assert np.all((low < believed.mean) & (believed.mean < high))
    assert np.all(drawn < high)
