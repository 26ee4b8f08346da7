"""The log of messages: writes each once, with the impression it counts for. Decides nothing: the rule is in SQL."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bandit_selector.feedback import Message
from bandit_selector.store.columns import Column, bigints, integers, moments, reals, texts, uuids
from bandit_selector.store.connection import Connection
from bandit_selector.store.counting import COUNTED, FOLDED, LOCKED, NO_NEWCOMER, parameters
from bandit_selector.store.feedback_rule import SINCE, Change, Rule, ids, second, span, spanning
from bandit_selector.store.set_aside import FIRST_LIST

EVER: Final = spanning(SINCE, second(1 << 60))
"""A span that has every list and every message about an impression from before lists."""


MISPLACED: Final = """
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
        ), misplaced AS (
            SELECT c.message_id, c.message_time, c.event_id AS lost, meant.event_id AS gained, meant.reason
            FROM concerned AS c
            CROSS JOIN LATERAL bandit_attribution(
                c.user_id, c.movie_id, c.claimed_event_id, c.received_at, c.message_time, %(window)s,
                %(earliest)s, %(latest)s
            ) AS meant
            WHERE (meant.event_id, meant.reason) IS DISTINCT FROM (c.event_id, c.reason)
        )
"""
"""`misplaced`: the messages that were received before one of these lists became visible, and count elsewhere."""


WRITTEN: Final = """
        SELECT (%(message_ids)s::uuid[])[n] AS message_id, (%(users)s::bigint[])[n] AS user_id,
            nullif((%(movies)s::bigint[])[n], 0) AS movie_id, nullif((%(events)s::bigint[])[n], 0) AS event_id,
            (%(received)s::timestamptz[])[n] AS received_at, (%(words)s::text[])[(%(actions)s::integer[])[n]] AS action,
            nullif((%(ratings)s::real[])[n], 0) AS rating, nullif((%(places)s::bigint[])[n], 0) AS seen,
            (%(occurred)s::timestamptz[])[n] AS occurred_at
        FROM generate_series(1, cardinality(%(message_ids)s::uuid[])) AS n
"""
"""A row a message, from its columns; what it does not say is null. `unnest` would write and read each column apart."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The impressions that gained or lost messages, and places newly seen.

    `events` has a list's id times 64 for a list that was seen; `seen` is {list id: bits}.
    """

    events: list[int]
    seen: dict[int, int]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a batch did: how many of its messages were not in the log, how many of those have no impression, and the
    cells moved. `left` is what this did not count: impressions from before lists, and places seen."""

    new: int
    unattributed: int
    changes: list[Change]
    left: Moved


def count(connection: Connection, messages: Sequence[Message], rule: Rule, now: datetime) -> Counted:
    """Writes the messages that are not in the log yet, and makes the impressions that they mean agree with it.

    One statement: it locks all lists that the messages mean, in the order of their ids, and reads each once. A message
    that another transaction is writing now is awaited, and skipped once that transaction has committed. A message of a
    visitor who was forgotten after it was received is dropped.
    """
    rows = connection.execute(
        """
        WITH message AS MATERIALIZED ( -- with its time, and the impression that it means as bandit_attribution finds it
            SELECT coalesce(m.event_id, n.event_id) AS meant_id, m.*, bandit_message_time(m.message_id) AS message_time
            FROM ("""  # noqa: S608 # ours
        + WRITTEN
        + """
            ) AS m
            LEFT JOIN LATERAL (
                SELECT * FROM bandit_newest(m.user_id, m.movie_id, m.received_at, %(window)s, %(since)s, %(until)s)
                WHERE m.event_id IS NULL OFFSET 0 -- so that nothing is looked for where a message names its impression
            ) AS n ON true
            WHERE NOT EXISTS (
                SELECT FROM bandit_forgotten AS gone
                WHERE gone.user_id = m.user_id AND m.received_at <= gone.forgotten_at
            )
        ), named AS (
            SELECT meant_id >> 6 AS list_id FROM message WHERE NOT bandit_is_old(meant_id)
        ),"""
        + LOCKED
        + """
        old AS MATERIALIZED (
            SELECT id, user_id, created_at FROM recommendation_events_set_aside
            WHERE id = ANY(ARRAY(SELECT meant_id FROM message WHERE bandit_is_old(meant_id)))
                AND recommendation_id IS NOT NULL
        ), judged AS (
            SELECT m.*, bandit_refusal(
                    coalesce(l.id, e.id), coalesce(l.user_id, e.user_id), coalesce(l.created_at, e.created_at),
                    m.user_id, m.event_id, m.received_at, m.message_time, %(window)s
                ) AS reason
            FROM message AS m
            LEFT JOIN list AS l ON l.id = m.meant_id >> 6 AND (m.meant_id & 63) <= l.places
            LEFT JOIN old AS e ON e.id = m.meant_id
        ), recorded AS (
            INSERT INTO feedback_events
                (message_id, message_time, user_id, movie_id, claimed_event_id, action, rating, seen, occurred_at,
                 received_at, event_id, reason)
            SELECT message_id, message_time, user_id, movie_id, event_id, action, rating, seen, occurred_at,
                received_at, CASE WHEN reason IS NULL THEN meant_id END, reason
            FROM judged ORDER BY message_id
            ON CONFLICT (message_time, message_id) DO NOTHING
            RETURNING event_id, seen
        ), concerned AS MATERIALIZED (
            SELECT event_id, event_id >> 6 AS list_id, (event_id & 63)::integer AS place
            FROM (SELECT DISTINCT event_id FROM recorded) AS meant
            WHERE NOT bandit_is_old(event_id) AND event_id & 63 <> 0
        ), seen AS (
            SELECT event_id >> 6 AS list_id, bit_or(seen) AS bits FROM recorded
            WHERE seen IS NOT NULL AND event_id IS NOT NULL GROUP BY 1
        ),"""
        + FOLDED
        + NO_NEWCOMER
        + COUNTED
        + """
        UNION ALL SELECT NULL, json_build_object(
                'old', array_agg(DISTINCT event_id) FILTER (WHERE bandit_is_old(event_id)),
                'lists', (SELECT array_agg(list_id) FROM seen), 'bits', (SELECT array_agg(bits) FROM seen)
            )::text, count(*), count(*) - count(event_id)
            FROM recorded
        """,
        {
            **columns(messages),
            "window": rule.window,
            **_meant(messages, rule.window),
            **parameters(rule, now),
        },
    ).fetchall()
    *changes, (_, left, new, unattributed) = rows
    return Counted(new, unattributed, [Change(*row) for row in changes], _left(json.loads(left)))


def columns(messages: Sequence[Message]) -> dict[str, Column]:
    """The parameters of WRITTEN, with 0 for what a message does not say, and the place of its action in `words`."""
    words = {word: place for place, word in enumerate({message.action for message in messages}, 1)}
    return {
        "message_ids": uuids([message.message_id for message in messages]),
        "users": bigints([message.user_id for message in messages]),
        "movies": bigints([message.movie_id or 0 for message in messages]),
        "events": bigints([message.event_id or 0 for message in messages]),
        "received": moments([message.received_at for message in messages]),
        "words": texts([*words]),
        "actions": integers([words[message.action] for message in messages]),
        "ratings": reals([message.rating or 0 for message in messages]),
        "places": bigints([message.seen or 0 for message in messages]),
        "occurred": moments([message.occurred_at for message in messages]),
    }


def _left(left: Mapping[str, list[int] | None]) -> Moved:
    return Moved(left["old"] or [], dict(zip(left["lists"] or (), left["bits"] or (), strict=True)))


def _meant(messages: Sequence[Message], window: timedelta) -> dict[str, datetime]:
    """The span of time that has every list that these messages can mean; see `span`."""
    named = [message.event_id >> 6 for message in messages if message.event_id and message.event_id >= FIRST_LIST]
    lists = [second(min(named)), second(max(named))] if named else []
    unnamed = [message.received_at for message in messages if message.event_id is None]
    first = min([*lists, *(received - window for received in unnamed)], default=SINCE)
    return spanning(first, max([*lists, *unnamed], default=SINCE))


def has_moves(connection: Connection, lists: Sequence[int], old: Sequence[int], window: timedelta) -> bool:
    """Whether messages count elsewhere that were received before one of these became visible; see `reattribute`."""
    row = connection.execute(
        MISPLACED + "SELECT EXISTS (SELECT FROM misplaced)",  # noqa: S608 # ours
        _misplaced(lists, old, window),
    ).fetchone()
    return bool(row and row[0])


def _misplaced(lists: Sequence[int], old: Sequence[int], window: timedelta) -> dict[str, Any]:
    due = EVER if old else span(lists)
    return {
        "lists": ids(lists),
        "old": ids(old),
        "window": window,
        **due,
        "earliest": due["since"] - window,
        "latest": due["until"] + window,
    }


def reattribute(connection: Connection, lists: Sequence[int], old: Sequence[int], window: timedelta) -> Moved:
    """Moves messages that were received before one of these became visible; returns what gained or lost any.

    `lists` are lists, `old` impressions from before lists.
    """
    rows = connection.execute(
        MISPLACED  # noqa: S608 # ours
        + """
        UPDATE feedback_events AS f SET event_id = m.gained, reason = m.reason
        FROM misplaced AS m
        WHERE f.message_id = m.message_id AND f.message_time = m.message_time
            AND (f.message_time = '-infinity' OR f.message_time >= %(logged_since)s)
        RETURNING m.lost, m.gained, f.seen
        """,
        _misplaced(lists, old, window),
    )
    moved = rows.fetchall()
    seen: dict[int, int] = {}
    for _, gained, bits in moved:
        if gained is not None and bits is not None:
            seen[gained >> 6] = seen.get(gained >> 6, 0) | bits
    return Moved(sorted({event_id for lost, gained, _ in moved for event_id in (lost, gained) if event_id}), seen)
