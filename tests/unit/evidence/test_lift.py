"""The lift against simulation: error rates and power on fixed seeds; `./dev bench evidence` has more runs."""

from math import inf, log

import numpy as np
import pytest
from bandit_selector.evidence.lift import (
    Array,
    Contrast,
    anytime_p,
    boundary,
    contrast,
    lift_of,
    normal,
    planned_error,
    student,
    users_for_width,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

from benchmarks._evidence_read import ever, verdicts
from benchmarks._evidence_worlds import CLUSTERS, Population, fresh

LINEAR = np.linspace(1 / 20, 1, 20)
GEOMETRIC = np.geomspace(0.01, 1, 30)
SMALL_TREATMENT = Population(100, 1900, 1.8, 0.5, 0.4)
HEAVY = Population(600, 600, 1.8, 1.0)
EVEN = Population(1000, 1000, 0.0, 0.5, movies=20)


def called(population: Population, moments: Array, lift: float, runs: int, seed: int) -> int:
    rng = np.random.default_rng(seed)
    return sum(ever(population.run(rng, moments)[:, None], lift) for _ in range(runs))


def alike(clicked: float, shown: float) -> Array:
    """One phase of 128 clusters with equal sums in both groups but for a little noise."""
    noise = 1 + 0.05 * np.cos(np.arange(2 * CLUSTERS)).reshape(2, CLUSTERS)
    return np.stack([clicked * noise, np.full((2, CLUSTERS), shown)], axis=-1)[None]


@pytest.mark.parametrize(
    ("population", "moments", "lift", "limit"),
    [(SMALL_TREATMENT, LINEAR, 0.15, 5), (HEAVY, GEOMETRIC, 1.0, 5), (EVEN, LINEAR, 0.15, 5)],
    ids=["uneven visitors in a small group", "few heavy visitors and a large planned lift", "even visitors"],
)
def test_a_test_without_a_difference_is_rarely_called_at_any_look(
    population: Population, moments: Array, lift: float, limit: int
) -> None:
    assert called(population, moments, lift, runs=60, seed=20251011) <= limit


def test_a_small_group_without_its_heaviest_visitors_is_as_unsure_as_the_large_one() -> None:
    """A visitor in fifty makes half of the movies and clicks twice as often; none of them came to the small group."""
    rng = np.random.default_rng(13)
    sums = np.zeros((1, 2, CLUSTERS, 2))
    sums[0, 0, :, 1] = rng.poisson(100, CLUSTERS)
    sums[0, 1, :, 1] = rng.poisson(1_000, CLUSTERS) + 5_000 * rng.binomial(1, 0.2, CLUSTERS)
    heavy = np.maximum(sums[0, 1, :, 1] - 2_000, 0)
    sums[0, 0, :, 0] = rng.poisson(0.1 * sums[0, 0, :, 1])
    sums[0, 1, :, 0] = rng.poisson(0.1 * (sums[0, 1, :, 1] + heavy))
    effect = _effect(sums[0, 1])
    assert effect > 10 * _effect(sums[0, 0])
    assert float(contrast(sums).error) ** 2 >= effect / sums[0, 0, :, 1].sum()


def _effect(group: Array) -> float:
    """The variance of ln R by clusters, times the movies shown."""
    x, n = group[:, 0], group[:, 1]
    return float((((x - x.sum() / n.sum() * n) / x.sum()) ** 2).sum() * n.sum())


def test_one_percent_of_the_visitors_in_treatment_are_not_read_out() -> None:
    sums = Population(50, 1950, 1.8, 0.5, 0.4).run(np.random.default_rng(3), LINEAR)
    assert not contrast(sums[:, None]).readable().any()


def test_a_lift_of_fifteen_percent_is_found_at_twice_the_planned_information() -> None:
    rng = np.random.default_rng(20251012)
    found = 0
    for _ in range(40):
        days = fresh(rng, 30, 200, lift=0.15).cumsum(axis=0)[:, None]
        higher, _ = verdicts(days, 0.15)
        found += bool(higher.any())
    assert found >= 32


def test_a_change_of_share_while_everybody_clicks_less_moves_no_estimate() -> None:
    """10 % in treatment, then 50 % while the click rate falls by a fifth: pooled, treatment looks far lower."""
    sums = np.zeros((2, 2, CLUSTERS, 2))
    for phase, (treated, rate) in enumerate(((100, 0.12), (500, 0.096))):
        for group, movies in enumerate((treated, 1000 - treated)):
            noise = 1 + 0.02 * np.cos(np.arange(CLUSTERS) + group)
            sums[phase, group] = np.stack([movies * rate * noise, np.full(CLUSTERS, float(movies))], axis=-1)
    pooled, stratified = contrast(sums.sum(0, keepdims=True)), contrast(sums)
    assert float(pooled.log_lift) < -0.05
    assert abs(float(stratified.log_lift)) < 0.005


def test_visitors_in_both_groups_count_as_one_visitor() -> None:
    """The same visitors in both groups, whose own rates differ: their differences tell more than two groups do."""
    rng = np.random.default_rng(5)
    rate = rng.uniform(0.02, 0.4, CLUSTERS)
    sums = np.stack([np.stack([1000 * rate, np.full(CLUSTERS, 1000.0)], axis=-1)] * 2)[None]
    sums[0, 0, :, 0] *= 1.02 + 0.01 * rng.standard_normal(CLUSTERS)
    together = contrast(sums)
    apart = contrast(np.stack([sums[:, 0], np.roll(sums[:, 1], 1, axis=1)], axis=1))
    assert float(together.error) < 0.1 * float(apart.error)


@given(st.floats(0.05, 50), st.floats(-6, 6))
def test_the_interval_excludes_zero_exactly_when_p_falls_below_the_level(information: float, z: float) -> None:
    assert (abs(z) > float(boundary(information))) == (anytime_p(z, information) < 0.05)


def test_the_sequence_is_wider_than_one_look_and_narrowest_as_planned() -> None:
    widths = [float(boundary(share)) / share**0.5 for share in (0.25, 1.0, 4.0)]
    assert widths[0] > widths[1] > widths[2]
    assert 1.96 < float(boundary(1.0)) < 3.1


@pytest.mark.parametrize("freedom", [9.0, 19.0, 100.0])
def test_the_tail_of_student_is_scipys(freedom: float) -> None:
    z = np.array([1.96, 2.8, 3.5])
    exact = t.isf(norm.sf(z), freedom)
    assert student(z, np.array(freedom)) == pytest.approx(exact, rel=0.006)
    assert [normal(float(one), freedom) for one in student(z, np.array(freedom))] == pytest.approx(z.tolist())


def test_relative_bounds_are_the_logarithms() -> None:
    sums = alike(12.0, 100.0)
    sums[0, 0, :, 0] *= 1.2
    lift = lift_of(contrast(sums), 0.15)
    assert lift is not None
    middle = (log(1 + lift.relative.low) + log(1 + lift.relative.high)) / 2
    assert middle == pytest.approx(log(1 + lift.relative.estimate))
    assert lift.absolute.low < 0.024 < lift.absolute.high


@pytest.mark.parametrize("planned", [0.0001, 0.002, 0.5, 1.0])
@given(shown=st.floats(20, 1e6), clicked=st.floats(2, 20), factor=st.floats(0.5, 2))
def test_every_comparison_has_finite_bounds(planned: float, shown: float, clicked: float, factor: float) -> None:
    sums = alike(clicked, shown)
    sums[0, 0, :, 0] *= factor
    lift = lift_of(contrast(sums), planned)
    assert lift is not None
    assert -1 <= lift.relative.low <= lift.relative.estimate <= lift.relative.high < inf
    assert users_for_width(lift, 1000, 0.02) >= 1000 or lift.information > 0


@pytest.mark.parametrize("place", [(0, 0), (0, 1)])
def test_nothing_is_compared_with_nothing(place: tuple[int, int]) -> None:
    for part in (slice(0, 1), slice(0, 2)):
        sums = alike(12.0, 100.0)
        sums[(*place, slice(None), part)] = 0
        assert lift_of(contrast(sums), 0.15) is None


def test_many_runs_at_once_are_the_runs_one_by_one() -> None:
    rng = np.random.default_rng(11)
    runs = np.stack([HEAVY.run(rng, GEOMETRIC[-3:]) for _ in range(3)])[:, :, None]
    together = contrast(runs)
    for run in range(3):
        alone = contrast(runs[run])
        for name in Contrast.__slots__:
            assert getattr(together, name)[run] == pytest.approx(getattr(alone, name), nan_ok=True)


def test_more_visitors_are_asked_for_until_the_width_is_reached() -> None:
    sums = alike(12.0, 100.0)
    lift = lift_of(contrast(sums), 0.15)
    assert lift is not None
    assert users_for_width(lift, 1000, 0.0001) > users_for_width(lift, 1000, 0.001) >= 1000
    assert users_for_width(lift, 1000, 0.9) <= 1000


def test_the_planned_error_finds_the_planned_lift() -> None:
    assert log(1.15) / planned_error(0.15) == pytest.approx(2.80 * 1.8**0.5, rel=0.001)
