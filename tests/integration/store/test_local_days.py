"""Days of every time zone from the sums: each list is on the day that a clock there shows."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from bandit_selector.evidence.tally import Window
from bandit_selector.store.activity import over_time
from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import settle
from bandit_selector.store.verification import first_difference

from tests.builders import RULE, Impression, show

YEARS = (2025, 2026, 2027)
ZONES = {
    "Asia/Kolkata": date(2026, 6, 10),
    "Asia/Kathmandu": date(2026, 6, 10),
    "Australia/Adelaide": date(2026, 10, 4),  # clocks go forward
    "Australia/Lord_Howe": date(2026, 4, 5),  # clocks go back by half an hour
    "Pacific/Chatham": date(2026, 9, 27),
    "America/St_Johns": date(2026, 11, 1),
    "Africa/Cairo": date(2026, 4, 24),  # this day begins at one
    "Europe/Berlin": date(2026, 3, 29),
    "America/New_York": date(2026, 3, 8),
    "UTC": date(2026, 6, 10),
}


def test_every_local_day_of_every_zone_begins_with_a_row(connection: Connection) -> None:
    begins = {
        datetime(year, 1, 1, tzinfo=ZoneInfo(name)).replace(month=month, day=day).astimezone(UTC)
        for name in available_timezones()
        for year in YEARS
        for month in range(1, 13)
        for day in (1, 9, 16, 24, 28)
    }
    rows = connection.execute(
        "SELECT at FROM unnest(%s::timestamptz[]) AS at WHERE bandit_hour(at) <> at", [sorted(begins)]
    )
    assert rows.fetchall() == []


@pytest.mark.parametrize("name", ZONES)
def test_lists_are_on_the_day_of_the_clock_there(connection: Connection, name: str) -> None:
    zone = ZoneInfo(name)
    noon = datetime.combine(ZONES[name], datetime.min.time(), UTC) + timedelta(hours=12)
    moments = [noon + timedelta(minutes=7 * step) for step in range(-360, 360)]
    show(
        connection,
        [
            Impression(number, user_id=1 + number % 7, movie_id=number, created_at=at)
            for number, at in enumerate(moments, start=1)
        ],
    )
    settle(connection, moments[-1] - timedelta(hours=20), RULE, moments[-1], limit=1_000)
    window = Window(moments[0].replace(minute=0), moments[-1] + timedelta(minutes=1))
    found = {one.at.astimezone(zone).date(): one.tally.shown for one in over_time(connection, window, "day", name)}
    assert found == Counter(at.astimezone(zone).date() for at in moments)
    assert all(one.at.astimezone(UTC).minute == 0 for one in over_time(connection, window, "hour", name))
    assert first_difference(connection) is None
