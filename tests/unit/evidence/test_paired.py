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


def learned(run: int) -> list[tuple[NDArray[np.int64], Clicks, float]]:
    """(who came, their visits, the lift that the visits had on average for all visitors), at each of LOOKS.

    Thompson sampling over six arms, taught by half of the visitors. Visitors like arms of their own; others like them
    like all arms equally.
    """
    rng = np.random.default_rng([run, 23])
    rates = np.clip(rng.beta(0.6, 4.5, (VISITORS, 1)) * 0.8 * (1 + 0.7 * rng.standard_normal((VISITORS, 6))), 0, 1)
    teaches, who = rng.random(VISITORS) < 0.5, rng.integers(0, VISITORS, LOOKS[-1])
    hybrid, learnt, visits = np.array([0.6, 0.25, 0.15, 0, 0, 0]), np.ones((2, 6)), list[Clicks]()
    expected, found = np.zeros(2), list[tuple[NDArray[np.int64], Clicks, float]]()
    for begin in range(0, LOOKS[-1], 50):
        users = who[begin : begin + 50]
        best = rng.beta(learnt[0], learnt[1], (500, 6)).argmax(axis=1)
        chances = 0.994 * np.bincount(best, minlength=6) / 500 + 0.001
        arms, theirs = (rng.choice(6, (50, 10), p=p) for p in (chances, hybrid))
        clicked, shadow = (rng.random((50, 10)) < rates[users[:, None], drawn] for drawn in (arms, theirs))
        told = teaches[users]
        learnt += [np.bincount(arms[told].ravel(), hit[told].ravel(), 6) for hit in (clicked, ~clicked)]
        listed = np.full(50, 10)
        visits.append(np.column_stack([clicked.sum(axis=1), listed, shadow.sum(axis=1), listed]).astype(np.float64))
        expected += [p @ rates.mean(axis=0) for p in (chances, hybrid)]
        if begin + 50 in LOOKS:
            found.append((who[: begin + 50], np.concatenate(visits), expected[0] / expected[1] - 1))
    return found


def test_while_the_bandit_learns_the_intervals_hold_for_what_was_served() -> None:
    here, elsewhere = 0, 0
    for run in range(RUNS):
        looks = learned(run)
        seen = [(paired_lift(visits, PLANNED), lift) for _, visits, lift in looks]
        here += any(interval is not None and not interval.low <= lift <= interval.high for interval, lift in seen)
        others = [_interval(who, visits[:, 0], visits[:, 2]) for who, visits, _ in looks]
        elsewhere += any(interval is not None and not interval.low <= 0 <= interval.high for interval in others)
    assert here <= 0.05 * RUNS
    assert elsewhere <= 0.05 * RUNS


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
