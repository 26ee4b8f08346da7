"""Days of lists to archive, and what became of them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from bandit_selector.services import archive
from bandit_selector.services.archive import Night, Shelf
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection
from bandit_selector.store.outcomes import apply, settle

from functions.archive.bucket import Bucket
from tests.builders import EPOCH, RULE, Impression, event_of, message, show

SETTINGS = Settings()
LATER = EPOCH + timedelta(days=40)
"""A night when lists of EPOCH and the days after it are due, and not old enough to be dropped."""
OLD = EPOCH + timedelta(days=120)
"""A night when they are old enough to be dropped."""


def days_of(count: int, at: datetime = EPOCH, per_day: int = 3, places: int = 4) -> list[Impression]:
    """Lists on `count` days in a row; list n is of user n, and its places show movies 1, 2, 3 and so on."""
    numbers = range(1, count * per_day + 1)
    return [
        Impression(number, number, place, created_at=at + timedelta(days=(number - 1) // per_day), place=place)
        for number in numbers
        for place in range(1, places + 1)
    ]


def lived(connection: Connection, impressions: Sequence[Impression], settled: bool = True) -> None:
    """Shows impressions; the first place of each second list is clicked, of each third rated; silence is settled."""
    show(connection, impressions)
    firsts = [one for one in impressions if one.place == 1]
    said = [_said(one, "click", 0) for one in firsts if one.number % 2 == 0]
    said += [_said(one, "rating", 1, rating=2.5) for one in firsts if one.number % 3 == 0]
    apply(connection, said, RULE, LATER)
    if settled:
        settle(connection, OLD, RULE, LATER, len(impressions))


def _said(one: Impression, action: str, kind: int, **about: Any) -> Any:
    event = event_of(one.number, one.created_at)
    at = one.created_at + timedelta(minutes=1)
    return message(2 * one.number + kind, action, at, one.user_id, event_id=event, **about)


def from_before_lists(connection: Connection, day: datetime) -> None:
    """An impression of the earlier table, one row each, and one of the site's own, which is not ours to archive."""
    connection.execute(
        """
        INSERT INTO recommendation_events_set_aside
            (user_id, movie_id, algorithm, recommendation_score, position, context, clicked, clicked_at, created_at,
             recommendation_id, propensity, outcome, settled_at)
        VALUES (1, 7, 'bandit_svd', .5, 3, %(context)s, true, %(day)s, %(day)s, gen_random_uuid(), .25, 'success',
             %(day)s),
            (1, 8, 'svd', .5, 1, NULL, false, NULL, %(day)s, NULL, NULL, NULL, NULL)
        """,
        {"context": '{"context_key": "night|weekday|regular"}', "day": day},
    )


def night(connection: Connection, shelf: Shelf, now: datetime = LATER) -> Night:
    return archive.run(connection, now, SETTINGS, shelf, no_pause, lambda: True)


def no_pause(_seconds: float) -> None:
    raise AssertionError("Nothing else uses the tables, so nothing waits.")


def read(bucket: Bucket, folder: Path, day: date) -> list[tuple[Any, ...]]:
    """A day's rows, read as anybody's DuckDB reads them."""
    rows: list[tuple[Any, ...]] = []
    for key in bucket.keys(f"events/date={day}/"):
        bucket.get(key, folder / "read.parquet")
        rows += duck().read_parquet(str(folder / "read.parquet")).order("event_id").fetchall()
    return rows


@cache
def duck() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def archived(connection: Connection) -> list[tuple[date, int]]:
    return connection.execute("SELECT day, rows FROM bandit_archives ORDER BY day").fetchall()


def in_tables(connection: Connection) -> set[int]:
    return {event for (event,) in connection.execute("SELECT event_id FROM bandit_archive_rows")}
