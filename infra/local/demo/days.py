"""What comes once a day in a demo, by the visitors' clock. Knows schedules; must not know how to invoke a function."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from infra.local.emulation.schedules import next_time
from infra.service import SCHEDULES, Schedule

DAILY: Final = tuple(schedule for schedule in SCHEDULES if schedule.in_time_zone)
REPORT: Final = "monitor"
"""A day has one report. A demo's last day is reported at its end, when everything has happened."""


@dataclass(slots=True)
class Calendar:
    """The daily schedules from a demo's `begin` on; `ends`: its last visit, None for an endless demo."""

    zone: ZoneInfo
    begin: datetime
    ends: datetime | None
    _due: dict[str, datetime] = field(init=False)

    def __post_init__(self) -> None:
        self._due = {one.name: next_time(one.expression, self.begin, self.zone) for one in DAILY}

    def next(self, now: datetime) -> tuple[Schedule, datetime] | None:
        """The schedule that was due first, up to `now`, and when; it stays due until it is `done`."""
        while waiting := [(self._due[one.name], at, one) for at, one in enumerate(DAILY) if self._due[one.name] <= now]:
            moment, _, schedule = min(waiting)
            if schedule.function != REPORT or not self._is_last_day(moment):
                return schedule, moment
            self.done(schedule)
        return None

    def done(self, schedule: Schedule) -> None:
        self._due[schedule.name] = next_time(schedule.expression, self._due[schedule.name], self.zone)

    def _is_last_day(self, moment: datetime) -> bool:
        return self.ends is not None and moment.astimezone(self.zone).date() >= self.ends.astimezone(self.zone).date()
