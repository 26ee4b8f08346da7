"""Contexts: the site's own borders of day, week and experience."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from bandit_selector.lists.context import CONTEXT_KEYS, Context, context_at, published_keys, time_period, user_type

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


FACTORS = {"device": ("mobile", "tv"), "country": ("de", "at")}
EVENING = Context("evening", "weekend", "regular")


def test_further_factors_follow_in_the_key_and_unknown_values_are_other() -> None:
    said = EVENING.with_factors(FACTORS, {"country": " DE", "device": "fridge", "color": "red"})
    assert said.key == "evening|weekend|regular|other|de"
    assert said.as_record() == {
        "time_period": "evening", "day_of_week": "weekend", "user_type": "regular",
        "device": "other", "country": "de", "context_key": said.key,
    }  # fmt: skip
    assert EVENING.with_factors(FACTORS, {}).key == said.fallback.key == "evening|weekend|regular|other|other"
    assert EVENING.with_factors({}, {"device": "tv"}) == EVENING


@pytest.mark.parametrize("value", [None, "", "tv|de", "tv,tv", ["tv"], {"tv": 1}, 1.0])
def test_a_value_that_is_missing_or_none_of_the_configured_is_other(value: object) -> None:
    assert EVENING.with_factors({"device": ("none", "tv", "1")}, {"device": value}).key == EVENING.key + "|other"


def test_only_visited_contexts_of_further_factors_are_published_beside_the_24() -> None:
    visited = ["evening|weekend|regular|tv|de", "evening|weekend|regular", "a" * 40]
    keys = published_keys(FACTORS, visited)
    assert keys == (*(f"{key}|other|other" for key in CONTEXT_KEYS), *visited[:2])
    assert published_keys({}, visited) == (*CONTEXT_KEYS, visited[0])
