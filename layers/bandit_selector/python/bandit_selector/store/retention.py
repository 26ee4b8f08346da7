"""Removing events without unlearning: what an outcome taught moves to its cell's archived counts, then its rows go."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bandit_selector.store import rollups
from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock
from bandit_selector.store.outcomes import lock_impressions


def prune(connection: Connection, before: datetime, batch: int = 5_000) -> Iterator[int]:
    """Removes settled impressions shown before a moment, and all feedback received before it.

    Yields the number of rows after each batch; every batch is a transaction of its own, and so may stop anywhere.
    `before` must be the start of a UTC day, because the sums of whole days stay. Raises ValueError if it is not.
    """
    if before.utcoffset() is None or before.timestamp() % 86_400:
        raise ValueError(f"Events are pruned by whole UTC days; {before} is not the start of one.")
    connection.execute("UPDATE bandit_retention SET complete_from = greatest(complete_from, %s)", [before])
    while removed := _prune_impressions(connection, before, batch):
        yield removed
    while removed := _prune_feedback(connection, before, batch):
        yield removed


def forget_user(connection: Connection, user_id: int) -> int:
    """Erases every row about a visitor in one transaction and keeps what was learned; returns how many impressions.

    Feedback of theirs that still waits in the queue finds no impression when it comes; run it again then.
    """
    with connection.transaction():
        _alone(connection)
        rows = connection.execute("SELECT id FROM recommendation_events WHERE user_id = %s", [user_id])
        impressions = [event_id for (event_id,) in rows]
        lock_impressions(connection, impressions)
        rollups.forget(connection, user_id)
        _archive(connection, impressions)
        connection.execute("DELETE FROM recommendation_events WHERE id = ANY(%s)", [impressions])
        connection.execute("DELETE FROM feedback_events WHERE user_id = %s", [user_id])
        connection.execute("DELETE FROM recommendation_candidates WHERE user_id = %s", [user_id])
    return len(impressions)


def _prune_impressions(connection: Connection, before: datetime, batch: int) -> int:
    with connection.transaction():
        _alone(connection)
        rows = connection.execute(
            """
            SELECT id FROM recommendation_events
            WHERE created_at < %s AND settled_at IS NOT NULL
            ORDER BY created_at LIMIT %s
            """,
            [before, batch],
        )
        impressions = [event_id for (event_id,) in rows]
        lock_impressions(connection, impressions)
        _archive(connection, impressions)
        connection.execute("DELETE FROM feedback_events WHERE event_id = ANY(%s)", [impressions])
        connection.execute("DELETE FROM recommendation_events WHERE id = ANY(%s)", [impressions])
    return len(impressions)


def _prune_feedback(connection: Connection, before: datetime, batch: int) -> int:
    return connection.execute(
        """
        DELETE FROM feedback_events WHERE message_id IN (
            SELECT message_id FROM feedback_events WHERE event_id IS NULL AND received_at < %s LIMIT %s
        )
        """,
        [before, batch],
    ).rowcount


def _alone(connection: Connection) -> None:
    """Waits until nobody settles, so that no message moves to or from an impression that goes."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.SETTLE])


def _archive(connection: Connection, impressions: Sequence[int]) -> None:
    connection.execute(
        """
        WITH gone AS (
            SELECT context_key, algorithm, count(*) AS pulls, sum(success) AS successes, sum(failure) AS failures
            FROM bandit_outcomes WHERE id = ANY(%s) GROUP BY context_key, algorithm
        ), cell AS (
            SELECT s.id FROM bandit_states AS s JOIN gone USING (context_key, algorithm)
            ORDER BY s.context_key, s.algorithm FOR UPDATE OF s
        )
        UPDATE bandit_states AS s
        SET archived_pulls = archived_pulls + pulls,
            archived_successes = archived_successes + successes,
            archived_failures = archived_failures + failures
        FROM gone, cell
        WHERE cell.id = s.id AND (s.context_key, s.algorithm) = (gone.context_key, gone.algorithm)
        """,
        [list(impressions)],
    )
