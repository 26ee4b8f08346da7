"""Measures what adopting a site costs its old application: waits, seconds, bytes, and its statements afterwards."""

import argparse
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate
from psycopg.sql import SQL, Identifier
from rich.console import Console
from rich.progress import Progress

from benchmarks._path_existing import TABLES
from benchmarks._server import server_url

RESULT: Final = Path(__file__).parent / "results" / "adopt.md"
USERS: Final = 20_000
QUIET: Final = "quiet"
CALLS: Final = 40
HISTORY: Final[LiteralString] = """
    INSERT INTO recommendation_events
        (user_id, movie_id, algorithm, recommendation_score, position, clicked, created_at)
    SELECT 1 + n %% 20000, 1 + n %% 2000, 'bandit_svd', 0.5, 1 + n %% 30, n %% 8 = 0,
        (now() AT TIME ZONE 'UTC') - (n * 5184000.0 / %(events)s) * interval '1 second'
    FROM generate_series(1, %(events)s) AS n
"""
LISTS: Final[LiteralString] = """
    INSERT INTO bandit_lists (id, created_at, user_id, first_position, context_key, ab_group, silence, arms, drawn,
        movie_ids, scores, propensities)
    SELECT bandit_list_id(at), at, 1 + n %% 20000, 1, 'evening|weekday|regular', 'treatment', 'shown', ARRAY['svd'],
        decode(repeat('01', %(places)s), 'hex'),
        ARRAY(SELECT 1 + (n * 31 + p * 61) %% 2000 FROM generate_series(1, %(places)s) AS p),
        array_fill(0.5::real, ARRAY[%(places)s::int]), array_fill(0.2::real, ARRAY[%(places)s::int])
    FROM generate_series(%(since)s, %(until)s - 1) AS n
    CROSS JOIN LATERAL (
        SELECT now() - ((%(lists)s - n) * 6000000.0 / %(lists)s) * interval '1 second' AS at -- in the order of time
    ) AS moment
"""
SIZES: Final[LiteralString] = """
    SELECT CASE WHEN oid < 16384 THEN 'catalogue' WHEN relkind = 'i' THEN 'indexes' ELSE 'tables' END,
        sum((SELECT sum(pg_relation_size(oid, fork)) FROM unnest(ARRAY['main', 'fsm', 'vm', 'init']) AS fork))
    FROM pg_class WHERE relkind IN ('r', 'i', 't', 'S', 'm') AND NOT relisshared GROUP BY 1
"""
"""Bytes on disk by kind of relation; a TOAST table is a table."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of the migration, of the application's longest statement and wait for a lock meanwhile; bytes; calls."""

    seconds: float
    longest: float
    waited: float
    before: int
    after: int
    grown: dict[str, int]  # by kind of relation
    keys: float
    calls: dict[str, "Call"]


@dataclass(frozen=True, slots=True)
class Call:
    """One statement, many times: milliseconds of the server's CPU (mean), by the clock (median), and pages (most)."""

    processor: float
    median: float
    pages: int
    scans: str


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench adopt", description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000, help="of the site's own history")
    parser.add_argument("--lists", type=int, default=3_000_000, help="of ours, before the statements are timed")
    parser.add_argument("--places", type=int, default=30, help="of each list; each has a key of 80 bytes")
    options = parser.parse_args(argv)
    with server_url(("fsync=off", "max_wal_size=4GB")) as url, connect(url, statement_seconds=0) as connection:
        figures = _measure(connection, url, options.events, options.lists, options.places)
    report = _report(figures, options.events, options.lists, options.places)
    RESULT.write_text(report)
    print(report)
    return 0


def _measure(connection: Connection, url: str, events: int, lists: int, places: int) -> Figures:
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("history, lists", total=2 + lists)
        connection.execute(TABLES)
        connection.execute(HISTORY, {"events": events})
        connection.execute("VACUUM ANALYZE recommendation_events")
        progress.advance(bar)
        before, after, grown = _grown(connection, url)
        seconds, longest, waited = _migrated(connection, url)
        progress.advance(bar)
        _show(connection, lists, places, lambda count: progress.advance(bar, count))
        connection.execute("VACUUM ANALYZE")
    keys = _scalar(connection, "SELECT pg_total_relation_size('bandit_keys')") / max(lists, 1)
    return Figures(seconds, longest, waited, before, after, grown, keys, _calls(connection))


def _grown(connection: Connection, url: str) -> tuple[int, int, dict[str, int]]:
    """Bytes before and after, and what each kind of relation grew by, in a copy in which no application writes."""
    connection.execute(
        SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(QUIET), Identifier(connection.info.dbname))
    )
    with connect(f"{url.rpartition('/')[0]}/{QUIET}", statement_seconds=0) as alone:
        before, kinds = _size(alone), _kinds(alone)
        migrate(alone)
        return before, _size(alone), {kind: size - kinds[kind] for kind, size in _kinds(alone).items()}


def _migrated(connection: Connection, url: str) -> tuple[float, float, float]:
    """The migration's seconds, and those of the application's longest statement and wait for a lock meanwhile."""
    stop, spent, waits = threading.Event(), [0.0], [0.0]
    with psycopg.connect(url, autocommit=True) as own, psycopg.connect(url, autocommit=True) as watcher:
        threads = [
            threading.Thread(target=_play, args=(own, stop, spent)),
            threading.Thread(target=_watch, args=(watcher, own.info.backend_pid, stop, waits)),
        ]
        for thread in threads:
            thread.start()
        time.sleep(1)
        started = time.monotonic()
        migrate(connection)
        seconds = time.monotonic() - started
        time.sleep(1)
        stop.set()
        for thread in threads:
            thread.join()
    return seconds, max(spent), max(waits)


def _play(own: "psycopg.Connection[Any]", stop: threading.Event, spent: list[float]) -> None:
    """The application's statements, one after another, each in a transaction of its own."""
    while not stop.is_set():
        for statement in (
            "INSERT INTO recommendation_events (user_id, movie_id, algorithm) VALUES (1, 2, 'manual') RETURNING id",
            "UPDATE recommendation_events SET clicked = true WHERE id = 7",
            "UPDATE bandit_states SET alpha = alpha + 1 WHERE id = 1",
        ):
            before = time.monotonic()
            own.execute(statement)
            spent.append(time.monotonic() - before)


def _watch(watcher: "psycopg.Connection[Any]", process: int, stop: threading.Event, waits: list[float]) -> None:
    """Looks every 2 ms how long a backend has waited for a lock by now."""
    query = (
        "SELECT extract(epoch FROM clock_timestamp() - waitstart)::float FROM pg_locks WHERE NOT granted AND pid = %s"
    )
    while not stop.is_set():
        waits += [seconds for (seconds,) in watcher.execute(query, [process]) if seconds is not None]
        time.sleep(0.002)


def _show(connection: Connection, lists: int, places: int, advance: Callable[[int], None]) -> None:
    connection.execute("SELECT bandit_make_partitions(now() - interval '77 days', now())")
    for since in range(0, lists, 50_000):
        until = min(since + 50_000, lists)
        connection.execute(LISTS, {"since": since, "until": until, "lists": lists, "places": places})
        advance(until - since)


def _calls(connection: Connection) -> dict[str, Call]:
    ours = _ids(connection, "bandit_keys")
    theirs = _ids(connection, "recommendation_events_site")
    by_id: LiteralString = "UPDATE recommendation_events SET clicked = true WHERE id = %s"
    newest: LiteralString = (
        "SELECT id FROM recommendation_events WHERE user_id = %s AND movie_id = 7 ORDER BY created_at DESC LIMIT 1"
    )
    return {
        "UPDATE of an impression of ours by its id": _timed(connection, by_id, ours),
        "UPDATE of a row of the site by its id": _timed(connection, by_id, theirs),
        "newest row of a user and a movie": _timed(connection, newest, list(range(1, CALLS + 1))),
    }


def _ids(connection: Connection, table: str) -> list[int]:
    """Ids from the whole table, evenly."""
    query = SQL(
        "SELECT DISTINCT (SELECT id FROM {0} WHERE id >= least + step * n ORDER BY id LIMIT 1)"
        " FROM generate_series(1, %s - 1) AS n"
        " CROSS JOIN (SELECT min(id) AS least, (max(id) - min(id)) / %s AS step FROM {0}) AS ids"
    )
    rows = connection.execute(query.format(Identifier(table)), [CALLS, CALLS]).fetchall()
    return [number for (number,) in rows]


def _timed(connection: Connection, statement: LiteralString, values: list[int]) -> Call:
    """Times the statement for half of the values, and explains it for the other half."""
    spent: list[float] = []
    begun = _processor(connection)
    for value in values[: CALLS // 2]:
        before = time.monotonic()
        connection.execute(statement, [value])
        spent.append(1000 * (time.monotonic() - before))
    processor = (_processor(connection) - begun) / len(spent)
    plans = [_explained(connection, statement, value) for value in values[CALLS // 2 :]]
    pages = [plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans]
    scans = sorted({scan for plan in plans for scan in _scans(plan)})
    return Call(processor, statistics.median(spent), max(pages), ", ".join(scans))


def _processor(connection: Connection) -> float:
    """Milliseconds for which this connection's backend has run on a processor, as Linux counts them."""
    return int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]) / 1e6


def _explained(connection: Connection, statement: LiteralString, value: int) -> dict[str, Any]:
    row = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".encode(), [value]).fetchone()
    assert row is not None  # noqa: S101 # EXPLAIN always answers
    return row[0][0]["Plan"]


def _scans(plan: dict[str, Any]) -> Iterator[str]:
    """How each table was read, where it was; a weekly table has its parent's name."""
    if plan["Actual Loops"] and "Scan" in plan["Node Type"] and "Bitmap Index" not in plan["Node Type"]:
        table = re.sub(r"_([0-9]{8}|default)$", "", plan.get("Relation Name", ""))
        if table:
            yield f"{plan['Node Type']} of {table}"
    for part in plan.get("Plans", ()):
        yield from _scans(part)


def _size(connection: Connection) -> int:
    return int(_scalar(connection, "SELECT pg_database_size(current_database())"))


def _kinds(connection: Connection) -> dict[str, int]:
    return {kind: int(size) for kind, size in connection.execute(SIZES).fetchall()}


def _scalar(connection: Connection, query: LiteralString) -> float:
    row = connection.execute(query).fetchone()
    return float(row[0]) if row else 0.0


def _report(figures: Figures, events: int, lists: int, places: int) -> str:
    grown = 100 * (figures.after - figures.before) / figures.before
    calls = "\n".join(
        f"| {name} | {call.processor:.1f} | {call.median:.1f} | {call.pages:,} | {call.scans} |"
        for name, call in figures.calls.items()
    )
    return f"""# Adopting a site

Made by `./dev bench adopt --events {events} --lists {lists} --places {places}`, on the machine of the run. All rows are
synthetic.

| with {events:,} events of the site | |
|---|---|
| the whole migration | {figures.seconds:.1f} s |
| longest wait of the old application for a lock meanwhile | {figures.waited:.2f} s |
| its longest statement meanwhile, on a machine with much else to do | {figures.longest:.2f} s |
| the database's size, before and after, without the application's own writes | \
{figures.before:,} and {figures.after:,} bytes: {grown:+.2f} % |
| of these: empty tables, their indexes, the catalogue | {figures.grown["tables"]:,}, {figures.grown["indexes"]:,} and \
{figures.grown["catalogue"]:,} bytes, however large the site is |
| keys of our impressions, beside the old application only | {figures.keys:,.0f} bytes a list |

| old application's statement, {lists:,} lists of {places} places | CPU, ms | median, ms | pages, at most | read by |
|---|---|---|---|---|
{calls}

CPU is what PostgreSQL's process ran for, planning included. Milliseconds by the clock grow with what else the machine
does; CPU and pages hardly do. Pages include the tables that are read by a Seq Scan, which are empty or nearly so.
"""
