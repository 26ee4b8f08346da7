"""How fast a demo's visits were made. The clock is an argument; must not know what a visit is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

WARM_UP: Final = 0.5
"""The first visits, by share: they start processes, fill caches and compile frequent code."""


@dataclass(slots=True)
class Pace:
    """How many visits had been made at which moments of `clock` (seconds, monotonic)."""

    clock: Callable[[], float]
    _marks: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])

    def mark(self, visits: int) -> None:
        """Records that `visits` visits have been made by now."""
        self._marks.append((self.clock(), visits))

    @property
    def seconds(self) -> float:
        """From the first mark to the last."""
        return self._marks[-1][0] - self._marks[0][0] if self._marks else 0.0

    @property
    def whole(self) -> float:
        """Visits per second from the first mark to the last; 0 where no time passed."""
        return self._rate(self._marks[0], self._marks[-1]) if self._marks else 0.0

    @property
    def steady(self) -> float:
        """Visits per second from the first mark after the warm-up to the last visit; 0 where no time passed."""
        made = self._marks[-1][1] if self._marks else 0
        return self._rate(self._reached(WARM_UP * made), self._reached(made)) if self._marks else 0.0

    @property
    def emptying(self) -> float:
        """Seconds from the last visit to the last mark: the time to empty the queue."""
        return self._marks[-1][0] - self._reached(self._marks[-1][1])[0] if self._marks else 0.0

    def _reached(self, visits: float) -> tuple[float, int]:
        return next(mark for mark in self._marks if mark[1] >= visits)

    @staticmethod
    def _rate(since: tuple[float, int], until: tuple[float, int]) -> float:
        return (until[1] - since[1]) / (until[0] - since[0]) if until[0] > since[0] else 0.0
