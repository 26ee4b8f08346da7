"""The service's time: the real time, or that of simulated visitors. Must not know functions or routes."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(slots=True)
class Clock:
    """The real clock, or, when `simulated`, the newest moment that a visitor sent."""

    simulated: bool = False
    _newest: datetime | None = None
    _in_flight: list[datetime] = field(default_factory=list[datetime])

    @property
    def started(self) -> bool:
        """Whether it shows the time that people here mean: the real time, or the first visitor has come."""
        return not self.simulated or self._newest is not None

    def now(self) -> datetime:
        """The moment of a request that sends none (UTC)."""
        return (self._newest if self.simulated else None) or datetime.now(UTC)

    def settled(self) -> datetime:
        """The moment before which no request is in flight: the oldest in flight, else now."""
        return min(self._in_flight, default=self.now())

    def go_on(self, moment: datetime) -> None:
        """Moves a simulated clock on to `moment`, never back; the real clock stays."""
        if self.simulated:
            self._newest = max(self._newest or moment, moment)

    @contextmanager
    def request(self, claimed: str | None) -> Generator[datetime]:
        """One request's moment; `claimed` (ISO 8601 with zone) is used on a simulated clock only, and if it is one."""
        moment = (_moment(claimed) if claimed and self.simulated else None) or self.now()
        self.go_on(moment)
        self._in_flight.append(moment)
        try:
            yield moment
        finally:
            self._in_flight.remove(moment)


def _moment(text: str) -> datetime | None:
    """A moment with its zone; None for every other text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.utcoffset() is not None else None
