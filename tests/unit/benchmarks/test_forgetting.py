"""The simulation of false alarms: clumped clicks have the variance they should, and a quiet day forgets nothing."""

import numpy as np
import pytest

from benchmarks.forgetting import SITES, clumped, simulate


def test_clicks_come_in_clumps_with_the_right_mean_and_variance() -> None:
    rng = np.random.default_rng(1)
    drawn = clumped(np.full(50_000, 1000.0), np.full(50_000, 0.1), rng)
    assert drawn.mean() == pytest.approx(100, rel=0.01)
    assert drawn.var() == pytest.approx(2.2 * 1000 * 0.1, rel=0.05)


def test_a_day_without_change_forgets_nothing() -> None:
    told, own, apart = simulate(SITES[0], 1, np.random.default_rng(2))
    assert told == []
    assert 0 < own < 5
    assert 0 < apart < 5
