"""Confidence sequences against simulation: error rates and power are counted on fixed seeds."""

from math import inf, log

import numpy as np
import pytest
from bandit_selector.evidence.ratio import (
    Ratio,
    anytime_p,
    boundary,
    clustered,
    compare,
    fixed_horizon_users,
    mean_bounds,
    planned_error,
    rate_bounds,
    sample_ratio_p,
    users_for_width,
)
from hypothesis import given
from hypothesis import strategies as st

CLUSTERS = 128
LOOKS = 40
PLANNED_LIFT = 0.15


def looks(rng: np.random.Generator, rate: float, users: int) -> list[Ratio]:
    """One group's CTR at 40 looks: visitors with individual click rates, lists of ten, visitors in 128 clusters."""
    taste = rng.beta(rate * 20, (1 - rate) * 20, users)
    clicks = rng.binomial(10, taste)
    cluster = rng.integers(CLUSTERS, size=users)
    answers: list[Ratio] = []
    for seen in np.linspace(users / LOOKS, users, LOOKS).astype(int):
        x = np.bincount(cluster[:seen], clicks[:seen], CLUSTERS)
        n = np.bincount(cluster[:seen], minlength=CLUSTERS) * 10
        answers.append(clustered(zip(x.tolist(), n.tolist(), strict=True)))
    return answers


def ever_significant(rng: np.random.Generator, treatment: float, control: float, users: int) -> bool:
    pairs = zip(looks(rng, treatment, users), looks(rng, control, users), strict=True)
    lifts = [
        compare(ours, theirs, PLANNED_LIFT) for ours, theirs in pairs if min(ours.numerator, theirs.numerator) >= 100
    ]
    return any(lift is not None and lift.significant for lift in lifts)


def needed(rate: float) -> int:
    """The fixed-horizon sample for +15 % in the simulated world: its variance is binomial times the design effect."""
    design_effect = 1 + (10 - 1) / (20 + 1)  # beta-binomial with ten movies per visitor
    return round(fixed_horizon_users(rate, PLANNED_LIFT) / 10 * design_effect)


def test_five_hundred_a_a_tests_looked_at_forty_times_are_rarely_significant() -> None:
    rng = np.random.default_rng(20251011)
    called = sum(ever_significant(rng, 0.12, 0.12, 2 * needed(0.12)) for _ in range(500))
    assert called <= 25


def test_a_lift_of_fifteen_percent_is_found_at_twice_the_fixed_horizon() -> None:
    rng = np.random.default_rng(20251012)
    found = sum(ever_significant(rng, 0.138, 0.12, 2 * needed(0.12)) for _ in range(300))
    assert found >= 0.8 * 300


@pytest.mark.parametrize(("rate", "users"), [(0.10, 6_693), (0.15, 4_193), (0.23, 2_454)])
def test_the_fixed_horizon_is_the_textbooks(rate: float, users: int) -> None:
    assert fixed_horizon_users(rate, PLANNED_LIFT) == pytest.approx(users, rel=0.002)


def test_clusters_of_one_visitor_give_the_variance_of_a_proportion() -> None:
    ratio = clustered([(1, 1)] * 30 + [(0, 1)] * 70)
    assert ratio.value == 0.3
    assert ratio.variance == pytest.approx(0.3 * 0.7 / 99)


def test_random_groups_of_visitors_estimate_the_variance_of_visitors() -> None:
    rng = np.random.default_rng(7)
    shown = rng.integers(1, 40, 20_000)
    clicked = rng.binomial(shown, rng.beta(2, 15, 20_000))
    group = rng.integers(CLUSTERS, size=20_000)
    exact = clustered(zip(clicked.tolist(), shown.tolist(), strict=True))
    grouped = clustered(zip(np.bincount(group, clicked).tolist(), np.bincount(group, shown).tolist(), strict=True))
    assert grouped.value == exact.value
    assert grouped.variance == pytest.approx(exact.variance, rel=3 * (2 / (CLUSTERS - 1)) ** 0.5)


@given(st.floats(0.05, 50), st.floats(-6, 6))
def test_the_interval_excludes_zero_exactly_when_p_falls_below_the_level(information: float, z: float) -> None:
    assert (abs(z) > boundary(information)) == (anytime_p(z, information) < 0.05)


def test_the_sequence_is_wider_than_one_look_and_narrowest_as_planned() -> None:
    widths = {share: boundary(share) / share**0.5 for share in (0.25, 1.0, 4.0)}
    assert widths[0.25] > widths[1.0] > widths[4.0]
    assert 1.96 < boundary(1.0) < 3.1


def test_relative_bounds_are_the_logarithms() -> None:
    lift = compare(Ratio(1200, 10_000, 1e-5), Ratio(1000, 10_000, 1e-5), PLANNED_LIFT)
    assert lift is not None
    assert lift.relative.estimate == pytest.approx(0.2)
    middle = (log(1 + lift.relative.low) + log(1 + lift.relative.high)) / 2
    assert middle == pytest.approx(log(1.2))
    assert lift.absolute.low < 0.02 < lift.absolute.high


@pytest.mark.parametrize("empty", [Ratio(0, 0, 0.0), Ratio(0, 50, 0.0), Ratio(5, 50, inf)])
def test_nothing_is_compared_with_nothing(empty: Ratio) -> None:
    assert compare(Ratio(10, 100, 1e-3), empty, PLANNED_LIFT) is None
    assert compare(empty, Ratio(10, 100, 1e-3), PLANNED_LIFT) is None


def test_more_visitors_are_asked_for_until_the_width_is_reached() -> None:
    lift = compare(Ratio(1200, 10_000, 1e-5), Ratio(1000, 10_000, 1e-5), PLANNED_LIFT)
    assert lift is not None
    users = users_for_width(lift, 1000, 0.02)
    growth = users / 1000
    grown = compare(Ratio(1200, 10_000, 1e-5 / growth), Ratio(1000, 10_000, 1e-5 / growth), PLANNED_LIFT)
    assert grown is not None
    assert (1 + grown.relative.high) / 1.2 - 1 == pytest.approx(0.02, rel=0.02)
    assert users_for_width(lift, 1000, 0.9) <= 1000


def test_a_fair_split_looked_at_after_every_visitor_rarely_looks_unfair() -> None:
    rng = np.random.default_rng(3)
    unfair = 0
    for _ in range(200):
        treated = np.cumsum(rng.random(4000) < 0.5)
        unfair += any(
            sample_ratio_p(int(treated[n - 1]), n - int(treated[n - 1]), 0.5) < 0.01 for n in range(100, 4001, 50)
        )
    assert unfair <= 4


def test_an_unfair_split_is_found() -> None:
    assert sample_ratio_p(10_600, 9_400, 0.5) < 0.001
    assert sample_ratio_p(1_000_000, 0, 0.5) == 0.0
    assert sample_ratio_p(100, 0, 1.0) == 1.0


def test_bounds_of_a_rate_allow_for_correlated_clicks() -> None:
    alone = rate_bounds(Ratio(100, 1000, 0.1 * 0.9 / 1000))
    correlated = rate_bounds(Ratio(100, 1000, 2.2 * 0.1 * 0.9 / 1000))
    assert alone is not None
    assert correlated is not None
    assert correlated.high - correlated.low > 1.4 * (alone.high - alone.low)
    nothing = rate_bounds(Ratio(0, 100, 0.0))
    assert nothing is not None
    assert 0 < nothing.high < 0.05
    assert rate_bounds(Ratio(0, 0, 0.0)) is None


def test_bounds_of_a_mean_need_two_visitors() -> None:
    assert mean_bounds(clustered([(4.0, 1)])) is None
    stars = mean_bounds(clustered([(4.0, 1), (5.0, 1), (4.5, 1)]))
    assert stars is not None
    assert stars.low < stars.estimate == 4.5 < stars.high


def test_the_planned_error_finds_the_planned_lift() -> None:
    assert log(1 + PLANNED_LIFT) / planned_error(PLANNED_LIFT) == pytest.approx(2.80 * 1.8**0.5, rel=0.001)


def test_a_single_visitor_bounds_no_rate() -> None:
    assert rate_bounds(Ratio(3, 10, inf)) is None
    assert mean_bounds(Ratio(3, 10, inf)) is None
