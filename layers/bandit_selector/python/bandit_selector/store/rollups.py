"""Hourly and daily sums of the settled impressions: exact at every moment. Knows tables, not what the sums are for.

`folding` writes them, in the transaction that settles a list or changes an impression; readers add the lists that are
not settled yet. Days before bandit_retention.complete_from are kept as they are: their lists were dropped.
"""

from collections.abc import Sequence
from datetime import date

from bandit_selector.store.connection import Connection


def forget(connection: Connection, user_id: int) -> None:
    """Takes a visitor's impressions out of every sum; the caller's transaction locked them and deletes them next."""
    connection.execute(
        """
        WITH image AS MATERIALIZED (
            SELECT t.* FROM bandit_lists AS l
            JOIN bandit_tallies AS t ON t.list_id = l.id AND t.created_at = l.created_at
            WHERE l.user_id = %(user)s AND l.settled_at IS NOT NULL
        ), hours AS (
            UPDATE recommendation_hours AS h
            SET shown = h.shown - gone.shown, clicked = h.clicked - gone.clicked, rated = h.rated - gone.rated,
                rating_sum = h.rating_sum - gone.rating_sum, thumbs_up = h.thumbs_up - gone.thumbs_up,
                thumbs_down = h.thumbs_down - gone.thumbs_down, favorites = h.favorites - gone.favorites,
                watchlist = h.watchlist - gone.watchlist, successes = h.successes - gone.successes,
                failures = h.failures - gone.failures, neutrals = h.neutrals - gone.neutrals,
                changed_at = clock_timestamp()
            FROM (
                SELECT hour, algorithm, context_key, sum(shown) AS shown, sum(clicked) AS clicked, sum(rated) AS rated,
                    sum(rating_sum) AS rating_sum, sum(thumbs_up) AS thumbs_up, sum(thumbs_down) AS thumbs_down,
                    sum(favorites) AS favorites, sum(watchlist) AS watchlist,
                    count(*) FILTER (WHERE counts AND settled_outcome = 'success') AS successes,
                    count(*) FILTER (WHERE counts AND settled_outcome = 'failure') AS failures,
                    count(*) FILTER (WHERE counts AND settled_outcome = 'neutral') AS neutrals
                FROM image GROUP BY hour, algorithm, context_key
            ) AS gone
            WHERE (h.hour, h.algorithm, h.context_key) = (gone.hour, gone.algorithm, gone.context_key)
        )
        UPDATE experiment_days AS d
        SET shown = d.shown - gone.shown, clicked = d.clicked - gone.clicked, rated = d.rated - gone.rated,
            rating_sum = d.rating_sum - gone.rating_sum, thumbs_up = d.thumbs_up - gone.thumbs_up,
            thumbs_down = d.thumbs_down - gone.thumbs_down
        FROM (
            SELECT day, ab_group, cluster, sum(shown) AS shown, sum(clicked) AS clicked, sum(rated) AS rated,
                sum(rating_sum) AS rating_sum, sum(thumbs_up) AS thumbs_up, sum(thumbs_down) AS thumbs_down
            FROM image WHERE counts GROUP BY day, ab_group, cluster
        ) AS gone
        WHERE (d.day, d.ab_group, d.cluster) = (gone.day, gone.ab_group, gone.cluster)
        """,
        {"user": user_id},
    )
    connection.execute(
        """
        WITH gone AS (DELETE FROM experiment_visitors WHERE user_id = %(user)s RETURNING ab_group, last_day)
        UPDATE experiment_days AS d SET visitors = d.visitors - 1
        FROM gone
        WHERE (d.ab_group, d.day) = (gone.ab_group, gone.last_day) AND d.cluster = bandit_cluster(%(user)s::bigint)
        """,
        {"user": user_id},
    )


def changed_days(connection: Connection) -> list[date]:
    """The days whose sums changed since the last verification, oldest first; only those that can be recomputed."""
    rows = connection.execute(
        """
        SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date FROM recommendation_hours
        WHERE changed_at >= (SELECT verified_at FROM bandit_retention)
            AND hour >= (SELECT complete_from FROM bandit_retention)
        ORDER BY 1
        """
    )
    return [day for (day,) in rows]


def all_days(connection: Connection) -> list[date]:
    """Every day that can be recomputed and has lists or sums, oldest first."""
    rows = connection.execute(
        """
        SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date FROM recommendation_hours
        WHERE hour >= (SELECT complete_from FROM bandit_retention)
        UNION
        SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date FROM bandit_lists
        WHERE created_at >= (SELECT complete_from FROM bandit_retention)
        UNION
        SELECT day FROM experiment_days
        WHERE day >= (SELECT (complete_from AT TIME ZONE 'UTC')::date FROM bandit_retention)
        ORDER BY 1
        """
    )
    return [day for (day,) in rows]


def first_difference(connection: Connection, days: Sequence[date]) -> str | None:
    """The first sum of these days that does not follow from the lists, as a sentence; None when every one does."""
    for day in days:
        wrong = _hours_difference(connection, day) or _days_difference(connection, day)
        if wrong:
            return wrong
    return None


def rebuild(connection: Connection) -> None:
    """Recomputes every sum from the lists, but those of dropped days; writers wait until the transaction ends."""
    with connection.transaction():
        connection.execute("LOCK TABLE recommendation_hours, experiment_days IN SHARE ROW EXCLUSIVE MODE")
        connection.execute(
            "DELETE FROM recommendation_hours WHERE hour >= (SELECT complete_from FROM bandit_retention)"
        )
        connection.execute(
            """
            INSERT INTO recommendation_hours
            SELECT due.* FROM bandit_retention
            CROSS JOIN LATERAL bandit_hours_recomputed(complete_from, 'infinity') AS due
            """
        )
        connection.execute(
            """
            INSERT INTO experiment_visitors SELECT * FROM experiment_visitors_recomputed
            ON CONFLICT (user_id, ab_group) DO UPDATE SET last_day = excluded.last_day
            """
        )
        connection.execute(
            """
            DELETE FROM experiment_days
            WHERE day >= (SELECT (complete_from AT TIME ZONE 'UTC')::date FROM bandit_retention)
            """
        )
        connection.execute(
            """
            INSERT INTO experiment_days
                (day, ab_group, cluster, visitors, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down)
            SELECT day, ab_group, cluster, coalesce(visitors, 0), coalesce(shown, 0), coalesce(clicked, 0),
                coalesce(rated, 0), coalesce(rating_sum, 0), coalesce(thumbs_up, 0), coalesce(thumbs_down, 0)
            FROM (
                SELECT due.* FROM bandit_retention
                CROSS JOIN LATERAL bandit_days_recomputed(complete_from, 'infinity') AS due
            ) AS days
            FULL JOIN (
                SELECT last_day AS day, ab_group, bandit_cluster(user_id) AS cluster, count(*)::integer AS visitors
                FROM experiment_visitors
                WHERE last_day >= (SELECT (complete_from AT TIME ZONE 'UTC')::date FROM bandit_retention)
                GROUP BY 1, 2, 3
            ) AS counted USING (day, ab_group, cluster)
            """
        )


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
        WITH counted AS (
            SELECT ab_group, bandit_cluster(user_id) AS cluster, count(*)::integer AS visitors
            FROM experiment_visitors WHERE last_day = %(day)s GROUP BY 1, 2
        ), due AS (
            SELECT ab_group, cluster, coalesce(visitors, 0) AS visitors, coalesce(shown, 0) AS shown,
                coalesce(clicked, 0) AS clicked, coalesce(rated, 0) AS rated, coalesce(rating_sum, 0) AS rating_sum,
                coalesce(thumbs_up, 0) AS thumbs_up, coalesce(thumbs_down, 0) AS thumbs_down
            FROM bandit_days_recomputed(
                %(day)s::date::timestamp AT TIME ZONE 'UTC', (%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'
            ) FULL JOIN counted USING (ab_group, cluster)
        )
        SELECT coalesce(stored.ab_group, due.ab_group), coalesce(stored.cluster, due.cluster),
            to_json(stored)::text, to_json(due)::text
        FROM (SELECT * FROM experiment_days WHERE day = %(day)s AND (visitors, shown) <> (0, 0)) AS stored
        FULL JOIN (SELECT * FROM due WHERE (visitors, shown) <> (0, 0)) AS due
            ON (stored.ab_group, stored.cluster) = (due.ab_group, due.cluster)
        WHERE (stored.visitors, stored.shown, stored.clicked, stored.rated, stored.rating_sum, stored.thumbs_up,
               stored.thumbs_down)
            IS DISTINCT FROM
            (due.visitors, due.shown, due.clicked, due.rated, due.rating_sum, due.thumbs_up,
             due.thumbs_down)
        ORDER BY 1, 2 LIMIT 1
        """,
        {"day": day},
    ).fetchone()
    if row is None:
        return None
    return f"Day {day} of {row[0]}, cluster {row[1]}, stores {row[2]}, but its lists give {row[3]}."


def visitors_difference(connection: Connection) -> str | None:
    """The first visitor whose last day does not follow from the lists, as a sentence; reads all of them."""
    row = connection.execute(
        """
        SELECT user_id, ab_group, stored.last_day, due.last_day
        FROM (
            SELECT * FROM experiment_visitors
            WHERE last_day >= (SELECT (complete_from AT TIME ZONE 'UTC')::date FROM bandit_retention)
        ) AS stored
        FULL JOIN experiment_visitors_recomputed AS due USING (user_id, ab_group)
        WHERE stored.last_day IS DISTINCT FROM due.last_day
        ORDER BY 1, 2 LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    return f"Visitor {row[0]} in {row[1]} was last seen on {row[2]}, but the lists say {row[3]}."
