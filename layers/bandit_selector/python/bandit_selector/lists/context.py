"""When and for whom a list is asked for: the situations the bandit tells apart. Knows no I/O and reads no clock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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


OTHER: Final = "other"
"""The level of a factor whose value is missing or not among the configured ones."""
Factors = Mapping[str, Sequence[str]]
"""Further factors of the context: fields of the request, and the values of each that are told apart."""


@dataclass(frozen=True, slots=True)
class Context:
    """One situation; `key` names it in every table, for instance `evening|weekend|power_user`.

    `further` are the names and levels of the configured factors, in their order; their levels follow in the key:
    `evening|weekend|power_user|mobile|de`.
    """

    time_period: TimePeriod
    day_of_week: DayOfWeek
    user_type: UserType
    further: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        return "|".join((self.time_period, self.day_of_week, self.user_type, *(level for _, level in self.further)))

    @property
    def fallback(self) -> "Context":
        """The same with every further factor unknown: what it can be drawn from before anybody was there."""
        return replace(self, further=tuple((name, OTHER) for name, _ in self.further)) if self.further else self

    def with_factors(self, factors: Factors, values: Mapping[str, object]) -> "Context":
        """The same with the levels of further factors, from the fields of a request; letter case does not matter."""
        if not factors:
            return self
        said = {name: str(value).strip().lower() for name in factors if (value := values.get(name)) is not None}
        return replace(
            self,
            further=tuple(
                (name, level if (level := said.get(name)) in levels else OTHER) for name, levels in factors.items()
            ),
        )

    def as_record(self) -> dict[str, str]:
        """What `recommendation_events.context` stores."""
        return {
            "time_period": self.time_period,
            "day_of_week": self.day_of_week,
            "user_type": self.user_type,
            **dict(self.further),
            "context_key": self.key,
        }


CONTEXTS: Final = tuple(Context(*levels) for levels in product(TIME_PERIODS, DAYS_OF_WEEK, USER_TYPES))
CONTEXT_KEYS: Final = tuple(context.key for context in CONTEXTS)


def published_keys(factors: Factors, visited: Iterable[str]) -> tuple[str, ...]:
    """The keys of the contexts that are published: the 24 situations, with every further factor unknown, and all
    visited ones that begin with one of the 24. So a context that nobody has visited costs nothing, and what was learned
    before the factors were changed still tells something about the arms."""
    always = [key + f"|{OTHER}" * len(factors) for key in CONTEXT_KEYS]
    known = [key for key in visited if "|".join(key.split("|")[:3]) in CONTEXT_KEYS]
    return tuple(dict.fromkeys(always + known))


def moment_of(key: str) -> str:
    """The part of a key that the clock decides: contexts that share it are visited at the same times."""
    return "|".join(key.split("|")[:2])


def day_of(key: str) -> str:
    """The part of a key that says weekday or weekend; empty in a key of another form."""
    return "".join(key.split("|")[1:2])


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
