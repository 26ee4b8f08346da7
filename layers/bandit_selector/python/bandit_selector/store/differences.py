"""Whether the sums of `rollups` follow from the lists: recomputes them and names the first that differs."""

from collections.abc import Sequence
from datetime import date

from bandit_selector.store import backgrounds, bounds
from bandit_selector.store.connection import Connection


def first_difference(connection: Connection, days: Sequence[date]) -> str | None:
    """The first sum of these days that does not follow from the lists, as a sentence; None when every one does."""
    for day in days:
        wrong = (
            _hours_difference(connection, day)
            or _days_difference(connection, day)
            or _contexts_difference(connection, day)
        )
        if wrong:
            return wrong
    return None


def _hours_difference(connection: Connection, day: date) -> str | None:
    row = connection.execute(
        """
        WITH stored AS (
            SELECT * FROM recommendation_hours WHERE (hour AT TIME ZONE 'UTC')::date = %(day)s
        ), due AS (
            SELECT * FROM bandit_hours_recomputed(
                %(day)s::date::timestamp AT TIME ZONE 'UTC', (%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'
            )
        )
        SELECT coalesce(stored.hour, due.hour), coalesce(stored.algorithm, due.algorithm),
            coalesce(stored.context_key, due.context_key), (to_jsonb(stored) - 'changed_at')::text,
            to_jsonb(due)::text
        FROM stored FULL JOIN due
            ON (stored.hour, stored.algorithm, stored.context_key) = (due.hour, due.algorithm, due.context_key)
        WHERE (stored.shown, stored.clicked, stored.rated, stored.rating_sum, stored.thumbs_up, stored.thumbs_down,
               stored.favorites, stored.watchlist, stored.successes, stored.failures, stored.neutrals)
            IS DISTINCT FROM
            (due.shown, due.clicked, due.rated, due.rating_sum, due.thumbs_up, due.thumbs_down,
             due.favorites, due.watchlist, due.successes, due.failures, due.neutrals)
            AND (coalesce(stored.shown, 0), coalesce(due.shown, 0), coalesce(stored.clicked, 0)) <> (0, 0, 0)
        ORDER BY 1, 2, 3 LIMIT 1
        """,
        {"day": day},
    ).fetchone()
    if row is None:
        return None
    return f"Hour {row[0]:%Y-%m-%d %H:%M} of {row[1]} in {row[2]} stores {row[3]}, but its lists give {row[4]}."


def _days_difference(connection: Connection, day: date) -> str | None:
    row = connection.execute(
        """
        WITH due AS (
            SELECT phase, ab_group, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down
            FROM bandit_days_recomputed(
                %(day)s::date::timestamp AT TIME ZONE 'UTC', (%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'
            )
            WHERE (shown, clicked, rated) <> (0, 0, 0)
        ), stored AS (
            SELECT phase, ab_group, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down
            FROM experiment_days WHERE day = %(day)s AND (shown, clicked, rated) <> (0, 0, 0)
        )
        SELECT coalesce(stored.ab_group, due.ab_group), coalesce(stored.cluster, due.cluster),
            to_json(stored)::text, to_json(due)::text
        FROM stored FULL JOIN due
            ON (stored.phase, stored.ab_group, stored.cluster) = (due.phase, due.ab_group, due.cluster)
        WHERE (stored.shown, stored.clicked, stored.rated, stored.rating_sum, stored.thumbs_up, stored.thumbs_down)
            IS DISTINCT FROM (due.shown, due.clicked, due.rated, due.rating_sum, due.thumbs_up, due.thumbs_down)
        ORDER BY 1, 2 LIMIT 1
        """,
        {"day": day},
    ).fetchone()
    if row is None:
        return None
    return f"Day {day} of {row[0]}, cluster {row[1]}, stores {row[2]}, but its lists give {row[3]}."


def _contexts_difference(connection: Connection, day: date) -> str | None:
    row = connection.execute(
        """
        WITH due AS (
            SELECT * FROM bandit_contexts_recomputed(
                %(day)s::date::timestamp AT TIME ZONE 'UTC', (%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'
            )
            WHERE (shown, clicked, rated) <> (0, 0, 0)
        ), stored AS (
            SELECT * FROM experiment_contexts WHERE day = %(day)s AND (shown, clicked, rated) <> (0, 0, 0)
        )
        SELECT coalesce(stored.ab_group, due.ab_group), coalesce(stored.context_key, due.context_key),
            to_json(stored)::text, to_json(due)::text
        FROM stored FULL JOIN due ON (stored.phase, stored.context_key, stored.ab_group, stored.cluster)
            = (due.phase, due.context_key, due.ab_group, due.cluster)
        WHERE (stored.shown, stored.clicked, stored.rated, stored.rating_sum, stored.thumbs_up, stored.thumbs_down)
            IS DISTINCT FROM (due.shown, due.clicked, due.rated, due.rating_sum, due.thumbs_up, due.thumbs_down)
        ORDER BY 1, 2 LIMIT 1
        """,
        {"day": day},
    ).fetchone()
    if row is None:
        return None
    return f"Day {day} of {row[0]} in {row[1]} stores {row[2]}, but its lists give {row[3]}."


def visitors_difference(connection: Connection) -> str | None:
    """The first visitor, or cluster of visitors, whose totals do not follow from the lists; reads all visitors.

    Visitors who came before the oldest list that is kept cannot be recomputed.
    """
    return (
        _totals_difference(connection)
        or _arrivals_difference(connection)
        or bounds.difference(connection)
        or backgrounds.difference(connection)
    )


def _totals_difference(connection: Connection) -> str | None:
    row = connection.execute(
        """
        WITH stored AS (
            SELECT user_id, phase, ab_group, first_list, shown, clicked FROM experiment_visitors
        )
        SELECT user_id, ab_group, to_json(stored)::text, to_json(due)::text
        FROM stored FULL JOIN experiment_visitors_recomputed AS due USING (user_id, phase, ab_group)
        WHERE bandit_second(coalesce(stored.first_list, due.first_list))
                >= (SELECT complete_from FROM bandit_retention)
            AND (stored.first_list, stored.shown, stored.clicked)
                IS DISTINCT FROM (due.first_list, due.shown, due.clicked)
        ORDER BY 1, 2 LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    return f"Visitor {row[0]} in {row[1]} has {row[2]}, but the lists give {row[3]}."


def _arrivals_difference(connection: Connection) -> str | None:
    row = connection.execute(
        """
        SELECT day, ab_group, coalesce(stored.visitors, 0), coalesce(due.visitors, 0)
        FROM (
            SELECT day, phase, ab_group, cluster, visitors FROM experiment_days
            WHERE day >= (SELECT (complete_from AT TIME ZONE 'UTC')::date FROM bandit_retention) AND visitors <> 0
        ) AS stored
        FULL JOIN (
            SELECT day, phase, ab_group, cluster, count(*)::integer AS visitors FROM experiment_arrivals
            WHERE day >= (SELECT (complete_from AT TIME ZONE 'UTC')::date FROM bandit_retention)
            GROUP BY 1, 2, 3, 4
        ) AS due USING (day, phase, ab_group, cluster)
        WHERE stored.visitors IS DISTINCT FROM due.visitors
        ORDER BY 1, 2 LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    return f"Day {row[0]} of {row[1]} stores {row[2]} new visitors in a cluster, but the lists give {row[3]}."
