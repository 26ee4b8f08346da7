"""What was known of the test's visitors when they came: read once for each, and summed by cluster. Decides nothing.

Only lists that no treatment can have changed count: those of times without a test, or, where the server assigns the
groups, of tests with another salt, whose groups are independent of this one's.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bandit_selector.evidence.background import Adjustment, Background
from bandit_selector.store.connection import Connection
from bandit_selector.store.showing import Key

EARLIER: Final = timedelta(days=28)
"""How long before a visitor's first list of the test is looked back; KEEP_EVENTS is 21 days at least."""
AT_ONCE: Final = 50_000
"""Visitors read in one run; the others follow in the next."""


def read_newcomers(
    connection: Connection, key: Key, of: Sequence[int], *, independent: bool, most: int = AT_ONCE
) -> int:
    """Reads the backgrounds of visitors who have none yet, oldest first; returns how many.

    `of` are the test's phases; `independent` says that groups of another salt are independent of this test's.
    """
    parameters = {
        "phases": list(of),
        "salt": key.salt,
        "independent": independent,
        "earlier": EARLIER,
        "most": most,
    }
    return connection.execute(
        """
        WITH alike AS MATERIALIZED ( -- until when everybody was shown the same by the site's own application
            SELECT least(
                (SELECT min(hour) FROM recommendation_hours WHERE starts_with(algorithm, 'bandit_')),
                (SELECT min(hour) FROM bandit_site_hours WHERE starts_with(algorithm, 'bandit_'))
            ) AS until
        ), newcomer AS MATERIALIZED (
            SELECT v.user_id, v.phase, v.ab_group, v.first_list AS shown_first, (
                SELECT min(one.first_list) FROM experiment_visitors AS one
                WHERE one.user_id = v.user_id AND one.phase = ANY(%(phases)s)
            ) AS first_list
            FROM experiment_visitors AS v
            WHERE v.phase = ANY(%(phases)s) AND NOT EXISTS (
                SELECT FROM experiment_backgrounds AS b
                WHERE (b.user_id, b.phase, b.ab_group) = (v.user_id, v.phase, v.ab_group)
            )
            ORDER BY v.first_list LIMIT %(most)s
        ), known AS MATERIALIZED (
            SELECT n.user_id, n.phase, n.ab_group, ours.shown + theirs.shown AS shown,
                ours.clicked + theirs.clicked AS clicked, coalesce(split_part(list.context_key, '|', 1), '') AS period
            FROM newcomer AS n
            CROSS JOIN LATERAL (SELECT bandit_second(n.first_list) AS at) AS came
            LEFT JOIN LATERAL (
                SELECT l.context_key FROM bandit_lists AS l
                WHERE l.id = n.shown_first AND l.created_at >= bandit_second(n.shown_first)
                    AND l.created_at < bandit_second(n.shown_first) + interval '1 second'
            ) AS list ON true
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(cardinality(l.movie_ids)), 0)::integer AS shown,
                    coalesce(sum(reacted.clicked), 0)::integer AS clicked
                FROM bandit_lists AS l
                LEFT JOIN bandit_phases AS p ON p.phase = l.ramp_phase
                CROSS JOIN LATERAL (
                    SELECT count(*) AS clicked FROM bandit_reactions AS r
                    WHERE r.event_id BETWEEN l.id * 64 + 1 AND l.id * 64 + 63 AND r.shown_at = bandit_second(l.id)
                        AND r.clicked_at < came.at
                ) AS reacted
                WHERE l.user_id = n.user_id AND l.created_at < came.at AND l.created_at >= came.at - %(earlier)s
                    AND (l.ab_group IS NULL OR %(independent)s AND p.salt <> %(salt)s)
            ) AS ours
            CROSS JOIN LATERAL (
                SELECT count(*)::integer AS shown, count(*) FILTER (WHERE e.clicked)::integer AS clicked
                FROM recommendation_events_set_aside AS e, alike
                WHERE e.user_id = n.user_id AND e.created_at >= came.at - %(earlier)s
                    AND e.created_at < least(came.at, alike.until)
            ) AS theirs
        ), added AS (
            INSERT INTO experiment_backgrounds (user_id, phase, ab_group, shown, clicked, period)
            SELECT k.user_id, k.phase, k.ab_group, 1000 * k.shown - over_shown, 1000 * k.clicked - over_clicked,
                k.period
            FROM known AS k LEFT JOIN experiment_bounds AS b USING (phase)
            CROSS JOIN LATERAL bandit_excess(k.shown, k.clicked, b.places, b.rate)
            ON CONFLICT DO NOTHING RETURNING *
        )
        INSERT INTO experiment_background_sums AS s
            (phase, ab_group, cluster, visitors, shown, clicked, morning, afternoon, evening)
        SELECT phase, ab_group, bandit_cluster(user_id), count(*), sum(shown), sum(clicked),
            count(*) FILTER (WHERE period = 'morning'), count(*) FILTER (WHERE period = 'afternoon'),
            count(*) FILTER (WHERE period = 'evening')
        FROM added GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (phase, ab_group, cluster) DO UPDATE
        SET visitors = s.visitors + excluded.visitors, shown = s.shown + excluded.shown,
            clicked = s.clicked + excluded.clicked, morning = s.morning + excluded.morning,
            afternoon = s.afternoon + excluded.afternoon, evening = s.evening + excluded.evening
        """,
        parameters,
    ).rowcount


def sums(connection: Connection, of: Sequence[int]) -> dict[tuple[int, str, int], Background]:
    """The background of each cluster of visitors, by (phase, group, cluster)."""
    rows = connection.execute(
        """
        SELECT phase, ab_group, cluster, visitors, shown::float / 1000, clicked::float / 1000, morning, afternoon,
            evening
        FROM experiment_background_sums WHERE phase = ANY(%s)
        """,
        [list(of)],
    )
    return {(phase, group, cluster): Background(*known) for phase, group, cluster, *known in rows}


def forget(connection: Connection, user_id: int) -> None:
    """Takes a visitor's background out of the sums, and erases it."""
    connection.execute(
        """
        WITH gone AS (DELETE FROM experiment_backgrounds WHERE user_id = %(user)s RETURNING *)
        UPDATE experiment_background_sums AS s
        SET visitors = s.visitors - 1, shown = s.shown - gone.shown, clicked = s.clicked - gone.clicked,
            morning = s.morning - (gone.period = 'morning')::integer,
            afternoon = s.afternoon - (gone.period = 'afternoon')::integer,
            evening = s.evening - (gone.period = 'evening')::integer
        FROM gone
        WHERE (s.phase, s.ab_group) = (gone.phase, gone.ab_group) AND s.cluster = bandit_cluster(%(user)s::bigint)
        """,
        {"user": user_id},
    )


def recompute(connection: Connection) -> None:
    """Computes the sums again from the visitors' backgrounds; the caller keeps writers out."""
    connection.execute("DELETE FROM experiment_background_sums")
    connection.execute("INSERT INTO experiment_background_sums SELECT * FROM experiment_background_sums_recomputed")


def difference(connection: Connection) -> str | None:
    """The first cluster whose stored sums do not follow from its visitors' backgrounds, as a sentence."""
    row = connection.execute(
        """
        SELECT ab_group, cluster, to_jsonb(stored)::text, to_jsonb(due)::text
        FROM (SELECT * FROM experiment_background_sums WHERE visitors <> 0) AS stored
        FULL JOIN experiment_background_sums_recomputed AS due USING (phase, ab_group, cluster)
        WHERE to_jsonb(stored) IS DISTINCT FROM to_jsonb(due) ORDER BY 1, 2 LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    return f"Cluster {row[1]} of {row[0]} stores a background of {row[2]}, but its visitors' give {row[3]}."


def adjustment(connection: Connection, key: Key) -> Adjustment | None:
    """What was decided for this test; None before."""
    row = connection.execute(
        "SELECT covariates, saved FROM bandit_adjustments WHERE salt = %(salt)s AND started = %(started)s::timestamptz",
        key.parameters,
    ).fetchone()
    return Adjustment(tuple(row[0]), row[1]) if row else None


def fix_adjustment(connection: Connection, key: Key, found: Adjustment, now: object) -> None:
    """Decides once; what was decided before stays."""
    connection.execute(
        "INSERT INTO bandit_adjustments VALUES (%(salt)s, %(started)s::timestamptz, %(covariates)s, %(saved)s, %(now)s)"
        " ON CONFLICT DO NOTHING",
        key.parameters | {"covariates": list(found.covariates), "saved": found.saved, "now": now},
    )
