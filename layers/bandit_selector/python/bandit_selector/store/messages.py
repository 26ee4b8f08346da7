"""The log of messages: writes each once, with the impression it counts for. Decides nothing: the rule is in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bandit_selector.feedback import Message, write_messages
from bandit_selector.store.connection import Connection
from bandit_selector.store.feedback_rule import SINCE, ids, second, span, spanning
from bandit_selector.store.set_aside import FIRST_LIST

EVER: Final = spanning(SINCE, second(1 << 60))
"""A span that has every list and every message about an impression from before lists."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The impressions that gained or lost messages, and places newly seen.

    `events` has a list's id times 64 for a list that was seen; `seen` is {list id: bits}.
    """

    events: list[int]
    seen: dict[int, int]


@dataclass(frozen=True, slots=True)
class Recorded(Moved):
    """The same of a batch; its messages that were not in the log, and how many of those have no impression."""

    new: int
    unattributed: int


def record(connection: Connection, messages: Sequence[Message], window: timedelta) -> Recorded:
    """Writes the messages that are not in the log yet.

    A message that another transaction is writing now is awaited, and skipped once that transaction has committed. A
    message of a visitor who was forgotten after it was received is dropped.
    """
    row = connection.execute(
        """
        WITH message AS MATERIALIZED ( -- with its time, made once
            SELECT m.*, bandit_message_time(m.message_id) AS message_time
            FROM json_to_recordset(%(messages)s::json) AS m (
                message_id uuid, action text, user_id bigint, movie_id bigint, event_id bigint, rating real,
                seen bigint, occurred_at timestamptz, received_at timestamptz
            )
            WHERE NOT EXISTS (
                SELECT FROM bandit_forgotten AS gone
                WHERE gone.user_id = m.user_id AND m.received_at <= gone.forgotten_at
            )
        ), named AS MATERIALIZED ( -- the lists that messages name, by one pass over their index
            SELECT id, user_id, created_at, cardinality(movie_ids) AS places FROM bandit_lists
            WHERE id = ANY(ARRAY(SELECT event_id >> 6 FROM message WHERE event_id IS NOT NULL))
                AND created_at >= %(since)s AND created_at < %(until)s
        ), old AS MATERIALIZED (
            SELECT id, user_id, created_at FROM recommendation_events_set_aside
            WHERE id = ANY(ARRAY(SELECT event_id FROM message WHERE bandit_is_old(event_id)))
                AND recommendation_id IS NOT NULL
        ), meant AS ( -- as bandit_attribution does it for one message
            SELECT m.*, impression.*, bandit_refusal(
                    impression.meant_id, impression.visitor, impression.shown_at, m.user_id, m.event_id, m.received_at,
                    m.message_time, %(window)s
                ) AS reason
            FROM message AS m
            LEFT JOIN named AS l ON l.id = m.event_id >> 6 AND (m.event_id & 63) <= l.places
            LEFT JOIN old AS e ON e.id = m.event_id
            LEFT JOIN LATERAL (
                SELECT * FROM bandit_newest(m.user_id, m.movie_id, m.received_at, %(window)s, %(since)s, %(until)s)
                WHERE m.event_id IS NULL OFFSET 0 -- so that nothing is looked for where a message names its impression
            ) AS n ON true
            CROSS JOIN LATERAL (
                SELECT CASE WHEN l.id IS NULL AND e.id IS NULL THEN n.event_id ELSE m.event_id END AS meant_id,
                    coalesce(l.user_id, e.user_id, n.user_id) AS visitor,
                    coalesce(l.created_at, e.created_at, n.created_at) AS shown_at
            ) AS impression
        ), recorded AS (
            INSERT INTO feedback_events
                (message_id, message_time, user_id, movie_id, claimed_event_id, action, rating, seen, occurred_at,
                 received_at, event_id, reason)
            SELECT m.message_id, m.message_time, m.user_id, m.movie_id, m.event_id, m.action, m.rating, m.seen,
                m.occurred_at, m.received_at, CASE WHEN m.reason IS NULL THEN m.meant_id END, m.reason
            FROM meant AS m
            ORDER BY m.message_id
            ON CONFLICT (message_time, message_id) DO NOTHING
            RETURNING event_id, seen
        ), seen AS (
            SELECT event_id >> 6 AS list_id, bit_or(seen) AS bits FROM recorded
            WHERE seen IS NOT NULL AND event_id IS NOT NULL GROUP BY 1
        )
        SELECT count(*), count(*) - count(event_id),
            coalesce(array_agg(DISTINCT event_id) FILTER (WHERE event_id IS NOT NULL), '{}'),
            (SELECT array_agg(list_id) FROM seen), (SELECT array_agg(bits) FROM seen)
        FROM recorded
        """,
        {"messages": write_messages(messages).decode(), "window": window, **_meant(messages, window)},
    ).fetchone()
    assert row is not None  # noqa: S101 # an aggregate always answers
    return Recorded(row[2], dict(zip(row[3] or (), row[4] or (), strict=True)), row[0], row[1])


def _meant(messages: Sequence[Message], window: timedelta) -> dict[str, datetime]:
    """The span of time that has every list that these messages can mean; see `span`."""
    named = [message.event_id >> 6 for message in messages if message.event_id and message.event_id >= FIRST_LIST]
    lists = [second(min(named)), second(max(named))] if named else []
    unnamed = [message.received_at for message in messages if message.event_id is None]
    first = min([*lists, *(received - window for received in unnamed)], default=SINCE)
    return spanning(first, max([*lists, *unnamed], default=SINCE))


def reattribute(connection: Connection, lists: Sequence[int], old: Sequence[int], window: timedelta) -> Moved:
    """Moves messages that were received before one of these became visible; returns what gained or lost any.

    `lists` are lists, `old` impressions from before lists.
    """
    due = EVER if old else span(lists)
    rows = connection.execute(
        """
        WITH visible AS (
            SELECT l.id * 64 AS first, l.id * 64 + 63 AS last, l.user_id, l.movie_ids, l.created_at
            FROM bandit_lists AS l
            WHERE l.id = ANY(%(lists)s::bigint[]) AND l.created_at >= %(since)s AND l.created_at < %(until)s
            UNION ALL
            SELECT e.id, e.id, e.user_id, ARRAY[e.movie_id], e.created_at
            FROM recommendation_events_set_aside AS e WHERE e.id = ANY(%(old)s::bigint[])
        ), concerned AS (
            SELECT f.*
            FROM visible AS v JOIN feedback_events AS f
                ON f.user_id = v.user_id AND f.movie_id = ANY(v.movie_ids) AND f.claimed_event_id IS NULL
                AND f.received_at BETWEEN v.created_at AND v.created_at + %(window)s
                AND (f.message_time = '-infinity' OR f.message_time >= %(logged_since)s)
            WHERE f.event_id IS NULL OR f.event_id NOT BETWEEN v.first AND v.last
            UNION
            SELECT f.* FROM visible AS v JOIN feedback_events AS f
                ON f.claimed_event_id BETWEEN v.first AND v.last AND f.event_id IS NULL
                AND (f.message_time = '-infinity' OR f.message_time >= %(logged_since)s)
        ), moved AS (
            UPDATE feedback_events AS f SET event_id = meant.event_id, reason = meant.reason
            FROM concerned AS c
            CROSS JOIN LATERAL bandit_attribution(
                c.user_id, c.movie_id, c.claimed_event_id, c.received_at, c.message_time, %(window)s,
                %(earliest)s, %(latest)s
            ) AS meant
            WHERE f.message_id = c.message_id AND f.message_time = c.message_time
                AND (f.message_time = '-infinity' OR f.message_time >= %(logged_since)s)
                AND (meant.event_id, meant.reason) IS DISTINCT FROM (c.event_id, c.reason)
            RETURNING c.event_id AS lost, f.event_id AS gained, f.seen
        )
        SELECT lost, gained, seen FROM moved
        """,
        {
            "lists": ids(lists),
            "old": ids(old),
            "window": window,
            **due,
            "earliest": due["since"] - window,
            "latest": due["until"] + window,
        },
    )
    moved = rows.fetchall()
    seen: dict[int, int] = {}
    for _, gained, bits in moved:
        if gained is not None and bits is not None:
            seen[gained >> 6] = seen.get(gained >> 6, 0) | bits
    return Moved(sorted({event_id for lost, gained, _ in moved for event_id in (lost, gained) if event_id}), seen)
