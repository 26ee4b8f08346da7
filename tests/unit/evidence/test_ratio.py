"""Ratios and their intervals at one look."""

from math import inf

import numpy as np
import pytest
from bandit_selector.evidence.ratio import Ratio, clustered, effective, mean_bounds, rate_bounds

CLUSTERS = 128


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


def test_a_single_visitor_bounds_no_rate() -> None:
    assert rate_bounds(Ratio(3, 10, inf)) is None
    assert mean_bounds(Ratio(3, 10, inf)) is None


def test_equal_clusters_count_in_full_and_a_heavy_one_hardly_more_than_alone() -> None:
    assert effective([5, 5, 5, 5]) == 4
    assert effective([1000, 1, 1, 1]) == pytest.approx(1, abs=0.01)
    assert effective([]) == 0


def test_two_raters_who_agree_are_not_known() -> None:
    two = clustered([(3.0, 1), (3.0, 1)])
    assert not two.known
    assert two.clusters == 2


def test_few_clusters_widen_a_mean_as_students_t_does() -> None:
    few, many = (mean_bounds(Ratio(35.0, 10.0, 0.01, clusters)) for clusters in (11.0, inf))
    assert few is not None
    assert many is not None
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(2.228 / 1.96, rel=0.005)
