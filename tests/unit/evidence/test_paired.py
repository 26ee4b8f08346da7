"""Both lists at the same visit: false alarms, power, and what the interval is of."""

import numpy as np
import pytest
from bandit_selector.evidence.paired import paired_lift
from bandit_selector.evidence.ratio import Interval
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Clicks = NDArray[np.float64]

RUNS = 200
LOOKS = range(200, 3001, 100)  # visits
VISITORS = 600
PLANNED = 0.15


def alarms(lift: float, runs: int = RUNS) -> tuple[int, float]:
    """(runs with 0 outside the interval at any look, the mean of the last estimates).

    Visitors differ much, return, and like the same movies of both lists, as in MovieLens.
    """
    found, last = 0, 0.0
    for run in range(runs):
        rng = np.random.default_rng([run, 21])
        taste = rng.beta(0.6, 4.5, VISITORS)
        who = rng.integers(0, VISITORS, LOOKS[-1])
        shared = rng.binomial(6, taste[who])
        ours = shared + rng.binomial(4, np.minimum(1, taste[who] * (1 + 2.5 * lift)))
        theirs = shared + rng.binomial(4, taste[who])
        seen = [interval for look in LOOKS if (interval := _interval(who[:look], ours[:look], theirs[:look]))]
        found += any(not interval.low <= 0 <= interval.high for interval in seen)
        last += seen[-1].estimate / runs
    return found, last


def _interval(who: Numbers, ours: Numbers | Clicks, theirs: Numbers | Clicks) -> Interval | None:
    visits, x, y = (np.bincount(who, weights, VISITORS) for weights in (None, ours, theirs))
    return paired_lift(np.column_stack([x, 10 * visits, y, 10 * visits]).astype(np.float64), PLANNED)


def test_without_a_difference_at_most_one_run_in_twenty_raises_an_alarm() -> None:
    assert alarms(0)[0] <= 0.05 * RUNS


def test_for_the_same_visitors_the_interval_is_narrower_and_raises_no_more_alarms() -> None:
    found, narrower = 0, list[float]()
    for run in range(RUNS):
        rng = np.random.default_rng([run, 22])
        ours, theirs = (10 * rng.beta(0.6, 4.5, VISITORS) for _ in range(2))  # some prefer the one, some the other list
        theirs *= ours.sum() / theirs.sum()  # and of all these visitors, as many
        who = rng.integers(0, VISITORS, LOOKS[-1])
        x, y = (rng.poisson(mean[who]).astype(np.float64) for mean in (ours, theirs))
        visits = np.column_stack([x, np.full(len(who), 10.0), y, np.full(len(who), 10.0)])
        seen = [interval for look in LOOKS if (interval := paired_lift(visits[:look], PLANNED))]
        found += any(not interval.low <= 0 <= interval.high for interval in seen)
        if interval := _interval(who, x, y):
            narrower.append((seen[-1].high - seen[-1].low) / (interval.high - interval.low))
    assert found <= 0.05 * RUNS
    assert np.median(narrower) < 0.7


def test_a_tenth_more_clicks_is_shown_within_three_thousand_visits() -> None:
    found, estimate = alarms(0.10, 20)
    assert found >= 19
    assert estimate == pytest.approx(0.10, abs=0.015)


def test_too_few_visitors_are_not_read_out() -> None:
    assert paired_lift(np.tile([1.0, 10, 1, 10], (49, 1)), PLANNED) is None
    assert paired_lift(np.tile([1.0, 10, 0, 10], (80, 1)), PLANNED) is None
    assert paired_lift(np.zeros((0, 4)), PLANNED) is None


def test_visitors_of_whom_a_few_make_most_visits_are_not_read_out() -> None:
    visitors = np.tile([1.0, 10, 1, 10], (200, 1))
    visitors[::2, 0] = 2
    assert paired_lift(visitors, PLANNED) is not None
    visitors[:2] *= 50
    assert paired_lift(visitors, PLANNED) is None


def test_a_visitor_counts_as_one_unit_however_often_it_comes() -> None:
    clicks = np.random.default_rng(3).integers(0, 5, (200, 2)).astype(np.float64)
    visits = np.column_stack([clicks[:, 0], np.full(200, 10.0), clicks[:, 1], np.full(200, 10.0)])
    once, ten_times = paired_lift(visits, PLANNED), paired_lift(10 * visits, PLANNED)
    assert once is not None
    assert ten_times is not None
    assert ten_times.low == pytest.approx(once.low)
