"""What a piece of work costs the database: bytes of WAL, CPU of the backend, and seconds. Linux only."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from bandit_selector.store.connection import Connection

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spent:
    """WAL in bytes, CPU of the backend in milliseconds, and elapsed seconds, of `units` pieces of work."""

    wal: float
    cpu: float
    seconds: float
    units: int

    def __add__(self, other: "Spent") -> "Spent":
        sums = self.wal + other.wal, self.cpu + other.cpu, self.seconds + other.seconds
        return Spent(*sums, self.units + other.units)

    def each(self, figure: str) -> float:
        """One figure for one piece."""
        return float(getattr(self, figure)) / self.units


class Meter:
    """Watches one backend through a connection of its own; other backends must be idle, because WAL is the server's."""

    def __init__(self, watcher: Connection, pid: int) -> None:
        self._watcher = watcher
        self._schedule = Path(f"/proc/{pid}/schedstat")

    def of(self, work: Callable[[], object], units: int) -> Spent:
        """What the work costs."""
        wal, cpu, start = self._wal(), self._cpu(), time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        return Spent(self._wal() - wal, self._cpu() - cpu, seconds, units)

    def typical(self, work: Callable[[Sequence[T]], object], items: Sequence[T], size: int) -> Spent:
        """What work on items costs, `size` at a time: all its WAL, and for CPU and time that many median pieces."""

        def piece(some: Sequence[T]) -> Spent:
            return self.of(lambda: work(some), len(some))

        spent = [piece(items[at : at + size]) for at in range(0, len(items), size)]
        cpu, seconds = (len(spent) * median(float(getattr(one, name)) for one in spent) for name in ("cpu", "seconds"))
        return Spent(sum(one.wal for one in spent), cpu, seconds, len(items))

    def _wal(self) -> int:
        row = self._watcher.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
        return int(row[0]) if row else 0

    def _cpu(self) -> float:
        return int(self._schedule.read_text().split()[0]) / 1e6
