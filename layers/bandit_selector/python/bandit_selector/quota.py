"""How much one token may ask for in a UTC day before it is refused. Counts in this process only; reads no clock.

Each process counts for itself. A service of n processes refuses a token between one and n times the bound, where n is
at most the function's concurrency in infra/service.py. What counts for learning and in the test is bounded exactly, in
the database (bandit_lists.counted_places); this bound only saves work.
"""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Final

from bandit_selector.errors import TooManyRequests

FAR_BEYOND: Final = 50
"""Times MAX_PLACES_PER_VISITOR: with 100, 100 lists of 50 places in a day, or 5,000 reactions."""
REMEMBERED: Final = 100_000
"""Tokens that a process remembers; with more, it begins to count again."""


class Quota:
    """What each subject has used today; `bound` is MAX_PLACES_PER_VISITOR, and None is without end."""

    def __init__(self, bound: int | None) -> None:
        self._most = None if bound is None else bound * FAR_BEYOND
        self._day = date.min
        self._used: Counter[str] = Counter()

    def take(self, subject: str, amount: int, now: datetime) -> None:
        """Counts `amount` places or reactions; raises TooManyRequests once the day's bound is used up."""
        if self._most is None:
            return
        today = now.astimezone(UTC).date()
        if today > self._day or len(self._used) > REMEMBERED:
            self._day, self._used = today, Counter()
        if self._used[subject] >= self._most:
            raise TooManyRequests(self._most, _seconds_left(now))
        self._used[subject] += amount


NO_QUOTA: Final = Quota(None)


def _seconds_left(now: datetime) -> int:
    midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)
    return int((midnight - now).total_seconds()) + 1
