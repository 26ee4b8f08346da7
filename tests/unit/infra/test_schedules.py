"""EventBridge Scheduler's expressions."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.emulation.schedules import UnknownExpression, next_time
from infra.service import SCHEDULES

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("cron(0 9 * * ? *)", "2026-11-23T08:00+01:00", "2026-11-23T09:00+01:00"),
        ("cron(0 9 * * ? *)", "2026-11-23T09:00+01:00", "2026-11-24T09:00+01:00"),
        ("cron(0/15 8-9 ? * MON-FRI *)", "2026-11-20T09:50+01:00", "2026-11-23T08:00+01:00"),
        ("cron(30 3 1,15 FEB ? *)", "2026-11-23T00:00+01:00", "2027-02-01T03:30+01:00"),
        ("cron(0 9 * * ? *)", "2026-03-28T12:00+01:00", "2026-03-29T09:00+02:00"),
        ("rate(1 minute)", "2026-11-23T08:00+01:00", "2026-11-23T08:01+01:00"),
        ("rate(2 days)", "2026-11-23T08:00+01:00", "2026-11-25T08:00+01:00"),
    ],
)
def test_the_next_time(expression: str, after: str, due: str) -> None:
    assert next_time(expression, datetime.fromisoformat(after), BERLIN) == datetime.fromisoformat(due)


@pytest.mark.parametrize("expression", ["every day", "cron(0 9 * * ?)", "cron(0 9 30 FEB ? *)"])
def test_an_expression_that_never_comes_is_refused(expression: str) -> None:
    with pytest.raises(UnknownExpression, match=r"rate|never"):
        next_time(expression, datetime(2026, 1, 1, tzinfo=UTC), BERLIN)


@given(st.integers(0, 366 * 24 * 60))
def test_every_schedule_of_the_service_comes_within_a_day(minutes: int) -> None:
    after = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    for schedule in SCHEDULES:
        assert after < next_time(schedule.expression, after, BERLIN) <= after + timedelta(hours=25)
