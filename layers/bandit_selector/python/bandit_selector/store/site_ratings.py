"""Ratings that the site's own backend writes into `ratings`, as messages: found by the lists shown, without a trigger.

A list is looked at again at a few ages, the last one the attribution window; each look reads its visitor's ratings by
their index. A row's message has an id that follows from the row, so a row that is read again changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import md5
from random import Random
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from bandit_selector.feedback import Message, new_message_id
from bandit_selector.store.connection import Connection

AGES: Final = (timedelta(hours=1), timedelta(days=1))
"""How old a list is when its visitor's ratings are read, beside the end of its silence and of its window."""
COMMITTED: Final = timedelta(minutes=1)
"""Until a rating of the window's last moment is visible."""
SMALL: Final = 64 * 10**6
"""Bytes of `ratings` that are read whole, some times a minute, where it has no index on user_id."""
STEP: Final = timedelta(hours=1)
"""How much of an outage is caught up at once."""


@dataclass(frozen=True, slots=True)
class Readable:
    """How `ratings` can be read: the SQL of a row's moment, and what keeps the plan to its index; or why it cannot."""

    moment: str = ""
    by_index: str = ""
    reason: str = ""


def readable(connection: Connection, zone: ZoneInfo) -> Readable:
    """Looks at the columns and indexes of `ratings`; a timestamp without time zone is in `zone`."""
    row = connection.execute(
        """
        SELECT a.atttypid::regtype::text, EXISTS (
            SELECT FROM pg_index AS i JOIN pg_attribute AS led
                ON led.attrelid = i.indrelid AND led.attnum = i.indkey[0] AND led.attname = 'user_id'
            WHERE i.indrelid = a.attrelid AND i.indisvalid AND i.indpred IS NULL
        ), pg_relation_size(a.attrelid)
        FROM pg_attribute AS a
        WHERE a.attrelid = to_regclass('ratings') AND a.attname = 'timestamp' AND NOT a.attisdropped
        """
    ).fetchone()
    if row is None:
        return Readable(reason='`ratings` has no column "timestamp", so it does not say when a rating was given')
    kind, indexed, size = row
    moments = {
        "timestamp with time zone": 'r."timestamp"',
        "timestamp without time zone": f"r.\"timestamp\" AT TIME ZONE '{zone.key}'",
    }
    if kind not in moments:
        return Readable(reason=f'the column "timestamp" of `ratings` is {kind}, not a timestamp')
    if not indexed and size > SMALL:
        return Readable(
            reason=f"`ratings` has {size // 10**6} MB and no index that begins with user_id, so it would be read whole"
        )
    return Readable(moments[kind], "OFFSET 0" if indexed else "")


def read_until(connection: Connection, now: datetime) -> datetime:
    """Up to which moment everything is read; at the first time, `now`."""
    connection.execute("INSERT INTO bandit_site_ratings (read_until) VALUES (%s) ON CONFLICT DO NOTHING", [now])
    row = connection.execute("SELECT read_until FROM bandit_site_ratings").fetchone()
    assert row is not None  # noqa: S101 # written above
    return row[0]


def remember(connection: Connection, until: datetime) -> None:
    """Notes that everything up to a moment is read and recorded."""
    connection.execute("UPDATE bandit_site_ratings SET read_until = greatest(read_until, %s)", [until])


def read(
    connection: Connection, source: Readable, since: datetime, until: datetime, age: timedelta, window: timedelta
) -> list[Message]:
    """The ratings that visitors gave, up to `until`, to movies of the lists that reach this age after `since`.

    A row whose value changed while its timestamp stayed is a later opinion, given when it is read.
    """
    rows = connection.execute(
        f"""
        SELECT DISTINCT r.user_id, r.movie_id, r.rating, r.at, EXISTS (
            SELECT FROM feedback_events AS f
            WHERE f.user_id = r.user_id AND f.received_at = r.at AND f.claimed_event_id IS NULL
                AND f.movie_id = r.movie_id AND f.action = 'rating' AND f.rating <> r.rating::real
        )
        FROM bandit_lists AS l
        CROSS JOIN LATERAL (
            SELECT r.user_id, r.movie_id, r.rating::double precision AS rating, {source.moment} AS at
            FROM ratings AS r
            WHERE r.user_id = l.user_id AND r.movie_id = ANY(l.movie_ids) AND r.rating BETWEEN 0.5 AND 5
            {source.by_index}
        ) AS r
        WHERE l.created_at > %(since)s AND l.created_at <= %(until)s
            AND r.at BETWEEN l.created_at AND least(l.created_at + %(window)s, %(now)s)
        """.encode(),  # noqa: S608 # one of two texts, with the name of a zone
        {"since": since - age, "until": until - age, "window": window, "now": until},
    )
    return [_message(row, until) for row in rows]


def _message(row: tuple[Any, ...], now: datetime) -> Message:
    """Not validated: a site may have finer stars than halves."""
    user_id, movie_id, rating, at, corrected = row
    return Message.model_construct(
        version=1,
        message_id=_id(user_id, movie_id, rating, at),
        action="rating",
        user_id=user_id,
        movie_id=movie_id,
        event_id=None,
        rating=rating,
        seen=None,
        occurred_at=now if corrected else at.astimezone(UTC),
        received_at=at.astimezone(UTC),
    )


def _id(user_id: int, movie_id: int, rating: float, at: datetime) -> UUID:
    """A version 7 UUID of the rating's moment whose other bits follow from the row."""
    row = f"{user_id}:{movie_id}:{rating}:{at.timestamp()}".encode()
    return new_message_id(at, Random(md5(row, usedforsecurity=False).digest()))  # noqa: S311 # nothing secret


def ages(silence: timedelta | None, window: timedelta) -> list[timedelta]:
    """How old a list is each time that its visitor's ratings are read."""
    early = {age for age in (silence, *AGES) if age is not None and age < window}
    return [*sorted(early), window + COMMITTED]


def steps(since: datetime, now: datetime) -> Iterable[tuple[datetime, datetime]]:
    """The time from `since` to `now` in parts of at most STEP."""
    while since < now:
        until = min(now, since + STEP)
        yield since, until
        since = until
