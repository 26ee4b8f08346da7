"""How long a durable batch of messages takes, and its CPU, of both ways in turn; see `./dev bench path`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from bandit_selector.store.connection import Connection

from benchmarks import _path_load as load
from benchmarks._feedback_load import as_batches
from benchmarks._path_meter import Meter, Spent
from benchmarks._path_walk import BATCH, LATE, WARMING, counted
from benchmarks._path_ways import Way

SINCE: Final = timedelta(minutes=55)  # before now; the walks have filled other minutes
UNTIL: Final = timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages a second, as elapsed and of the backend's CPU: medians of batches, every third of them late."""

    elapsed: float
    of_cpu: float


@dataclass(slots=True)
class Consumer:
    """One way's connection and its batches: early ones, and late ones for lists that are settled."""

    way: Way
    own: Connection
    meter: Meter
    early: Sequence[str]
    late: Sequence[str]

    def apply(self, batch: str, now: datetime) -> Spent:
        return self.meter.of(lambda: counted(self.way, self.own, batch, now), BATCH)


def rates(consumers: Sequence[Consumer], now: datetime) -> list[Rate]:
    """Each consumer's; the batches of all are counted in turn, so that a noisy moment meets all of them."""
    early = _in_turn(consumers, [one.early for one in consumers], now)
    for one in consumers:
        one.way.settle(one.own, now - UNTIL)
    late = _in_turn(consumers, [one.late for one in consumers], now)
    return [_rate(*both) for both in zip(early, late, strict=True)]


def consumer(way: Way, own: Connection, watcher: Connection, lists: int, now: datetime) -> Consumer:
    """Lists of an hour ago, and a message for every third of them."""
    way.fill(watcher, lists, now - SINCE, now - UNTIL, settled=False)
    watcher.execute("ANALYZE")
    batches = as_batches(load.react(load.unsettled_places(watcher, now - SINCE), lists // LATE, seed=2), BATCH)
    late = len(batches) // LATE
    return Consumer(way, own, Meter(watcher, own.info.backend_pid), batches[late:], batches[:late])


def _in_turn(consumers: Sequence[Consumer], batches: Sequence[Sequence[str]], now: datetime) -> list[list[Spent]]:
    """What each batch of each consumer took, without the first ones, which only prepare."""
    taken: list[list[Spent]] = [[] for _ in consumers]
    for turn in zip(*batches, strict=True):
        for one, batch, spent in zip(consumers, turn, taken, strict=True):
            spent.append(one.apply(batch, now))
    return [spent[WARMING:] for spent in taken]


def _rate(early: Sequence[Spent], late: Sequence[Spent]) -> Rate:
    seconds, milliseconds = (
        (LATE - 1) * median(one.each(figure) for one in early) + median(one.each(figure) for one in late)
        for figure in ("seconds", "cpu")
    )
    return Rate(LATE / seconds, 1000 * LATE / milliseconds)
