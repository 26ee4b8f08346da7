"""The invariant: reactions, counts and sums are a function of lists and messages. Reads, and restores on request."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from bandit_selector.store import differences, rollups, shadow_sums
from bandit_selector.store.connection import Connection


def first_difference(connection: Connection) -> str | None:
    """The first stored figure that does not follow from lists and messages, as a sentence; None when every one does."""
    days = rollups.all_days(connection)
    return (
        first_wrong_cell(connection)
        or first_wrong_reaction(connection, days)
        or differences.first_difference(connection, days)
        or differences.visitors_difference(connection)
    )


def first_difference_of_all(connection: Connection, changes: timedelta) -> str | None:
    """The same, and then the first wrong sum of shadows; their outcomes change for as long as `changes`."""
    return first_difference(connection) or shadow_sums.first_difference(connection, changes)


def first_recent_difference(connection: Connection, now: datetime) -> str | None:
    """The same for every cell, and for the days that changed since this last found nothing wrong."""
    days = rollups.changed_days(connection)
    wrong = (
        first_wrong_cell(connection)
        or first_wrong_reaction(connection, days)
        or differences.first_difference(connection, days)
    )
    if wrong is None:
        connection.execute("UPDATE bandit_retention SET verified_at = %s", [now])
    return wrong


def rebuild(connection: Connection) -> int:
    """Restores every cell's counts and all sums from lists, reactions and the archive; returns the wrong cells.

    One transaction. Consumers wait for it; what they have counted but not committed is added after it. The sums of
    shadows are deleted, and made again by `settle` in the next minutes.
    """
    with connection.transaction():
        connection.execute("LOCK TABLE bandit_states IN SHARE ROW EXCLUSIVE MODE")
        rollups.rebuild(connection)
        shadow_sums.forget(connection)
        return connection.execute(
            """
            INSERT INTO bandit_states AS s
                (context_key, algorithm, total_pulls, total_successes, total_failures, alpha, beta, created_at,
                 updated_at)
            SELECT context_key, algorithm, pulls, successes, failures, 1 + successes, 1 + failures, now(), now()
            FROM bandit_states_recomputed AS r
            WHERE (pulls, successes, failures) <> (0, 0, 0) OR EXISTS (
                SELECT FROM bandit_states AS known
                WHERE (known.context_key, known.algorithm) = (r.context_key, r.algorithm)
            )
            ORDER BY context_key, algorithm
            ON CONFLICT (context_key, algorithm) WHERE position('|' IN context_key) > 0 DO UPDATE
            SET total_pulls = excluded.total_pulls,
                total_successes = excluded.total_successes,
                total_failures = excluded.total_failures,
                alpha = s.prior_alpha + excluded.total_successes,
                beta = s.prior_beta + excluded.total_failures,
                updated_at = now()
            WHERE (s.total_pulls, s.total_successes, s.total_failures, s.alpha, s.beta) IS DISTINCT FROM
                (excluded.total_pulls, excluded.total_successes, excluded.total_failures,
                 s.prior_alpha + excluded.total_successes, s.prior_beta + excluded.total_failures)
            """
        ).rowcount


def first_wrong_cell(connection: Connection) -> str | None:
    """The first cell that does not follow from the hourly sums, the unsettled lists and its archive, as a sentence.

    For every cell: alpha = prior_alpha + successes; beta = prior_beta + failures.
    """
    row = connection.execute(
        """
        SELECT context_key, algorithm,
            ARRAY[s.total_pulls, s.total_successes, s.total_failures, s.alpha, s.beta] AS stored,
            ARRAY[r.pulls, r.successes, r.failures, s.prior_alpha + r.successes, s.prior_beta + r.failures]
        FROM bandit_states_recomputed AS r LEFT JOIN bandit_states AS s USING (context_key, algorithm)
        WHERE (s.total_pulls, s.total_successes, s.total_failures, s.alpha, s.beta) IS DISTINCT FROM
            (r.pulls, r.successes, r.failures, s.prior_alpha + r.successes, s.prior_beta + r.failures)
            AND (s.id IS NOT NULL OR (r.pulls, r.successes, r.failures) <> (0, 0, 0))
        ORDER BY context_key, algorithm LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    context_key, arm, stored, due = row
    figures = "pulls, successes, failures, alpha, beta"
    return f"Cell {context_key} × {arm} stores {figures} = {stored}, but its outcomes give {due}."


def first_wrong_reaction(connection: Connection, days: Sequence[date]) -> str | None:
    """The first impression of these days whose reaction or seen bits are not what its messages say, as a sentence."""
    for day in days:
        row = connection.execute(
            """
            WITH list AS MATERIALIZED (
                SELECT id, seen, bandit_second(id) AS second,
                    (1::bigint << (cardinality(movie_ids) + 1)) - 2 AS places
                FROM bandit_lists
                WHERE created_at >= %(day)s::date::timestamp AT TIME ZONE 'UTC'
                    AND created_at < (%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'
            ), said AS MATERIALIZED (
                SELECT DISTINCT f.event_id FROM list AS l
                JOIN feedback_events AS f ON f.event_id BETWEEN l.id * 64 + 1 AND l.id * 64 + 63
            ), stored AS (
                SELECT r.* FROM list AS l
                JOIN bandit_reactions AS r ON r.event_id BETWEEN l.id * 64 + 1 AND l.id * 64 + 63
                    AND r.shown_at = l.second
            )
            SELECT coalesce(said.event_id, stored.event_id)
            FROM bandit_folded(
                ARRAY(SELECT event_id FROM said), (%(day)s::date - 1)::timestamp AT TIME ZONE 'UTC'
            ) AS said
            FULL JOIN stored USING (event_id)
            WHERE (said.clicked_at, said.rated_at, said.rating_value, said.thumbs_up_at, said.thumbs_down_at,
                    said.added_to_watchlist, said.added_to_favorites)
                IS DISTINCT FROM (stored.clicked_at, stored.rated_at, stored.rating_value, stored.thumbs_up_at,
                    stored.thumbs_down_at, stored.added_to_watchlist, stored.added_to_favorites)
            UNION ALL
            SELECT l.id * 64 FROM list AS l
            WHERE l.seen <> l.places & coalesce(
                (SELECT bit_or(f.seen) FROM feedback_events AS f WHERE f.event_id = l.id * 64), 0
            )
            ORDER BY 1 LIMIT 1
            """,
            {"day": day},
        ).fetchone()
        if row:
            return f"What is stored of impression {row[0]} is not what its messages in feedback_events say."
    return None
