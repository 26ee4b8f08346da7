"""Counts a process's requests by group, failed and slow ones among them, until a list carries the counts to the
database. Knows no storage and no route."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from time import monotonic
from typing import Final

from bandit_selector.evidence.requests import NONE, PARTS, Requests

SECONDS: Final = 10.0
"""Counts wait so long in a process; what one has counted since then is lost when it ends."""


@dataclass(slots=True)
class Request:
    """A request that is being answered: the counts that its list takes along, and its visitor's group once known."""

    carries: dict[str, Requests]
    group: str | None = None


class Meter:
    """What a process has answered and not written yet, by group. A request longer than `slow_after` is slow."""

    def __init__(self, slow_after: timedelta, seconds: float = SECONDS, clock: Callable[[], float] = monotonic) -> None:
        self._slow_after, self._seconds, self._clock = slow_after.total_seconds(), seconds, clock
        self._counts: dict[str, Requests] = {}
        self._written_at = -inf

    @contextmanager
    def request(self, user_id: int) -> Generator[Request]:
        """Counts one request, which fails with any error; without a group it is nobody's.

        Its `carries` are forgotten if it does not fail, because its list has taken them along.
        """
        began = self._clock()
        one = Request(dict(self._counts) if began - self._written_at >= self._seconds else {})
        try:
            yield one
        except Exception:
            self._add(one.group, user_id, began, failed=True)
            raise
        if one.carries:
            self._counts, self._written_at = {}, began
        self._add(one.group, user_id, began, failed=False)

    def _add(self, group: str | None, user_id: int, began: float, *, failed: bool) -> None:
        if group is None:
            return
        part, slow = 1 << user_id % PARTS, self._clock() - began > self._slow_after
        new = Requests(1, int(failed), int(slow), part * failed, part * slow)
        self._counts[group] = self._counts.get(group, NONE) + new
