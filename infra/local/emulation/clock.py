"""What time it is for the service: the real time, or that of simulated visitors. Knows no function and no route."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(slots=True)
class Clock:
    """The real clock, or, when `simulated`, the newest moment that a visitor brought along."""

    simulated: bool = False
    _newest: datetime | None = None
    _in_flight: list[datetime] = field(default_factory=list[datetime])

    def now(self) -> datetime:
        """The moment of a request that brings none (UTC)."""
        return (self._newest if self.simulated else None) or datetime.now(UTC)

    def settled(self) -> datetime:
        """Before this moment nothing is still on its way: the oldest request in flight, else now."""
        return min(self._in_flight, default=self.now())

    @contextmanager
    def request(self, claimed: str | None) -> Generator[datetime]:
        """One request's moment; `claimed` (ISO 8601 with its zone) counts only on a simulated clock."""
        moment = datetime.fromisoformat(claimed) if claimed and self.simulated else self.now()
        if self.simulated:
            self._newest = max(self._newest or moment, moment)
        self._in_flight.append(moment)
        try:
            yield moment
        finally:
            self._in_flight.remove(moment)
