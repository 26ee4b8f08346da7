"""Which days are archived, and their impressions as the archive holds them. Knows tables; no bucket and no Parquet."""

import json
from collections.abc import Generator, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, TypeAlias, cast

from psycopg.sql import SQL, Identifier, Literal

from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock

COLUMNS: Final = {
    "event_id": "BIGINT",
    "list_id": "BIGINT",
    "user_id": "BIGINT",
    "movie_id": "BIGINT",
    "position": "INTEGER",
    "place": "INTEGER",
    "algorithm": "VARCHAR",
    "arm": "VARCHAR",
    "context_key": "VARCHAR",
    "ab_group": "VARCHAR",
    "score": "DOUBLE",
    "propensity": "DOUBLE",
    "posterior_version": "BIGINT",
    "created_at": "TIMESTAMPTZ",
    "settled_at": "TIMESTAMPTZ",
    "seen": "BOOLEAN",
    "clicked_at": "TIMESTAMPTZ",
    "rating": "DOUBLE",
    "thumbs": "VARCHAR",
    "outcome": "VARCHAR",
    "counts": "BOOLEAN",
}
"""The archive's columns in order, with DuckDB's names of their types."""

FIGURES: Final = """
    SELECT algorithm, arm, context_key, ab_group, outcome, thumbs, count(*),
        coalesce(sum(event_id), 0), coalesce(sum(list_id), 0), coalesce(sum(user_id), 0), coalesce(sum(movie_id), 0),
        coalesce(sum(position), 0), coalesce(sum(place), 0), coalesce(sum(posterior_version), 0),
        count(*) FILTER (WHERE seen), count(*) FILTER (WHERE counts), count(clicked_at), count(settled_at),
        coalesce(sum(CAST(extract(epoch FROM date_trunc('second', created_at)) AS bigint)), 0),
        coalesce(sum(CAST(extract(epoch FROM date_trunc('second', settled_at)) AS bigint)), 0),
        coalesce(sum(CAST(extract(epoch FROM date_trunc('second', clicked_at)) AS bigint)), 0),
        coalesce(sum(extract(microseconds FROM created_at)), 0),
        coalesce(sum(extract(microseconds FROM settled_at)), 0),
        coalesce(sum(extract(microseconds FROM clicked_at)), 0),
        coalesce(sum(rating), 0), coalesce(sum(score), 0), coalesce(sum(propensity), 0)
    FROM impressions GROUP BY 1, 2, 3, 4, 5, 6
"""
"""What is compared between the tables and the archive. PostgreSQL and DuckDB both read this text."""

KEYS: Final = 6
ZEROS: Final = (0,) * 21
Number: TypeAlias = int | float | Decimal
Figures: TypeAlias = dict[tuple[str | None, ...], tuple[Number, ...]]
"""Counts and sums by algorithm, arm, context, group, outcome and thumb."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a day's archive; `sha256` in hexadecimal."""

    key: str
    rows: int
    bytes: int
    sha256: str


def lock(connection: Connection) -> None:
    """Waits until no other process writes the archive; released with the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.ARCHIVE])


def due_before(now: datetime, settings: Settings) -> date:
    """The first UTC day that can still change: a message about it may be under way."""
    return (now - settings.outcomes_change_for).astimezone(UTC).date()


def unarchived_days(connection: Connection, until: date) -> list[date]:
    """The UTC days before `until` that have impressions and no archive, oldest first."""
    rows = connection.execute(
        """
        WITH oldest AS (
            SELECT least(
                (SELECT bandit_second(min(id)) FROM bandit_lists),
                (SELECT min(created_at) FROM recommendation_events_set_aside WHERE recommendation_id IS NOT NULL)
            ) AS shown
        ), missing AS (
            SELECT day::date AS day, day AT TIME ZONE 'UTC' AS since,
                (day + interval '1 day') AT TIME ZONE 'UTC' AS until
            FROM oldest
            CROSS JOIN generate_series(
                (shown AT TIME ZONE 'UTC')::date::timestamp, %(until)s::timestamp, '1 day'
            ) AS day
            WHERE day < %(until)s AND NOT EXISTS (SELECT FROM bandit_archives AS a WHERE a.day = day.day::date)
        )
        SELECT day FROM missing
        WHERE EXISTS (SELECT FROM bandit_lists AS l WHERE l.created_at >= since AND l.created_at < missing.until)
            OR EXISTS (
                SELECT FROM recommendation_events_set_aside AS e
                WHERE e.recommendation_id IS NOT NULL AND e.created_at >= since AND e.created_at < missing.until
            )
        ORDER BY day
        """,
        {"until": until},
    )
    return [day for (day,) in rows]


def unsafe_day(connection: Connection, before: datetime) -> date | None:
    """The oldest UTC day before a moment of which the tables hold more impressions than its archive; None without."""
    row = connection.execute(
        """
        SELECT shown.day FROM (
            SELECT day, sum(rows) AS rows FROM (
                SELECT (created_at AT TIME ZONE 'UTC')::date AS day, cardinality(movie_ids) AS rows
                FROM bandit_lists WHERE created_at < %(before)s
                UNION ALL
                SELECT (created_at AT TIME ZONE 'UTC')::date, 1
                FROM recommendation_events_set_aside
                WHERE created_at < %(before)s AND recommendation_id IS NOT NULL
            ) AS part GROUP BY day
        ) AS shown
        LEFT JOIN bandit_archives AS a ON a.day = shown.day
        WHERE shown.rows > coalesce(a.rows, 0)
        ORDER BY shown.day LIMIT 1
        """,
        {"before": before},
    ).fetchone()
    return row[0] if row else None


def is_archived(connection: Connection, day: date) -> bool:
    return connection.execute("SELECT FROM bandit_archives WHERE day = %s", [day]).fetchone() is not None


def is_empty(connection: Connection) -> bool:
    """Whether no day was ever archived."""
    return connection.execute("SELECT FROM bandit_archives LIMIT 1").fetchone() is None


def unsettled(connection: Connection, before: datetime) -> int:
    """How many lists shown before a moment are not settled."""
    row = connection.execute("SELECT count(*) FROM bandit_unsettled WHERE created_at < %s", [before]).fetchone()
    return int(row[0]) if row else 0


def shown(connection: Connection, day: date) -> int:
    """How many impressions of a UTC day the tables hold."""
    since, until = bounds(day)
    row = connection.execute(
        """
        SELECT (
            SELECT coalesce(sum(cardinality(movie_ids)), 0) FROM bandit_lists
            WHERE created_at >= %(since)s AND created_at < %(until)s
        ) + (
            SELECT count(*) FROM recommendation_events_set_aside
            WHERE recommendation_id IS NOT NULL AND created_at >= %(since)s AND created_at < %(until)s
        )
        """,
        {"since": since, "until": until},
    ).fetchone()
    return int(row[0]) if row else 0


def rows(connection: Connection, day: date) -> Generator[bytes]:
    """A UTC day's impressions as lines of CSV without a header, each as it arrives; absent values are empty."""
    since, until = bounds(day)
    statement = SQL(
        "COPY (SELECT {} FROM bandit_archive_rows WHERE created_at >= {} AND created_at < {}) TO STDOUT (FORMAT csv)"
    ).format(SQL(", ").join(map(Identifier, COLUMNS)), Literal(since), Literal(until))
    with connection.cursor() as cursor, cursor.copy(statement) as lines:
        for line in lines:
            yield bytes(line)


def figures(connection: Connection, day: date) -> Figures:
    """What the archive of a UTC day must add up to."""
    statement = SQL(
        "WITH impressions AS (SELECT * FROM bandit_archive_rows WHERE created_at >= {} AND created_at < {}) {}"
    ).format(*map(Literal, bounds(day)), SQL(FIGURES))
    return keyed(connection.execute(statement))


def keyed(found: Iterable[tuple[object, ...]]) -> Figures:
    """The answer to FIGURES by its keys."""
    return {row[:KEYS]: row[KEYS:] for row in found}  # pyright: ignore[reportReturnType] # FIGURES gives the types


def together(one: Figures, other: Figures) -> Figures:
    """The figures of two files of one archive, added up."""
    both = dict(one)
    for key, figures in other.items():
        both[key] = tuple(
            cast("float", a) + cast("float", b) for a, b in zip(both.get(key, ZEROS), figures, strict=True)
        )
    return both


def record(connection: Connection, day: date, files: Sequence[File], now: datetime) -> None:
    """Notes that a day is archived in these files and was read back."""
    connection.execute(
        """
        INSERT INTO bandit_archives (day, rows, files, archived_at) VALUES (%s, %s, %s, %s)
        ON CONFLICT (day) DO UPDATE SET rows = excluded.rows, files = excluded.files
        """,
        [day, sum(file.rows for file in files), json.dumps([asdict(file) for file in files]), now],
    )


def archived(connection: Connection, day: date) -> int:
    """How many impressions of a UTC day the archive holds."""
    row = connection.execute("SELECT rows FROM bandit_archives WHERE day = %s", [day]).fetchone()
    return int(row[0]) if row else 0


def bounds(day: date) -> tuple[datetime, datetime]:
    """The first moment of a UTC day and of the next."""
    since = datetime.combine(day, time(), UTC)
    return since, since + timedelta(days=1)
