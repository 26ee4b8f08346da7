"""Sums of movies shown and of the reactions to them. Knows no table and no threshold."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Final, Literal, TypeAlias

from bandit_selector.lists.names import CONTROL, FALLBACK, arm_of

Group: TypeAlias = Literal["treatment", "control", "other"]
Metric: TypeAlias = Literal["ctr", "rating_conversion", "avg_rating", "thumbs_up_rate", "thumbs_down_rate"]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time from the beginning of an hour up to a moment."""

    since: datetime
    until: datetime

    @classmethod
    def last(cls, days: int, now: datetime) -> "Window":
        """The last `days` days, extended back to the beginning of the hour."""
        return cls((now - timedelta(days=days)).replace(minute=0, second=0, microsecond=0), now)


@dataclass(frozen=True, slots=True)
class Tally:
    """Movies shown and the reactions to them; `rating_sum` is in stars."""

    shown: int = 0
    clicked: int = 0
    rated: int = 0
    rating_sum: float = 0.0
    thumbs_up: int = 0
    thumbs_down: int = 0
    favorites: int = 0
    watchlist: int = 0
    successes: int = 0
    failures: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.shown + other.shown,
            self.clicked + other.clicked,
            self.rated + other.rated,
            self.rating_sum + other.rating_sum,
            self.thumbs_up + other.thumbs_up,
            self.thumbs_down + other.thumbs_down,
            self.favorites + other.favorites,
            self.watchlist + other.watchlist,
            self.successes + other.successes,
            self.failures + other.failures,
        )

    @property
    def avg_rating(self) -> float | None:
        return self.rating_sum / self.rated if self.rated else None

    @property
    def success_rate(self) -> float | None:
        """S/(S + F); None before the first outcome."""
        judged = self.successes + self.failures
        return self.successes / judged if judged else None

    def per_shown(self, count: int) -> float:
        """A count per movie shown, in percent; 0 when nothing was shown."""
        return 100 * count / self.shown if self.shown else 0.0


RATIOS: Final[dict[Metric, Callable[[Tally], tuple[float, float]]]] = {
    "ctr": lambda tally: (tally.clicked, tally.shown),
    "rating_conversion": lambda tally: (tally.rated, tally.shown),
    "avg_rating": lambda tally: (tally.rating_sum, tally.rated),
    "thumbs_up_rate": lambda tally: (tally.thumbs_up, tally.shown),
    "thumbs_down_rate": lambda tally: (tally.thumbs_down, tally.shown),
}
"""Each metric of the test as numerator and denominator."""


def group_of(algorithm: str) -> Group:
    """The test's group of an algorithm's impressions; a fallback is shown to visitors assigned to treatment."""
    if arm_of(algorithm) is not None or algorithm == FALLBACK:
        return "treatment"
    return "control" if algorithm == CONTROL else "other"


def total(tallies: Iterable[Tally]) -> Tally:
    return reduce(Tally.__add__, tallies, Tally())
