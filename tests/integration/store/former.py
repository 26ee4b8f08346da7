"""An installation of the version before lists: its dump with present times, its functions' statements verbatim,
and what must not change when it is migrated."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, LiteralString
from uuid import UUID

from bandit_selector.feedback import Message
from bandit_selector.store.connection import Connection
from psycopg.types.json import Jsonb

from tests.integration.functions.test_analytics import GUIDE

DUMP = (Path(__file__).parent / "former.sql").read_text()
DUMPED_AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
TIME = re.compile(r"'(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d:\d\d(?:\.\d+)?\+00))?'")
TIMED_ID = re.compile(r"'([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})'")


def dump_at(now: datetime) -> tuple[str, datetime]:
    """The dump, all of it moved by whole days to the last day before `now`; and the moment that it then shows."""
    days = (now - DUMPED_AT) // timedelta(days=1)
    later = timedelta(days=days)
    moved = TIME.sub(lambda found: f"'{_moved(found[1], later)}{' ' + found[2] if found[2] else ''}'", DUMP)
    return TIMED_ID.sub(lambda found: f"'{_id_moved(found[1], later)}'", moved), DUMPED_AT + later


def _moved(day: str, later: timedelta) -> str:
    return (datetime.fromisoformat(day) + later).date().isoformat()


def _id_moved(message_id: str, later: timedelta) -> UUID:
    return UUID(int=UUID(message_id).int + (int(later.total_seconds() * 1000) << 80))


EVERYTHING: Final[dict[str, LiteralString]] = {
    "impressions": "SELECT id, user_id, movie_id, algorithm, recommendation_score, position, context, clicked,"
    " clicked_at, rated, rated_at, rating_value, added_to_watchlist, added_to_favorites, thumbs_up, thumbs_up_at,"
    " thumbs_down, thumbs_down_at, created_at, recommendation_id, propensity, posterior_version, outcome, settled_at"
    " FROM recommendation_events ORDER BY id",
    "the guide's figures": GUIDE.replace("GROUP BY ab_group", "GROUP BY ab_group ORDER BY ab_group"),
    "learned counts": "SELECT * FROM bandit_states ORDER BY id",
    "published": "SELECT context_key, algorithm, alpha, beta, probability, version, published_at, seen_successes,"
    " seen_failures FROM bandit_posteriors ORDER BY context_key, algorithm",
    "activity": "SELECT hour, algorithm, context_key, sum(shown), sum(clicked), sum(rated), sum(rating_sum),"
    " sum(thumbs_up), sum(thumbs_down), sum(favorites), sum(watchlist), sum(successes), sum(failures)"
    " FROM recommendation_activity GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    "experiment": "SELECT day, ab_group, cluster, sum(shown), sum(clicked), sum(rated), sum(rating_sum),"
    " sum(thumbs_up), sum(thumbs_down) FROM experiment_activity GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    "messages": "SELECT message_id, user_id, movie_id, claimed_event_id, action, rating, occurred_at, received_at,"
    " event_id, reason FROM feedback_events WHERE received_at > now() - interval '90 days' ORDER BY message_id",
}


@dataclass(frozen=True, slots=True)
class Former:
    """A database of the former version, and the moment that it shows."""

    url: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """An impression, and the cell that it counts in."""

    event_id: int
    user_id: int
    movie_id: int
    context_key: str
    arm: str


def picture(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {name: connection.execute(query).fetchall() for name, query in EVERYTHING.items()}


def one(connection: Connection, query: LiteralString, *parameters: object) -> tuple[Any, ...]:
    row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row


def silent(connection: Connection, now: datetime, algorithm: str = "bandit_") -> Shown:
    """A settled impression without feedback, the newest of its user and movie, shown in the six days before `now`."""
    return Shown(
        *one(
            connection,
            """
            SELECT id, user_id, movie_id, context->>'context_key', substr(algorithm, 8)
            FROM recommendation_events AS e
            WHERE outcome = 'failure' AND NOT (clicked OR rated OR thumbs_down) AND starts_with(algorithm, %s)
                AND created_at > %s::timestamptz - interval '6 days'
                AND id = (
                    SELECT max(id) FROM recommendation_events AS newest
                    WHERE (newest.user_id, newest.movie_id) = (e.user_id, e.movie_id)
                )
            ORDER BY id LIMIT 1
            """,
            algorithm,
            now,
        )
    )


def counts(connection: Connection, shown: Shown) -> tuple[float, ...]:
    """(alpha, beta, pulls) of its cell."""
    return one(
        connection,
        "SELECT alpha, beta, total_pulls FROM bandit_states WHERE context_key = %s AND algorithm = %s",
        *(shown.context_key, shown.arm),
    )


def said(number: int, user: int, at: datetime, action: str = "click", **about: Any) -> Message:
    given = {"message_id": UUID(int=number), "occurred_at": at, "received_at": at, "user_id": user}
    return Message.model_validate(given | {"action": action} | about)


def old_list(connection: Connection, now: datetime, user: int = 1) -> list[int]:
    """Records a list by the former statement of `select`; returns its event ids."""
    places = (["bandit_svd", "bandit_graph"], [3, 4], [1, 2], [0.9, 0.8], [0.5, 0.5])
    context = Jsonb({"context_key": "night|weekday|regular"})
    rows = connection.execute(RECORD_SLATE.encode(), [UUID(int=user), user, context, 1, now, *places]).fetchall()
    return [event for event, _ in rows]


RECORD_SLATE = """
        WITH shown AS (
            INSERT INTO recommendation_events
                (recommendation_id, user_id, context, posterior_version, created_at,
                 algorithm, movie_id, position, recommendation_score, propensity)
            SELECT %s, %s, %s, %s, %s, place.*
            FROM unnest(%s::text[], %s::int[], %s::int[], %s::float8[], %s::float8[]) AS place
            RETURNING id, movie_id, position
        )
        SELECT shown.id, to_jsonb(movie) FROM shown JOIN movies AS movie ON movie.id = shown.movie_id
        ORDER BY shown.position
"""
RECORD_MESSAGES = """
        WITH message AS (
            SELECT * FROM json_to_recordset(%(messages)s::json) AS m (
                message_id uuid, action text, user_id integer, movie_id integer, event_id bigint,
                rating real, occurred_at timestamptz, received_at timestamptz
            )
        ), recorded AS (
            INSERT INTO feedback_events
                (message_id, user_id, movie_id, claimed_event_id, action, rating, occurred_at, received_at,
                 event_id, reason)
            SELECT m.message_id, m.user_id, m.movie_id, m.event_id, m.action, m.rating, m.occurred_at, m.received_at,
                found.event_id, found.reason
            FROM message AS m
            CROSS JOIN LATERAL bandit_attribution(
                m.user_id, m.movie_id, m.event_id, m.received_at, %(window)s
            ) AS found
            ORDER BY m.message_id
            ON CONFLICT (message_id) DO NOTHING
            RETURNING event_id
        )
        SELECT count(*), count(*) - count(event_id),
            coalesce(array_agg(DISTINCT event_id) FILTER (WHERE event_id IS NOT NULL), '{}')
        FROM recorded
"""
REATTRIBUTE = """
        WITH visited AS (
            SELECT id, user_id, movie_id, created_at FROM recommendation_events
            WHERE id = ANY(%(impressions)s::bigint[])
        ), concerned AS (
            SELECT f.message_id, f.user_id, f.movie_id, f.claimed_event_id, f.received_at, f.event_id, f.reason
            FROM visited AS v JOIN feedback_events AS f
                ON f.user_id = v.user_id AND f.movie_id = v.movie_id AND f.claimed_event_id IS NULL
                AND f.received_at BETWEEN v.created_at AND v.created_at + %(window)s
            WHERE f.event_id IS DISTINCT FROM v.id
            UNION
            SELECT f.message_id, f.user_id, f.movie_id, f.claimed_event_id, f.received_at, f.event_id, f.reason
            FROM visited AS v JOIN feedback_events AS f ON f.claimed_event_id = v.id AND f.event_id IS NULL
        ), moved AS (
            UPDATE feedback_events AS f SET event_id = found.event_id, reason = found.reason
            FROM concerned AS c
            CROSS JOIN LATERAL bandit_attribution(
                c.user_id, c.movie_id, c.claimed_event_id, c.received_at, %(window)s
            ) AS found
            WHERE f.message_id = c.message_id AND (found.event_id, found.reason) IS DISTINCT FROM (c.event_id, c.reason)
            RETURNING c.event_id AS lost, f.event_id AS gained
        )
        SELECT lost FROM moved WHERE lost IS NOT NULL UNION SELECT gained FROM moved WHERE gained IS NOT NULL
"""
