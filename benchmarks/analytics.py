"""`./dev bench analytics`: milliseconds per answer of the analytics routes as the recorded events grow.

One embedded PostgreSQL holds a small and then a large number of events of the same 30 days, and then a year of sums.
Each route is called through the function's own entry point, JSON included. The baseline is the deployment guide's
query for a dashboard, which reads the events themselves. Events are synthetic.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.differences import first_difference
from bandit_selector.store.migrate import migrate
from bandit_selector.store.rollups import all_days
from bandit_selector.store.verification import rebuild
from rich.console import Console
from rich.progress import Progress

from benchmarks._server import server_url
from functions.monitor.analytics import respond
from infra.local import site

SERVER: Final = ("shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=1h", "fsync=off", "work_mem=32MB")
RESULTS: Final = Path(__file__).parent / "results" / "analytics.md"
NOW: Final = datetime(2026, 6, 30, 9, 20, tzinfo=UTC)
USERS: Final = 200_000
PLACES: Final = 10
CHUNK: Final = 50_000  # lists
ASKED: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("/analytics/bandit/stats", {}),
    ("/analytics/performance", {"days": "7"}),
    ("/analytics/performance", {"days": "30"}),
    ("/analytics/performance", {"days": "365"}),
    ("/analytics/recommendations/stats", {"days": "90"}),
    ("/analytics/timeline", {"days": "7"}),
    ("/analytics/timeline", {"days": "30"}),
    ("/analytics/timeline", {"days": "365"}),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One state of the database: median and slowest milliseconds per question, and of the guide's query."""

    events: int
    name: str
    limit_ms: int
    answers: tuple[tuple[float, float], ...]
    guide_ms: float


def main(argv: Sequence[str]) -> int:
    """Measures, prints and writes the table; 1 if an answer was slower than its limit or a sum was wrong."""
    parser = argparse.ArgumentParser(prog="./dev bench analytics", description=__doc__)
    parser.add_argument("--small", type=int, default=1_000_000, help="events first")
    parser.add_argument("--large", type=int, default=10_000_000, help="events then")
    parser.add_argument("--repeat", type=int, default=15, help="calls per line; the median counts")
    arguments = parser.parse_args(argv)
    with server_url(SERVER) as url:
        return measure(url, arguments)


def measure(url: str, arguments: argparse.Namespace) -> int:
    with (
        connect(url, statement_seconds=0) as connection,
        closing(Database(lambda: url)) as database,
        Progress(console=Console(stderr=True)) as progress,
    ):
        site.create_tables(connection)
        migrate(connection)
        connection.execute("SELECT bandit_make_partitions(%s, %s)", [NOW - timedelta(days=37), NOW])
        bar = progress.add_task("events", total=arguments.large)
        columns: list[Column] = []
        for events, limit in ((arguments.small, 150), (arguments.large, 300)):
            fill(connection, events, lambda count: progress.advance(bar, count))
            columns.append(column(database, connection, f"{events:,} events, 30 days", events, limit, arguments.repeat))
        difference = first_difference(connection, all_days(connection))
        lengthen(connection)
        columns.append(column(database, connection, "a year of sums", arguments.large, 300, arguments.repeat))
    text = table(columns, difference)
    RESULTS.write_text(text)
    print(text)
    return int(difference is not None or any(too_slow(one) for one in columns))


def fill(connection: Connection, events: int, advance: Callable[[int], None]) -> None:
    """Adds events up to `events`, evenly over 30 days; all are settled except those of the last ten minutes."""
    row = connection.execute("SELECT count(*) FROM bandit_lists").fetchone()
    there = int(row[0]) if row else 0
    for first in range(there, events // PLACES, CHUNK):
        last = min(events // PLACES, first + CHUNK)
        connection.execute(
            """
            WITH list AS (
                INSERT INTO bandit_lists
                    (id, created_at, user_id, posterior_version, settled_at, first_position, context_key, ab_group,
                     silence, algorithm, arms, drawn, movie_ids, scores, propensities)
                SELECT (floor(extract(epoch FROM at))::bigint - 1735689600) << 16 | ((n & 32767) + %(later)s), at,
                    user_id, 1, CASE WHEN at < %(now)s - interval '10 minutes' THEN at + interval '10 minutes' END, 1,
                    (CASE WHEN extract(hour FROM at AT TIME ZONE 'UTC') < 12 THEN 'morning' ELSE 'evening' END)
                    || '|weekday|' || (ARRAY['cold_start', 'regular', 'power_user'])[1 + user_id %% 3],
                    CASE WHEN user_id %% 2 = 1 THEN 'control' ELSE 'treatment' END, 'shown',
                    CASE WHEN user_id %% 2 = 1 THEN 'hybrid_control' END,
                    CASE WHEN user_id %% 2 = 0 THEN %(arms)s::text[] END,
                    CASE WHEN user_id %% 2 = 0 THEN decode('01020304050601020304', 'hex') END,
                    ARRAY(SELECT ((n * 10 + place) %% 5000 + 1)::integer FROM generate_series(1, 10) AS place),
                    array_fill(0.5::real, ARRAY[10]),
                    CASE WHEN user_id %% 2 = 0 THEN array_fill((1 / 6.0)::real, ARRAY[10]) END
                FROM generate_series(%(first)s::integer, %(last)s::integer - 1) AS n
                CROSS JOIN LATERAL (
                    SELECT (hashint4(n) & 2147483647) %% %(users)s + 1 AS user_id,
                        %(now)s - interval '30 days' * (1 - n::float / %(lists)s) AS at
                ) AS shown
                RETURNING id, created_at, settled_at
            ), unsettled AS (
                INSERT INTO bandit_unsettled SELECT id, created_at FROM list WHERE settled_at IS NULL
            )
            INSERT INTO bandit_reactions (event_id, shown_at, clicked_at, rated_at, rating_value, outcome)
            SELECT event, bandit_second(id), CASE WHEN likes THEN created_at END, CASE WHEN rates THEN created_at END,
                CASE WHEN rates THEN 1 + event %% 9 / 2.0 END, CASE WHEN likes THEN 'success' ELSE 'neutral' END
            FROM list CROSS JOIN LATERAL (
                SELECT event, (hashint8(event) & 1023) < 120 AS likes, hashint8(event + 1) %% 20 = 0 AS rates
                FROM generate_series(id * 64 + 1, id * 64 + 10) AS event
            ) AS said
            WHERE likes OR rates
            """,
            {
                "first": first,
                "last": last,
                "lists": events // PLACES,
                "now": NOW,
                "users": USERS,
                "arms": sorted(GUIDE_ARMS),
                "later": 32768 if there else 0,  # so that two lists of one second have two ids
            },
        )
        advance((last - first) * PLACES)
    rebuild(connection)
    connection.execute(
        """
        INSERT INTO bandit_states (context_key, algorithm, alpha, beta)
        SELECT DISTINCT context_key, substr(algorithm, 8), 2, 3 FROM recommendation_hours WHERE algorithm LIKE 'bandit%'
        ON CONFLICT DO NOTHING
        """
    )
    connection.execute("VACUUM ANALYZE")


def lengthen(connection: Connection) -> None:
    """Copies the sums of the 30 days backwards until they fill a year; the events stay unchanged."""
    connection.execute(
        """
        INSERT INTO recommendation_hours
        SELECT hour - interval '31 days' * back, algorithm, context_key, shown, clicked, rated, rating_sum, thumbs_up,
            thumbs_down, favorites, watchlist, successes, failures, neutrals, changed_at
        FROM recommendation_hours CROSS JOIN generate_series(1, 11) AS back
        """
    )
    connection.execute(
        """
        INSERT INTO experiment_days
        SELECT day - 31 * back, ab_group, cluster, 0, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down
        FROM experiment_days CROSS JOIN generate_series(1, 11) AS back
        """
    )
    connection.execute("VACUUM ANALYZE")


def column(database: Database, connection: Connection, name: str, events: int, limit_ms: int, repeat: int) -> Column:
    answers = tuple(
        timed(lambda route=route, query=query: ask(database, route, query), repeat) for route, query in ASKED
    )
    return Column(events, name, limit_ms, answers, timed(lambda: guide(connection), 3)[0])


def ask(database: Database, route: str, query: dict[str, str]) -> None:
    claims = {"sub": "team", "scope": "analytics"}
    event: dict[str, Any] = {
        "routeKey": f"GET {route}",
        "queryStringParameters": query,
        "requestContext": {"timeEpoch": int(NOW.timestamp() * 1000), "authorizer": {"jwt": {"claims": claims}}},
    }
    found = respond(event, Settings(), database)
    assert found["statusCode"] == 200, found  # noqa: S101 # never time a wrong answer
    json.loads(found["body"])


def guide(connection: Connection) -> None:
    connection.execute(
        """
        SELECT CASE WHEN algorithm LIKE 'bandit_%%' THEN 'treatment' WHEN algorithm = 'hybrid_control' THEN 'control'
                    ELSE 'other' END AS ab_group,
            COUNT(*), SUM(CASE WHEN clicked THEN 1 ELSE 0 END)::float / COUNT(*) * 100, AVG(rating_value),
            SUM(CASE WHEN thumbs_up THEN 1 ELSE 0 END), SUM(CASE WHEN thumbs_down THEN 1 ELSE 0 END)
        FROM recommendation_events WHERE created_at > %s::timestamptz - INTERVAL '7 days' GROUP BY ab_group
        """,
        [NOW],
    ).fetchall()


def timed(question: Callable[[], None], repeat: int) -> tuple[float, float]:
    """(median, slowest) milliseconds over `repeat` calls."""
    spans: list[float] = []
    for _ in range(repeat):
        start = time.perf_counter()
        question()
        spans.append(1000 * (time.perf_counter() - start))
    return median(spans), max(spans)


def too_slow(one: Column) -> bool:
    return any(middle > one.limit_ms for middle, _ in one.answers)


def table(columns: Sequence[Column], difference: str | None) -> str:
    lines = [
        "# How long the analytics routes take",
        "",
        "`./dev bench analytics` on 2 cores: median (slowest) milliseconds of an answer, its JSON included, over",
        "synthetic events. Machines differ: read the ratios. Limits: 150 ms at 1 million events, 300 ms at 10 million.",
        "",
        f"| | {' | '.join(one.name for one in columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for place, (route, query) in enumerate(ASKED):
        cells = (f"{one.answers[place][0]:.1f} ({one.answers[place][1]:.0f})" for one in columns)
        days = f"?days={query['days']}" if query else ""
        lines.append(f"| {route}{days} | {' | '.join(cells)} |")
    seconds = (f"{one.guide_ms:.0f}" for one in columns)
    lines.append(f"| the guide's query over the rows, 7 days | {' | '.join(seconds)} |")
    small, large = columns[0], columns[1]
    growth = max(late[0] / early[0] for early, late in zip(small.answers, large.answers, strict=True))
    verdict = "too slow" if any(map(too_slow, columns)) else "kept"
    lines += [
        "",
        f"{large.events / small.events:.0f} × the events: at most {growth:.1f} × the time. Limits: {verdict}. "
        f"Sums against events: {difference or 'every one agrees'}.",
        "",
    ]
    return "\n".join(lines)
