"""The days of a demo: every night's build, every morning's report, and the last day's report at the end."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from infra.local.demo.days import Calendar

BEGIN = datetime(2026, 3, 1, 11, tzinfo=UTC)


def lived(calendar: Calendar, moments: list[datetime]) -> list[tuple[str, datetime]]:
    """What was done while the clock showed these moments."""
    told: list[tuple[str, datetime]] = []
    for now in sorted(moments):
        while found := calendar.next(now):
            told.append((found[0].function, found[1]))
            calendar.done(found[0])
    return told


def test_the_last_nights_build_is_not_skipped_and_the_last_days_report_waits_for_the_end() -> None:
    last = BEGIN + timedelta(days=2)
    told = lived(Calendar(ZoneInfo("UTC"), BEGIN, last), [last])
    assert [(function, f"{at:%d %H:%M}") for function, at in told] == [
        ("archive", "02 01:30"),
        ("candidates", "02 03:00"),
        ("monitor", "02 09:00"),
        ("archive", "03 01:30"),
        ("candidates", "03 03:00"),
    ]


def test_an_endless_demo_reports_every_morning() -> None:
    told = lived(Calendar(ZoneInfo("UTC"), BEGIN, None), [BEGIN + timedelta(days=3)])
    assert [at.day for function, at in told if function == "monitor"] == [2, 3, 4]


@given(st.lists(st.integers(0, 6 * 24 * 60), min_size=1, max_size=12), st.sampled_from(["UTC", "Asia/Tokyo"]))
def test_however_the_clock_jumps_each_thing_is_done_once_and_in_order(minutes: list[int], zone: str) -> None:
    moments = [BEGIN + timedelta(minutes=each) for each in minutes]
    told = lived(Calendar(ZoneInfo(zone), BEGIN, max(moments)), moments)
    assert told == lived(Calendar(ZoneInfo(zone), BEGIN, max(moments)), [max(moments)])
    assert len(set(told)) == len(told)
    assert [at for _, at in told] == sorted(at for _, at in told)
