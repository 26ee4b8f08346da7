"""The sample ratio against simulation: each visitor once, whatever share was in force."""

import numpy as np
import pytest
from bandit_selector.evidence.split import MISMATCH_BELOW, Arrivals, log_evidence, sample_ratio_p
from hypothesis import given
from hypothesis import strategies as st

ALARM = -np.log(MISMATCH_BELOW)
DAYS = 60


def alarmed(rng: np.random.Generator, shares: list[float], real: list[float], a_day: int, runs: int) -> int:
    """How many runs alarm on some day, when `shares[d]` is planned for day d and `real[d]` happens."""
    kinds = np.unique(shares)
    which = np.searchsorted(kinds, shares)
    treated = rng.binomial(a_day, real, size=(runs, len(shares)))
    counts = np.zeros((runs, len(shares), len(kinds), 2))
    counts[:, np.arange(len(shares)), which, 0] = treated
    counts[:, np.arange(len(shares)), which, 1] = a_day - treated
    looks = counts.cumsum(axis=1)[:, ::3]
    return int((log_evidence(looks, kinds) > ALARM).any(axis=1).sum())


def test_a_fair_split_rarely_alarms_on_any_day() -> None:
    assert alarmed(np.random.default_rng(1), [0.5] * DAYS, [0.5] * DAYS, 200, 200) <= 2


def test_a_ramp_is_no_mismatch() -> None:
    shares = [0.1] * 30 + [0.5] * 30
    assert alarmed(np.random.default_rng(2), shares, shares, 200, 200) <= 2


def test_sessions_that_are_assigned_anew_count_once() -> None:
    """30 % of the visitors have more sessions, in either group; only the first decides, so the split is as planned."""
    rng = np.random.default_rng(3)
    first = rng.random((200, DAYS * 60)) < 0.8
    treated = first.reshape(200, DAYS, 60).sum(-1).cumsum(1)
    counts = np.stack([treated, np.arange(1, DAYS + 1) * 60 - treated], axis=-1)[:, :, None].astype(float)
    assert (log_evidence(counts, np.array([0.8])) > ALARM).any(axis=1).sum() <= 1


@pytest.mark.parametrize(("real", "day"), [(0.52, 40), (0.6, 5)])
def test_an_unfair_split_is_found(real: float, day: int) -> None:
    assert alarmed(np.random.default_rng(4), [0.5] * day, [real] * day, 500, 100) >= 50


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.floats(0.001, 0.999))
def test_every_count_has_a_p_value(treated: int, untreated: int, share: float) -> None:
    assert 0 <= sample_ratio_p([Arrivals(share, treated, untreated)]) <= 1


def test_without_a_planned_split_nothing_is_tested() -> None:
    assert sample_ratio_p([]) == sample_ratio_p([Arrivals(1.0, 100, 0), Arrivals(0.0, 0, 9)]) == 1.0
    assert sample_ratio_p([Arrivals(0.5, 1_000_000, 0)]) == 0.0
    assert sample_ratio_p([Arrivals(0.5, 10_600, 9_400)]) < 0.001
