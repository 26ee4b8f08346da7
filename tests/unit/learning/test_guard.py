"""Floors, the cap over all traffic, and draws."""

import numpy as np
import pytest
from bandit_selector.learning.counts import Reals
from bandit_selector.learning.guard import Guards, draw, guard, guard_groups, remaining
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

DEFAULT = Guards(floor=0.001, cap=0.70)
weights = st.lists(st.floats(0, 1e6), min_size=1, max_size=12)


@st.composite
def beliefs(draw: st.DrawFn) -> tuple[Reals, Reals, Reals]:
    """P(best), believed rates and traffic, of one to nine contexts and two to seven arms; some arms are certain."""
    contexts, arms, seed = draw(st.integers(1, 9)), draw(st.integers(2, 7)), draw(st.integers(0, 2**32))
    rng = np.random.default_rng(seed)
    best = rng.dirichlet(np.full(arms, draw(st.sampled_from((0.01, 0.1, 1.0)))), contexts)
    traffic = rng.dirichlet(np.ones(contexts))
    mean = rng.uniform(0.02, draw(st.sampled_from((0.02, 0.3))), best.shape)  # all gaps may be equal
    return best, mean, traffic


bounds = st.builds(Guards, st.floats(0, 0.05), st.floats(0.3, 1)) | st.tuples(st.floats(0, 1), st.floats(0, 1)).map(
    lambda pair: Guards(min(pair), max(pair))
)


@given(beliefs(), bounds)
def test_every_bound_that_can_be_met_is_met(believed: tuple[Reals, Reals, Reals], bounds: Guards) -> None:
    best, mean, traffic = believed
    guarded = guard(best, mean, traffic, bounds)
    even = 1 / best.shape[1]
    assert guarded.sum(axis=1) == pytest.approx(1, abs=1e-9)
    assert guarded.min() >= min(bounds.floor, even) - 1e-9
    assert (traffic @ guarded).max() <= max(bounds.cap, even) + 1e-6


@given(beliefs(), st.floats(0, 0.05))
def test_while_no_arm_exceeds_the_cap_only_the_floor_is_mixed_in(
    believed: tuple[Reals, Reals, Reals], floor: float
) -> None:
    best, mean, traffic = believed
    floor = min(floor, 1 / best.shape[1])
    expected = floor + (1 - best.shape[1] * floor) * best
    assert guard(best, mean, traffic, Guards(floor, 1.0)) == pytest.approx(expected)


@given(beliefs(), bounds, st.integers(1, 3))
def test_a_cap_on_groups_is_kept_in_each_of_them(
    believed: tuple[Reals, Reals, Reals], bounds: Guards, names: int
) -> None:
    best, mean, traffic = believed
    groups = [str(row % names) for row in range(len(best))]
    guarded = guard_groups(best, mean, traffic, bounds, groups)
    for group in set(groups):
        rows = [row for row, name in enumerate(groups) if name == group]
        alone = guard(best[rows], mean[rows], traffic[rows] / traffic[rows].sum(), bounds)
        assert guarded[rows] == pytest.approx(alone)


def test_what_the_cap_takes_is_taken_where_it_costs_fewest_clicks() -> None:
    best = np.array([[1.0, 0.0, 0.0]] * 4)
    mean = np.array([[0.30, 0.10, 0.05], [0.30, 0.28, 0.01], [0.30, 0.10, 0.02], [0.30, 0.20, 0.02]])
    guarded = guard(best, mean, np.full(4, 0.25), Guards(0.0, 0.75))
    assert guarded[[0, 2, 3], 0] == pytest.approx(1)
    assert guarded[1, 0] == pytest.approx(0, abs=1e-6)
    assert guarded[1, 1] > 0.99  # the runner-up gets it


def clicks_by_linear_programming(best: Reals, mean: Reals, traffic: Reals, cap: float) -> float:
    """The oracle: the most clicks a place can bring with Σ_c traffic_c q_ca ≤ cap, where the best arm is certain."""
    contexts, arms = best.shape
    rows = np.kron(np.eye(contexts), np.ones(arms))
    capped = np.kron(traffic, np.eye(arms)).astype(float)
    found = optimize.linprog(
        -(traffic[:, None] * mean).ravel(), A_ub=capped, b_ub=np.full(arms, cap), A_eq=rows, b_eq=np.ones(contexts)
    )
    return -float(found["fun"])


@pytest.mark.parametrize("seed", range(20))
def test_the_cap_costs_hardly_more_than_the_best_plan_there_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mean = rng.uniform(0.03, 0.2, (24, 6)) + np.array([0.08, 0, 0, 0, 0, 0])
    best = (mean == mean.max(axis=1, keepdims=True)).astype(float)
    traffic = rng.dirichlet(np.ones(24))
    got = float(traffic @ (guard(best, mean, traffic, Guards(0.0, 0.6)) * mean).sum(axis=1))
    ideal = clicks_by_linear_programming(best, mean, traffic, 0.6)
    assert ideal - 0.002 <= got <= ideal + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_a_small_cap_gives_the_nearest_in_relative_entropy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    best, traffic = rng.dirichlet([8.0, 6.0, 1.0], 3), rng.dirichlet(np.ones(3))
    got = guard(best, best, traffic, Guards(0.0, 0.4))

    def distance(q: Reals) -> float:
        return float(traffic @ (q.reshape(3, 3) * np.log(q.reshape(3, 3) / best)).sum(axis=1))

    def whole(q: Reals) -> Reals:
        return q.reshape(3, 3).sum(axis=1) - 1

    def room(q: Reals) -> Reals:
        return 0.4 - traffic @ q.reshape(3, 3)

    limits = [{"type": "eq", "fun": whole}, {"type": "ineq", "fun": room}]
    start = np.full(9, 1 / 3)
    found = optimize.minimize(distance, start, bounds=[(1e-6, 1)] * 9, constraints=limits, options={"ftol": 1e-12})
    assert distance(got.ravel()) == pytest.approx(float(found["fun"]), abs=1e-5)


def test_one_arm_alone_gets_everything_and_bounds_that_cannot_be_met_give_way() -> None:
    one = np.ones((2, 1))
    assert guard(one, one, np.full(2, 0.5), DEFAULT) == pytest.approx(1)
    two = guard(np.array([[0.9, 0.1]]), np.array([[0.2, 0.1]]), np.ones(1), Guards(0.0, 0.4))
    assert two == pytest.approx(np.array([[0.5, 0.5]]), abs=1e-6)


def test_a_floor_above_the_cap_is_refused() -> None:
    with pytest.raises(ValueError, match=r"floor=0\.8"):
        Guards(floor=0.8, cap=0.7)


@given(st.lists(st.floats(1e-3, 1), min_size=1, max_size=8))
def test_when_arms_drop_out_the_others_keep_their_ratios_and_fall_below_no_floor(published: list[float]) -> None:
    published = [p / sum(published) for p in published]
    left = remaining(published[: max(1, len(published) // 2)])
    assert sum(left) == pytest.approx(1)
    assert all(now >= before - 1e-12 for now, before in zip(left, published, strict=False))


def test_arms_that_were_never_drawn_share_a_place_that_only_they_can_fill() -> None:
    assert remaining([0.0, 0.0]) == [0.5, 0.5]


@pytest.mark.parametrize("raw", [[], [-0.1, 1.1], [float("nan"), 1.0]])
def test_chances_that_are_none_are_refused(raw: list[float]) -> None:
    with pytest.raises(ValueError, match=r"got"):
        remaining(raw)


def test_drawn_shares_match_the_probabilities() -> None:
    probabilities = remaining([0.5, 0.3, 0.1, 0.098, 0.001, 0.001])
    rng = np.random.default_rng(5)
    drawn = np.bincount([draw(probabilities, u) for u in rng.random(50_000).tolist()], minlength=6)
    assert stats.chisquare(drawn, 50_000 * np.array(probabilities)).pvalue > 0.001


@given(weights.filter(lambda given: sum(given) > 0), st.floats(0, 1, exclude_max=True))
def test_a_draw_is_always_an_arm(weights: list[float], uniform: float) -> None:
    probabilities = remaining(weights)
    assert probabilities[draw(probabilities, uniform)] > 0


def test_a_uniform_beyond_the_rounded_sum_takes_the_likeliest_arm() -> None:
    assert draw([0.1, 0.7, 0.2 - 1e-12], 1 - 1e-16) == 1
