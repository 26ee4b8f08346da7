"""Contexts: the site's own borders of day, week and experience."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from bandit_selector.lists.context import CONTEXT_KEYS, context_at, time_period, user_type

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "period"),
    [(4, "night"), (5, "morning"), (11, "morning"), (12, "afternoon"), (16, "afternoon"), (17, "evening"),
     (21, "evening"), (22, "night"), (0, "night")],
)  # fmt: skip
def test_the_day_has_four_periods(hour: int, period: str) -> None:
    assert time_period(hour) == period


@pytest.mark.parametrize(
    ("ratings", "kind"), [(0, "cold_start"), (2, "cold_start"), (3, "regular"), (20, "power_user")]
)
def test_experience_is_the_number_of_ratings(ratings: int, kind: str) -> None:
    assert user_type(ratings) == kind


def test_the_visitors_clock_decides_and_leaves_no_gap_on_the_days_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert context_at(MONDAY - timedelta(hours=1), berlin, "regular").key == "night|weekday|regular"
    assert context_at(MONDAY - timedelta(hours=3), berlin, "regular").key == "night|weekend|regular"
    spring = datetime(2026, 3, 29, tzinfo=UTC)
    seen = {context_at(spring + timedelta(minutes=minute), berlin, "regular").key for minute in range(0, 1440, 7)}
    assert seen <= set(CONTEXT_KEYS)


def test_there_are_24_contexts() -> None:
    assert len(set(CONTEXT_KEYS)) == 24
