"""Version 1.0: from feedback to outcomes to learned counts, exactly once.

One transaction takes its locks in one order, whoever runs it: messages by id, impressions by id, cells by key.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bandit_selector.store.connection import Connection, transaction
from bandit_selector.store.feedback_rule import Change, Rule, ids
from bandit_selector.store.locks import Lock

from benchmarks.former.feedback import MESSAGES, Message


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch did: messages never seen before, those of them that found no impression, and the cells moved."""

    new: int
    unattributed: int
    changes: tuple[Change, ...]


def apply(connection: Connection, messages: Sequence[Message], rule: Rule, now: datetime) -> Applied:
    """Counts each message once, whatever was delivered before; one transaction, three statements for any batch."""
    with transaction(connection):
        new, unattributed, impressions = _record(connection, messages, rule)
        moved = _fold(connection, impressions, [], rule, now) if impressions else ()
    return Applied(new, unattributed, tuple(Change(*row) for row in moved))


def settle(connection: Connection, shown_before: datetime, rule: Rule, now: datetime, limit: int) -> int:
    """Settles up to `limit` impressions shown before a moment, each exactly once; returns how many.

    The visit gives an impression the feedback that was received before it became visible, and makes silence a
    failure. While another visits, this does nothing and returns 0.
    """
    with transaction(connection):
        (alone,) = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [Lock.SETTLE]).fetchone() or (False,)
        due = _due(connection, shown_before, limit) if alone else []
        if due:
            _fold(connection, sorted({*due, *_reattribute(connection, due, rule)}), due, rule, now)
    return len(due)


def lock_impressions(connection: Connection, impressions: Sequence[int]) -> None:
    """Locks impressions in the one order, by a statement of its own: the next sees what was committed meanwhile."""
    connection.execute(
        "SELECT FROM recommendation_events WHERE id = ANY(%s::bigint[]) ORDER BY id FOR UPDATE", [ids(impressions)]
    )


def _record(connection: Connection, messages: Sequence[Message], rule: Rule) -> tuple[int, int, list[int]]:
    """Writes the messages that are not there yet; returns how many, how many without impression, and the impressions.

    A message that another transaction is writing now is awaited, and skipped once that one has committed.
    """
    row = connection.execute(
        """
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
        """,
        {"messages": MESSAGES.dump_json(list(messages)).decode(), "window": rule.window},
    ).fetchone()
    assert row is not None  # noqa: S101 # an aggregate always answers
    return row[0], row[1], row[2]


def _due(connection: Connection, shown_before: datetime, limit: int) -> list[int]:
    rows = connection.execute(
        """
        SELECT id FROM recommendation_events
        WHERE settled_at IS NULL AND created_at < %s
        ORDER BY created_at LIMIT %s
        """,
        [shown_before, limit],
    )
    return [event_id for (event_id,) in rows]


def _reattribute(connection: Connection, impressions: Sequence[int], rule: Rule) -> set[int]:
    """Moves messages that were received before one of these impressions was visible; returns what gained or lost."""
    rows = connection.execute(
        """
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
        """,
        {"impressions": ids(impressions), "window": rule.window},
    )
    return {event_id for (event_id,) in rows}


def _fold(
    connection: Connection, impressions: Sequence[int], visited: Sequence[int], rule: Rule, now: datetime
) -> Iterable[tuple[Any, ...]]:
    """Makes impressions say what their feedback says, and moves the cells by the difference: a row for each Change."""
    lock_impressions(connection, impressions)
    return connection.execute(
        """
        WITH said AS (
            SELECT event_id,
                min(occurred_at) FILTER (WHERE action = 'click') AS clicked_at,
                max(occurred_at) FILTER (WHERE action = 'rating') AS rated_at,
                (array_agg(rating ORDER BY occurred_at DESC, message_id DESC)
                    FILTER (WHERE action = 'rating'))[1] AS rating_value,
                max(occurred_at) FILTER (WHERE action LIKE 'thumbs%%') AS thumbed_at,
                (array_agg(action ORDER BY occurred_at DESC, message_id DESC)
                    FILTER (WHERE action LIKE 'thumbs%%'))[1] AS thumb
            FROM feedback_events WHERE event_id = ANY(%(impressions)s::bigint[]) GROUP BY event_id
        ), folded AS (
            SELECT e.id, e AS image, e.outcome AS before,
                said.clicked_at, said.rated_at, said.rating_value,
                CASE WHEN said.thumb = 'thumbs_up' THEN said.thumbed_at END AS thumbs_up_at,
                CASE WHEN said.thumb = 'thumbs_down' THEN said.thumbed_at END AS thumbs_down_at,
                CASE WHEN e.id = ANY(%(visited)s::bigint[]) THEN %(now)s ELSE e.settled_at END AS settled_at
            FROM recommendation_events AS e LEFT JOIN said ON said.event_id = e.id
            WHERE e.id = ANY(%(impressions)s::bigint[])
        ), changed AS (
            UPDATE recommendation_events AS e
            SET clicked = f.clicked_at IS NOT NULL, clicked_at = f.clicked_at,
                rated = f.rated_at IS NOT NULL, rated_at = f.rated_at, rating_value = f.rating_value,
                thumbs_up = f.thumbs_up_at IS NOT NULL, thumbs_up_at = f.thumbs_up_at,
                thumbs_down = f.thumbs_down_at IS NOT NULL, thumbs_down_at = f.thumbs_down_at,
                settled_at = f.settled_at,
                outcome = coalesce(
                    bandit_outcome(
                        f.clicked_at IS NOT NULL, f.rating_value, f.thumbs_up_at IS NOT NULL,
                        f.thumbs_down_at IS NOT NULL, %(success)s, %(failure)s
                    ),
                    CASE WHEN %(silence_counts)s AND f.settled_at IS NOT NULL THEN 'failure' END
                )
            FROM folded AS f WHERE e.id = f.id
            RETURNING e.context->>'context_key' AS context_key, e.algorithm, e.propensity, f.before, e.outcome,
                e.settled_at, CASE WHEN e.settled_at IS NOT NULL THEN f.image END AS old,
                CASE WHEN e.settled_at IS NOT NULL THEN e END AS new
        ), moved AS (
            SELECT context_key, substr(algorithm, 8) AS arm,
                sum((outcome IS NOT NULL)::int - (before IS NOT NULL)::int) AS pulls,
                sum((outcome IS NOT DISTINCT FROM 'success')::int - (before IS NOT DISTINCT FROM 'success')::int)
                    AS successes,
                sum((outcome IS NOT DISTINCT FROM 'failure')::int - (before IS NOT DISTINCT FROM 'failure')::int)
                    AS failures
            FROM changed WHERE propensity IS NOT NULL AND outcome IS DISTINCT FROM before
            GROUP BY context_key, arm
        ), counted AS (
            INSERT INTO bandit_states AS s
                (context_key, algorithm, prior_alpha, prior_beta, alpha, beta, total_pulls, total_successes,
                 total_failures, created_at, updated_at)
            SELECT context_key, arm, %(prior_alpha)s, %(prior_beta)s, %(prior_alpha)s + successes,
                %(prior_beta)s + failures, pulls, successes, failures, %(now)s, %(now)s
            FROM moved ORDER BY context_key, arm
            ON CONFLICT (context_key, algorithm) DO UPDATE
            SET alpha = s.prior_alpha + s.total_successes + excluded.total_successes,
                beta = s.prior_beta + s.total_failures + excluded.total_failures,
                total_pulls = s.total_pulls + excluded.total_pulls,
                total_successes = s.total_successes + excluded.total_successes,
                total_failures = s.total_failures + excluded.total_failures,
                updated_at = excluded.updated_at
        ), rolled_up AS (
            SELECT bandit_roll_up(array_agg(old), array_agg(new)) AS done
            FROM changed WHERE settled_at IS NOT NULL AND old IS DISTINCT FROM new HAVING count(*) > 0
        )
        SELECT context_key, arm, successes, failures FROM moved WHERE successes <> 0 OR failures <> 0
        UNION ALL SELECT NULL, NULL, 0, 0 FROM rolled_up WHERE NOT done
        """,
        {
            "impressions": ids(impressions),
            "visited": ids(visited),
            "now": now,
            "success": rule.success,
            "failure": rule.failure,
            "silence_counts": rule.silence_counts,
            "prior_alpha": rule.prior_alpha,
            "prior_beta": rule.prior_beta,
        },
    )
