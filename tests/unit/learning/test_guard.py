"""Floors, caps and draws."""

from itertools import pairwise

import numpy as np
import pytest
from bandit_selector.learning.guard import draw, guard
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

weights = st.lists(st.floats(0, 1e6), min_size=1, max_size=12)
FLOOR, CAP = 0.01, 0.70

bounds = st.tuples(st.floats(0, 0.3), st.floats(0.3, 1))


@given(weights, bounds)
def test_every_bound_that_can_be_met_is_met(weights: list[float], bounds: tuple[float, float]) -> None:
    floor, cap = bounds
    guarded = guard(weights, floor, cap)
    even = 1 / len(weights)
    assert sum(guarded) == pytest.approx(1, abs=1e-12)
    assert min(guarded) >= min(floor, even) - 1e-12
    assert max(guarded) <= max(cap, even) + 1e-12


@given(weights, bounds)
def test_guarding_twice_changes_nothing(weights: list[float], bounds: tuple[float, float]) -> None:
    once = guard(weights, *bounds)
    assert guard(once, *bounds) == pytest.approx(once, abs=1e-9)


@given(weights, bounds)
def test_a_likelier_arm_never_falls_behind(weights: list[float], bounds: tuple[float, float]) -> None:
    guarded = guard(weights, *bounds)
    pairs = sorted(zip(weights, guarded, strict=True))
    assert all(a[1] <= b[1] + 1e-12 for a, b in pairwise(pairs))


@given(st.lists(st.floats(1e-3, 1), min_size=2, max_size=8), bounds)
def test_arms_between_the_bounds_keep_their_ratios(weights: list[float], bounds: tuple[float, float]) -> None:
    floor, cap = min(bounds[0], 1 / len(weights)), max(bounds[1], 1 / len(weights))
    guarded = guard(weights, *bounds)
    free = [g / w for g, w in zip(guarded, weights, strict=True) if floor + 1e-9 < g < cap - 1e-9]
    assert free == pytest.approx(free[:1] * len(free))


@pytest.mark.parametrize(
    ("raw", "guarded"),
    [
        ([1.0], [1.0]),
        ([1.0, 0.0], [0.7, 0.3]),
        ([0.5, 0.5], [0.5, 0.5]),
        ([1.0, 0.0, 0.0, 0.0], [0.7, 0.1, 0.1, 0.1]),
        ([0.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]),
        ([0.9, 0.06, 0.04, 0.0], [0.7, 0.174, 0.116, 0.01]),
        ([0.4, 0.4, 0.2, 0.0], [0.396, 0.396, 0.198, 0.01]),
    ],
)
def test_worked_examples(raw: list[float], guarded: list[float]) -> None:
    assert guard(raw, FLOOR, CAP) == pytest.approx(guarded, abs=1e-9)


def test_bounds_that_the_arms_cannot_meet_give_way() -> None:
    assert guard([0.9, 0.1], floor=0.0, cap=0.4) == pytest.approx([0.5, 0.5])
    assert guard([0.9, 0.1], floor=0.8, cap=1.0) == pytest.approx([0.5, 0.5])


def test_arms_that_dropped_out_are_left_out_and_the_cap_binds_again() -> None:
    published = guard([0.6, 0.25, 0.1, 0.05], FLOOR, CAP)
    assert guard([published[0], published[2], published[3]], FLOOR, CAP) == pytest.approx([0.7, 0.2, 0.1])


@pytest.mark.parametrize("raw", [[], [-0.1, 1.1], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_probabilities_that_are_none_are_refused(raw: list[float]) -> None:
    with pytest.raises(ValueError, match=r"got"):
        guard(raw, FLOOR, CAP)


def test_a_floor_above_the_cap_is_refused() -> None:
    with pytest.raises(ValueError, match=r"floor=0\.8"):
        guard([0.5, 0.5], floor=0.8, cap=0.7)


def test_drawn_shares_match_the_probabilities() -> None:
    probabilities = guard([0.5, 0.3, 0.1, 0.1, 0.0, 0.0], FLOOR, CAP)
    rng = np.random.default_rng(5)
    drawn = np.bincount([draw(probabilities, u) for u in rng.random(50_000).tolist()], minlength=6)
    assert stats.chisquare(drawn, 50_000 * np.array(probabilities)).pvalue > 0.001


@given(weights, st.floats(0, 1, exclude_max=True))
def test_a_draw_is_always_an_arm(weights: list[float], uniform: float) -> None:
    probabilities = guard(weights, 0.0, 1.0)
    assert probabilities[draw(probabilities, uniform)] > 0


def test_a_uniform_beyond_the_rounded_sum_takes_the_likeliest_arm() -> None:
    assert draw([0.1, 0.7, 0.2 - 1e-12], 1 - 1e-16) == 1
