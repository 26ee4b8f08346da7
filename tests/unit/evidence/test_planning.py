"""A plan's days: what a test on such traffic really needs, and refused traffic."""

from math import inf, log, sqrt

import numpy as np
import pytest
from bandit_selector.evidence.lift import contrast, lift_of
from bandit_selector.evidence.planning import Traffic, Weeks, days_until_shown, users_at_full
from hypothesis import given
from hypothesis import strategies as st

KEYS = ("morning|weekday|regular", "evening|weekend|regular")


def traffic(places: float = 20_000, visitors: float = 500, ctr: float = 0.1, effect: float = 2.0) -> Traffic:
    return Traffic(places, visitors, ctr, effect, KEYS, (0.5, 0.5))


def test_a_test_of_the_planned_length_finds_the_lift() -> None:
    """300 made-up tests of the planned length, each looked at once at its end: about 80 % and more find the lift."""
    known, lift, rng = traffic(effect=1.0), 0.10, np.random.default_rng(4)
    shown = round(days_until_shown(known, lift, 0.5) * known.places_per_day / 2)
    found = 0
    for _ in range(300):
        clicks = rng.binomial(shown // 200, [[known.ctr * (1 + lift)], [known.ctr]], (2, 200))
        sums = np.stack([clicks, np.full(clicks.shape, shown // 200)], axis=-1).astype(np.float64)
        result = lift_of(contrast(sums[None]), lift)
        found += result is not None and result.significant
    assert 0.75 < found / 300 < 0.97


@given(st.floats(0.01, 0.49), st.floats(0.02, 0.5))
def test_less_share_and_less_lift_take_longer(share: float, lift: float) -> None:
    known = traffic()
    assert days_until_shown(known, lift, share) > days_until_shown(known, lift, 0.5)
    assert days_until_shown(known, lift / 2, share) > days_until_shown(known, lift, share)


@given(st.floats(0.05, 0.49), st.floats(1.0, 8.0), st.integers(100, 10_000))
def test_visitors_who_never_return_are_planned_by_their_information(informed: float, effect: float, week: int) -> None:
    weeks = Weeks((week, week), (10 * week, 10 * week))
    needed = users_at_full(informed, effect, (2 * week, 20 * week), weeks)
    assert needed == pytest.approx(1 / informed, abs=0.5)  # whole weeks


@given(st.floats(0.05, 0.49), st.floats(1.0, 1.5))
def test_a_panel_that_is_known_needs_nobody_else_unless_it_can_never_suffice(informed: float, effect: float) -> None:
    needed = users_at_full(informed, effect, (500, 20_000), Weeks((0, 0), (10_000, 10_000)))
    at_best = informed / (1 - 1 / effect) if effect > 1 else inf
    assert needed == pytest.approx(max(1.0, 1 / at_best), rel=0.05)


def test_a_panel_of_whom_each_week_finds_half_of_the_rest_is_planned_as_large_as_it_is() -> None:
    seen = [1 - 0.5**week for week in (1, 2)]
    weeks = Weeks((500, 250), (10_000, 10_000))
    needed = users_at_full(0.2, 1.0, (1_000 * seen[1], 20_000), weeks)
    assert needed * 1_000 * seen[1] == pytest.approx(1_000, rel=0.01)


def test_harm_is_found_as_soon_as_its_mirror_image() -> None:
    known = traffic()
    assert days_until_shown(known, -0.2, 0.5) == pytest.approx(days_until_shown(known, 0.25, 0.5))
    ratio = sqrt(days_until_shown(known, 0.1, 0.5) / days_until_shown(known, 0.25, 0.5))
    assert ratio == pytest.approx(log(1.25) / log(1.1))


def test_without_two_groups_nothing_is_shown() -> None:
    assert days_until_shown(traffic(), 0.1, 1.0) == inf


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"places": 0}, "places_per_day"),
        ({"visitors": 30_000}, "visitors_per_day"),
        ({"ctr": 0}, "ctr"),
        ({"effect": 0.5}, "design_effect"),
    ],
)
def test_impossible_traffic_is_refused_by_name(changed: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        traffic(**changed)
