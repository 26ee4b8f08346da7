"""Hourly and daily sums of the settled impressions: exact at every moment. Knows tables, not what the sums are for.

`folding` writes them, in the transaction that settles a list or changes an impression; readers add the lists that are
not settled yet. Days before bandit_retention.complete_from are kept as they are: their lists were dropped.
"""

from datetime import date

from psycopg.sql import SQL, Identifier

from bandit_selector.store import backgrounds, bounds
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
        ), contexts AS (
            UPDATE experiment_contexts AS c
            SET shown = c.shown - gone.shown, clicked = c.clicked - gone.clicked, rated = c.rated - gone.rated,
                rating_sum = c.rating_sum - gone.rating_sum, thumbs_up = c.thumbs_up - gone.thumbs_up,
                thumbs_down = c.thumbs_down - gone.thumbs_down
            FROM (
                SELECT day, phase, context_key, ab_group, cluster & 15 AS cluster, sum(shown) AS shown,
                    sum(clicked) AS clicked, sum(rated) AS rated, sum(rating_sum) AS rating_sum,
                    sum(thumbs_up) AS thumbs_up, sum(thumbs_down) AS thumbs_down
                FROM image WHERE counts GROUP BY day, phase, context_key, ab_group, cluster
            ) AS gone
            WHERE (c.day, c.phase, c.context_key, c.ab_group, c.cluster)
                = (gone.day, gone.phase, gone.context_key, gone.ab_group, gone.cluster)
        )
        UPDATE experiment_days AS d
        SET shown = d.shown - gone.shown, clicked = d.clicked - gone.clicked, rated = d.rated - gone.rated,
            rating_sum = d.rating_sum - gone.rating_sum, thumbs_up = d.thumbs_up - gone.thumbs_up,
            thumbs_down = d.thumbs_down - gone.thumbs_down
        FROM (
            SELECT day, phase, ab_group, cluster, sum(shown) AS shown, sum(clicked) AS clicked, sum(rated) AS rated,
                sum(rating_sum) AS rating_sum, sum(thumbs_up) AS thumbs_up, sum(thumbs_down) AS thumbs_down
            FROM image WHERE counts GROUP BY day, phase, ab_group, cluster
        ) AS gone
        WHERE (d.day, d.phase, d.ab_group, d.cluster) = (gone.day, gone.phase, gone.ab_group, gone.cluster)
        """,
        {"user": user_id},
    )
    connection.execute(
        """
        UPDATE experiment_days AS d SET visitors = d.visitors - gone.visitors
        FROM (
            SELECT day, phase, ab_group, cluster, count(*)::integer AS visitors
            FROM experiment_arrivals WHERE user_id = %s GROUP BY 1, 2, 3, 4
        ) AS gone
        WHERE (d.day, d.phase, d.ab_group, d.cluster) = (gone.day, gone.phase, gone.ab_group, gone.cluster)
        """,
        [user_id],
    )
    connection.execute(
        """
        WITH gone AS (DELETE FROM experiment_visitors WHERE user_id = %(user)s RETURNING *)
        UPDATE experiment_excess AS x SET shown = x.shown - over_shown, clicked = x.clicked - over_clicked
        FROM gone JOIN experiment_bounds AS b USING (phase)
        CROSS JOIN LATERAL bandit_excess(gone.shown, gone.clicked, b.places, b.rate)
        WHERE (x.phase, x.ab_group) = (gone.phase, gone.ab_group)
            AND x.cluster = bandit_cluster(%(user)s::bigint)
        """,
        {"user": user_id},
    )
    backgrounds.forget(connection, user_id)


def changed_days(connection: Connection) -> list[date]:
    """The days whose sums changed since the last verification, oldest first; only those that can be recomputed.

    A change has the time of its statement, and may be committed after the verification: an hour before it counts, too.
    """
    rows = connection.execute(
        """
        SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date FROM recommendation_hours
        WHERE changed_at >= (SELECT verified_at - interval '1 hour' FROM bandit_retention)
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


def rebuild(connection: Connection) -> None:
    """Recomputes every sum from the lists, but those of dropped days; writers wait until the transaction ends."""
    with connection.transaction():
        connection.execute(
            """
            LOCK TABLE recommendation_hours, experiment_days, experiment_contexts, experiment_visitors,
                experiment_excess, experiment_backgrounds, experiment_background_sums IN SHARE ROW EXCLUSIVE MODE
            """
        )
        _rebuild_hours(connection)
        _rebuild_visitors(connection)
        _rebuild_days(connection)


def _rebuild_hours(connection: Connection) -> None:
    connection.execute("DELETE FROM recommendation_hours WHERE hour >= (SELECT complete_from FROM bandit_retention)")
    connection.execute(
        """
        INSERT INTO recommendation_hours
        SELECT due.* FROM bandit_retention
        CROSS JOIN LATERAL bandit_hours_recomputed(complete_from, 'infinity') AS due
        """
    )


def _rebuild_visitors(connection: Connection) -> None:
    """Totals of the visitors all of whose lists are there, and everybody's excess."""
    connection.execute(
        """
        DELETE FROM experiment_visitors
        WHERE bandit_second(first_list) >= (SELECT complete_from FROM bandit_retention)
        """
    )
    connection.execute(
        "INSERT INTO experiment_visitors SELECT * FROM experiment_visitors_recomputed ON CONFLICT DO NOTHING"
    )
    bounds.recompute(connection)
    backgrounds.recompute(connection)


def _rebuild_days(connection: Connection) -> None:
    for table in ("experiment_days", "experiment_contexts"):
        connection.execute(
            SQL(
                "DELETE FROM {} WHERE day >= (SELECT (complete_from AT TIME ZONE 'UTC')::date FROM bandit_retention)"
            ).format(Identifier(table))
        )
    connection.execute(
        """
        INSERT INTO experiment_contexts
        SELECT due.* FROM bandit_retention
        CROSS JOIN LATERAL bandit_contexts_recomputed(complete_from, 'infinity') AS due
        """
    )
    connection.execute(
        """
        INSERT INTO experiment_days
            (day, phase, ab_group, cluster, visitors, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down)
        SELECT day, phase, ab_group, cluster, coalesce(visitors, 0), coalesce(shown, 0), coalesce(clicked, 0),
            coalesce(rated, 0), coalesce(rating_sum, 0), coalesce(thumbs_up, 0), coalesce(thumbs_down, 0)
        FROM (
            SELECT due.* FROM bandit_retention
            CROSS JOIN LATERAL bandit_days_recomputed(complete_from, 'infinity') AS due
        ) AS days
        FULL JOIN (
            SELECT day, phase, ab_group, cluster, count(*)::integer AS visitors
            FROM experiment_arrivals
            WHERE day >= (SELECT (complete_from AT TIME ZONE 'UTC')::date FROM bandit_retention)
            GROUP BY 1, 2, 3, 4
        ) AS counted USING (day, phase, ab_group, cluster)
        """
    )
