"""How fast a demo's visits were made. Reads a clock that it is given, and knows nothing of what a visit is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

WARM_UP: Final = 0.5
"""This share of all visits, the first ones, start processes, fill caches and compile what is run often."""


@dataclass(slots=True)
class Pace:
    """How many visits had been made at which moments of `clock` (seconds, monotonic)."""

    clock: Callable[[], float]
    _marks: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])

    def mark(self, visits: int) -> None:
        """So many have been made by now."""
        self._marks.append((self.clock(), visits))

    @property
    def seconds(self) -> float:
        """From the first mark to the last."""
        return self._marks[-1][0] - self._marks[0][0] if self._marks else 0.0

    @property
    def whole(self) -> float:
        """Visits per second from the first mark to the last; 0 where no time passed."""
        return self._rate(0)

    @property
    def steady(self) -> float:
        """Visits per second from the first mark after the warm-up to the last; 0 where no time passed."""
        return self._rate(WARM_UP)

    def _rate(self, share: float) -> float:
        if not self._marks:
            return 0.0
        until, made = self._marks[-1]
        since, before = next(mark for mark in self._marks if mark[1] >= share * made)
        return (made - before) / (until - since) if until > since else 0.0
