"""One walk along a data path, each step measured: read, record, react, settle, react late; see `./dev bench path`."""

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from bandit_selector.feedback import Message
from bandit_selector.store.connection import Connection

from benchmarks import _path_load as load
from benchmarks._feedback_load import as_batches
from benchmarks._path_meter import Meter, Spent
from benchmarks._path_ways import Way

BATCH: Final = 1_000  # messages
SOME: Final = 50  # lists that are read or recorded between two looks at the meter
LOOKING: Final = 60.0  # seconds
LATE: Final = 3  # every third message comes when its list is settled
WARMING: Final = 5  # first batches that only prepare the statements, as those of a function that lives on


@dataclass(frozen=True, slots=True)
class Path:
    """What each step costs: of a list, and for `consume` of a message. `hot` is the share of HOT updates of settling,
    `stored` the bytes kept of a list with its indexes and feedback, `window` the seconds of the guide's query."""

    read: Spent
    record: Spent
    settle: Spent
    consume: Spent
    hot: float
    stored: float
    window: float

    @property
    def wal(self) -> float:
        """Bytes of WAL for a list, all in."""
        return self._all_in("wal")

    @property
    def cpu(self) -> float:
        """Milliseconds of the backend's CPU for a list, all in."""
        return self._all_in("cpu")

    def _all_in(self, figure: str) -> float:
        steps = sum(step.each(figure) for step in (self.read, self.record, self.settle))
        return steps + load.REACTIONS * self.consume.each(figure)


def walk(
    way: Way, watcher: Connection, connected: Callable[[bool], Connection], asked: int, lists: int, now: datetime
) -> Path:
    """Reads and records `asked` lists; then `lists` get feedback, are settled, and get late feedback.

    `connected` opens a connection, with plans that are made once or not.
    """
    with connected(True) as select:  # as functions/select connects
        read, record = _ask(way, Meter(watcher, select.info.backend_pid), select, asked, now)
    size = _size(watcher)
    since, until = now - timedelta(minutes=15), now - timedelta(minutes=5)
    way.fill(watcher, lists, since, until, settled=False)
    watcher.execute("ANALYZE")
    messages = load.react(load.unsettled_places(watcher, since), int(lists * load.REACTIONS), seed=1)
    late = len(messages) // LATE
    warming = min(WARMING * BATCH, late)
    with connected(way.consumer_plans_once) as own, connected(False) as settling:
        meter = Meter(watcher, own.info.backend_pid)
        _consume(way, meter, own, messages[late:][:warming], now)
        early = _consume(way, meter, own, messages[late + warming :], now)
        before = _updates(watcher, way)
        settling.execute("SET synchronous_commit = off")
        settle = Meter(watcher, settling.info.backend_pid).of(lambda: way.settle(settling, until), lists)
        watcher.execute("ANALYZE")  # as autovacuum does when tables grow: plans that are kept are made again
        hot = _share(before, _updates(watcher, way))
        consume = early + _consume(way, meter, own, messages[:late], now)
    watcher.execute("VACUUM ANALYZE")
    stored = (_size(watcher) - size) / lists
    return Path(read, record, settle, consume, hot, stored, window(watcher, now))


def _ask(way: Way, meter: Meter, own: Connection, asked: int, now: datetime) -> tuple[Spent, Spent]:
    """What reading a visitor and recording a list cost; the first hundred lists only warm up."""
    randomness = Random(1)
    users = [randomness.randint(1, load.ASKING) for _ in range(asked)]
    visitors: list[Any] = []
    own.execute("SET synchronous_commit = off")  # the kernel's work for a flush is the disk's
    for user in users[:100]:
        way.record(own, user, way.slate(way.read(own, user), randomness), now)
    read = meter.typical(lambda some: visitors.extend(way.read(own, user) for user in some), users, SOME)
    slates = [(user, way.slate(visitor, randomness)) for user, visitor in zip(users, visitors, strict=True)]
    record = meter.typical(lambda some: [way.record(own, *one, now) for one in some], slates, SOME)
    return read, record


def _consume(way: Way, meter: Meter, own: Connection, messages: Sequence[Message], now: datetime) -> Spent:
    """What a message costs in durable batches, from the queue's JSON on."""
    batches = as_batches(messages, BATCH)
    spent = meter.typical(lambda some: [counted(way, own, batch, now) for batch in some], batches, 1)
    return replace(spent, units=len(messages))


def counted(way: Way, own: Connection, batch: str, now: datetime) -> None:
    """Counts an event of the queue, from its JSON on."""
    bodies = [record["body"] for record in json.loads(batch)["Records"]]
    way.apply(own, way.messages(bodies), now)


def _updates(watcher: Connection, way: Way) -> tuple[int, int]:
    """All updates and the HOT ones, of the table and its partitions."""
    row = watcher.execute(
        "SELECT sum(n_tup_upd), sum(n_tup_hot_upd) FROM pg_stat_user_tables WHERE starts_with(relname, %s)", [way.table]
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _share(before: tuple[int, int], after: tuple[int, int]) -> float:
    return (after[1] - before[1]) / max(1, after[0] - before[0])


def _size(watcher: Connection) -> int:
    """Bytes of everything that grows with the lists, after VACUUM."""
    watcher.execute("VACUUM")
    row = watcher.execute(
        """
        SELECT sum(pg_total_relation_size(oid)) FROM pg_class
        WHERE relkind = 'r'
            AND relname ~ '^(bandit_(lists|reactions|unsettled)|feedback_events|recommendation_events)'
        """
    ).fetchone()
    return int(row[0]) if row else 0


GUIDE: Final = """
    SELECT CASE WHEN algorithm LIKE 'bandit_%%' THEN 'treatment' WHEN algorithm = 'hybrid_control' THEN 'control'
                ELSE 'other' END AS ab_group,
        COUNT(*) AS total, SUM(CASE WHEN clicked THEN 1 ELSE 0 END)::float / COUNT(*) * 100 AS ctr,
        AVG(rating_value) AS rating, SUM(CASE WHEN thumbs_up THEN 1 ELSE 0 END) AS ups,
        SUM(CASE WHEN thumbs_down THEN 1 ELSE 0 END) AS downs
    FROM recommendation_events WHERE created_at > %s::timestamptz - INTERVAL '7 days' GROUP BY ab_group
"""


def window(watcher: Connection, now: datetime) -> float:
    """Seconds of the deployment guide's query over seven days: the fastest of five, or of those a minute allows."""
    spans: list[float] = []
    while len(spans) < 5 and sum(spans) < LOOKING:
        start = time.perf_counter()
        watcher.execute(GUIDE, [now]).fetchall()
        spans.append(time.perf_counter() - start)
    return min(spans)


def partitions(watcher: Connection, now: datetime) -> tuple[int, int]:
    """How many partitions of the lists that query's plan reads, and how many there are."""
    plan = "\n".join(line for (line,) in watcher.execute("EXPLAIN (ANALYZE, TIMING OFF) " + GUIDE, [now]).fetchall())
    row = watcher.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass('bandit_lists')").fetchone()
    return len(set(re.findall(r" on (bandit_lists_\w+) ", plan))), int(row[0]) if row else 0
