"""EventBridge Scheduler's expressions and their next time. Must not know functions by name.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from infra.local.emulation.runtime import InvocationFailed, Throttled
from infra.service import Schedule

DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
FIVE_YEARS: Final = 366 * 5


Invoke = Callable[[str, Mapping[str, object]], Awaitable[bytes]]


class UnknownExpression(ValueError):
    """An unsupported expression."""


async def keep(schedule: Schedule, invoke: Invoke, zone: ZoneInfo, now: Callable[[], datetime]) -> None:
    """Invokes the schedule's function at each of its times, without end; failures are in the function's log."""
    while True:
        due = next_time(schedule.expression, now(), zone if schedule.in_time_zone else ZoneInfo("UTC"))
        await asyncio.sleep((due - now()).total_seconds())
        with suppress(InvocationFailed, Throttled):
            await invoke(schedule.function, {"time": due.isoformat()})


def next_time(expression: str, after: datetime, zone: ZoneInfo) -> datetime:
    """The first moment (UTC) after `after` that `rate(…)` or `cron(minutes hours days months weekdays years)` names."""
    found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if found:
        return after + timedelta(**{f"{found[2]}s": int(found[1])})
    found = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) \*\)", expression)
    if not found:
        raise UnknownExpression(f"{expression!r} is neither rate(n minutes) nor cron(m h dom mon dow *).")
    minutes, hours = _values(found[1], 0, 59), _values(found[2], 0, 23)
    days, months = _values(found[3], 1, 31), _values(found[4], 1, 12, MONTHS)
    weekdays = _values(found[5], 1, 7, DAYS)
    start = after.astimezone(zone)
    for ahead in range(FIVE_YEARS):
        day = start.date() + timedelta(days=ahead)
        if day.month not in months or day.day not in days or day.isoweekday() % 7 + 1 not in weekdays:
            continue
        for hour in hours:
            for minute in minutes:
                moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
                if moment > after:
                    return moment
    raise UnknownExpression(f"{expression!r} never comes.")


def _values(field: str, first: int, last: int, names: tuple[str, ...] = ()) -> list[int]:
    """The values of `*`, `?`, `5`, `1-5`, `0/15`, `MON-FRI` and comma lists, sorted."""
    if "," in field:
        return sorted({value for part in field.split(",") for value in _values(part, first, last, names)})
    span, _, step = field.partition("/")
    low, _, high = span.partition("-")
    if low in {"*", "?"}:
        return list(range(first, last + 1, int(step or 1)))
    begin = _number(low, names)
    end = _number(high, names) if high else last if step else begin
    return list(range(begin, end + 1, int(step or 1)))


def _number(text: str, names: tuple[str, ...]) -> int:
    return names.index(text.upper()) + 1 if text.upper() in names else int(text)
