"""Hourly and daily sums of the settled impressions: exact, whatever happens. Knows tables, not what the sums are for.

Who writes: `outcomes` calls the SQL function bandit_roll_up(before[], after[]) with the images of the impressions it
settled or changed, in its own transaction and after its other locks; readers add the impressions not settled yet.
Pruning deletes whole UTC days of impressions and leaves the sums; forgetting a visitor calls `forget` first.
"""

from bandit_selector.store.connection import Connection


def forget(connection: Connection, user_id: int) -> None:
    """Takes a visitor's impressions out of every sum; the caller's transaction locked them and deletes them next."""
    connection.execute(
        """
        SELECT bandit_roll_up(array_agg(e), '{}') FROM recommendation_events AS e
        WHERE user_id = %s AND settled_at IS NOT NULL HAVING count(*) > 0
        """,
        [user_id],
    )
    connection.execute(
        """
        WITH gone AS (DELETE FROM experiment_visitors WHERE user_id = %s RETURNING ab_group, last_day)
        UPDATE experiment_days AS d SET visitors = d.visitors - 1
        FROM gone WHERE (d.ab_group, d.day) = (gone.ab_group, gone.last_day) AND d.cluster = bandit_cluster(%s)
        """,
        [user_id, user_id],
    )


def first_difference(connection: Connection) -> str | None:
    """The first sum that does not follow from the impressions, as a sentence; None when every one does.

    Days before bandit_retention.complete_from are not looked at: their impressions were pruned.
    """
    return _hours_difference(connection) or _days_difference(connection) or _visitors_difference(connection)


def rebuild(connection: Connection) -> None:
    """Makes every sum anew from the impressions, but those of pruned days; writers wait until the transaction ends."""
    with connection.transaction():
        connection.execute("LOCK TABLE recommendation_hours, experiment_days IN SHARE ROW EXCLUSIVE MODE")
        connection.execute(
            "DELETE FROM recommendation_hours WHERE hour >= (SELECT complete_from FROM bandit_retention)"
        )
        connection.execute(
            """
            INSERT INTO recommendation_hours SELECT * FROM recommendation_hours_recomputed
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
            INSERT INTO experiment_days SELECT * FROM experiment_days_recomputed
            """
        )


def _hours_difference(connection: Connection) -> str | None:
    row = connection.execute(
        """
        SELECT coalesce(stored.hour, found.hour), coalesce(stored.algorithm, found.algorithm),
            coalesce(stored.context_key, found.context_key), to_json(stored)::text, to_json(found)::text
        FROM (
            SELECT * FROM recommendation_hours
            WHERE hour >= (SELECT complete_from FROM bandit_retention)
        ) AS stored
        FULL JOIN recommendation_hours_recomputed AS found
            ON (stored.hour, stored.algorithm, stored.context_key) = (found.hour, found.algorithm, found.context_key)
        WHERE (stored.shown, stored.clicked, stored.rated, stored.rating_sum, stored.thumbs_up, stored.thumbs_down,
               stored.favorites, stored.watchlist, stored.successes, stored.failures)
            IS DISTINCT FROM
            (found.shown, found.clicked, found.rated, found.rating_sum, found.thumbs_up, found.thumbs_down,
             found.favorites, found.watchlist, found.successes, found.failures)
            AND coalesce(stored.shown, 0) + coalesce(found.shown, 0) > 0
        ORDER BY 1, 2, 3 LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    return f"Hour {row[0]:%Y-%m-%d %H:%M} of {row[1]} in {row[2]} stores {row[3]}, but its events give {row[4]}."


def _days_difference(connection: Connection) -> str | None:
    row = connection.execute(
        """
        SELECT coalesce(stored.day, found.day), coalesce(stored.ab_group, found.ab_group),
            coalesce(stored.cluster, found.cluster), to_json(stored)::text, to_json(found)::text
        FROM (
            SELECT * FROM experiment_days
            WHERE day >= (SELECT (complete_from AT TIME ZONE 'UTC')::date FROM bandit_retention)
                AND (visitors, shown) <> (0, 0)
        ) AS stored
        FULL JOIN experiment_days_recomputed AS found
            ON (stored.day, stored.ab_group, stored.cluster) = (found.day, found.ab_group, found.cluster)
        WHERE (stored.visitors, stored.shown, stored.clicked, stored.rated, stored.rating_sum, stored.thumbs_up,
               stored.thumbs_down)
            IS DISTINCT FROM
            (found.visitors, found.shown, found.clicked, found.rated, found.rating_sum, found.thumbs_up,
             found.thumbs_down)
        ORDER BY 1, 2, 3 LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    return f"Day {row[0]} of {row[1]}, cluster {row[2]}, stores {row[3]}, but its events give {row[4]}."


def _visitors_difference(connection: Connection) -> str | None:
    row = connection.execute(
        """
        SELECT user_id, ab_group, stored.last_day, found.last_day
        FROM (
            SELECT * FROM experiment_visitors
            WHERE last_day >= (SELECT (complete_from AT TIME ZONE 'UTC')::date FROM bandit_retention)
        ) AS stored
        FULL JOIN experiment_visitors_recomputed AS found USING (user_id, ab_group)
        WHERE stored.last_day IS DISTINCT FROM found.last_day
        ORDER BY 1, 2 LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    return f"Visitor {row[0]} in {row[1]} was last seen on {row[2]}, but the events say {row[3]}."
