"""When and for whom a list is asked for: the 24 situations the bandit tells apart. Knows no I/O and reads no clock."""

from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Final, Literal
from zoneinfo import ZoneInfo

TimePeriod = Literal["morning", "afternoon", "evening", "night"]
DayOfWeek = Literal["weekday", "weekend"]
UserType = Literal["cold_start", "regular", "power_user"]

TIME_PERIODS: Final[tuple[TimePeriod, ...]] = ("morning", "afternoon", "evening", "night")
DAYS_OF_WEEK: Final[tuple[DayOfWeek, ...]] = ("weekday", "weekend")
USER_TYPES: Final[tuple[UserType, ...]] = ("cold_start", "regular", "power_user")

REGULAR_FROM: Final = 3
POWER_USER_FROM: Final = 20


@dataclass(frozen=True, slots=True)
class Context:
    """One situation; `key` names it in every table, for instance `evening|weekend|power_user`."""

    time_period: TimePeriod
    day_of_week: DayOfWeek
    user_type: UserType

    @property
    def key(self) -> str:
        return f"{self.time_period}|{self.day_of_week}|{self.user_type}"

    def as_record(self) -> dict[str, str]:
        """What `recommendation_events.context` stores."""
        return {
            "time_period": self.time_period,
            "day_of_week": self.day_of_week,
            "user_type": self.user_type,
            "context_key": self.key,
        }


CONTEXTS: Final = tuple(Context(*levels) for levels in product(TIME_PERIODS, DAYS_OF_WEEK, USER_TYPES))
CONTEXT_KEYS: Final = tuple(context.key for context in CONTEXTS)


def time_period(hour: int) -> TimePeriod:
    """Hour of the day, 0–23 → morning 05–11, afternoon 12–16, evening 17–21, night 22–04."""
    if 5 <= hour < 12:
        return "morning"
    if 12 <= hour < 17:
        return "afternoon"
    return "evening" if 17 <= hour < 22 else "night"


def user_type(ratings: int) -> UserType:
    """Number of ratings a user has given → cold_start < 3, regular < 20, power_user."""
    if ratings < REGULAR_FROM:
        return "cold_start"
    return "regular" if ratings < POWER_USER_FROM else "power_user"


def context_at(moment: datetime, zone: ZoneInfo, kind: UserType) -> Context:
    """The context of an aware `moment`, as the clocks of `zone` show it, for a kind of user."""
    local = moment.astimezone(zone)
    return Context(time_period(local.hour), "weekend" if local.weekday() >= 5 else "weekday", kind)
