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


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages a second, as elapsed and of the backend's CPU: medians of batches, every third of them late."""

    elapsed: float
    of_cpu: float


@dataclass(frozen=True, slots=True)
class Rates:
    """Ours and version 1.0's; then ours for early messages alone, and that of their bare writes."""

    new: Rate
    former: Rate
    early: Rate
    bare: Rate


@dataclass(frozen=True, slots=True)
class Load:
    """Lists shown between two moments before now that the walks have not filled, and the share of messages that name
    their event."""

    since: timedelta
    until: timedelta
    naming: float


USUAL: Final = Load(timedelta(minutes=55), timedelta(minutes=45), 0.8)
ALL_NAMED: Final = Load(timedelta(minutes=40), timedelta(minutes=30), 1.0)


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


def rates(new: Consumer, former: Consumer, bare: Consumer, now: datetime) -> Rates:
    """The batches of all are counted in turn, so that a noisy moment meets all of them."""
    early, former_early, written = _in_turn((new, former, bare), [one.early for one in (new, former, bare)], now)
    for one in (new, former):
        one.way.settle(one.own, now - USUAL.until)
    late, former_late = _in_turn((new, former), [new.late, former.late], now)
    return Rates(_rate(early, late), _rate(former_early, former_late), _rate(early, early), _rate(written, written))


def consumer(way: Way, own: Connection, watcher: Connection, lists: int, now: datetime, asked: Load) -> Consumer:
    """Lists of an hour ago, and a message for every third of them."""
    since, until = now - asked.since, now - asked.until
    way.fill(watcher, lists, since, until, settled=False)
    watcher.execute("ANALYZE")
    places = [place for place in load.unsettled_places(watcher, since) if place[3] < until]
    batches = as_batches(load.react(places, lists // LATE, 2, asked.naming), BATCH)
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
