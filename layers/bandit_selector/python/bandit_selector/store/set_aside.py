"""Impressions from before lists, one row a movie, set aside by the migration: their feedback still counts.

They are folded in place, as they were. Nothing here is needed once ATTRIBUTION_WINDOW has passed after the migration.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime

from bandit_selector.store.connection import Connection
from bandit_selector.store.feedback_rule import Change, Rule, ids

FIRST_LIST = 1 << 40
"""Below are ids from before lists; the SQL function bandit_is_old has the same bound."""


def is_old(number: int) -> bool:
    """Whether an event's or an unsettled list's id is one from before lists."""
    return number < FIRST_LIST


def parted(numbers: Iterable[int]) -> tuple[list[int], list[int]]:
    """Ids from before lists, and the others; each in order."""
    in_order = sorted(numbers)
    first_new = bisect_left(in_order, FIRST_LIST)
    return in_order[:first_new], in_order[first_new:]


def fold(
    connection: Connection, impressions: Sequence[int], settled: Sequence[int], rule: Rule, now: datetime
) -> list[Change]:
    """Makes impressions agree with their messages, ends the silence of the `settled`, and moves cells and sums.

    Their neutral outcomes have no sum by hour, so their cell's archive counts them.
    """
    connection.execute(
        "SELECT FROM recommendation_events_set_aside WHERE id = ANY(%s::bigint[]) ORDER BY id FOR UPDATE",
        [ids(impressions)],
    )
    rows = connection.execute(
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
                CASE WHEN e.id = ANY(%(settled)s::bigint[]) THEN %(now)s ELSE e.settled_at END AS settled_at
            FROM recommendation_events_set_aside AS e LEFT JOIN said ON said.event_id = e.id
            WHERE e.id = ANY(%(impressions)s::bigint[])
        ), changed AS (
            UPDATE recommendation_events_set_aside AS e
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
                (id, archived_pulls, context_key, algorithm, prior_alpha, prior_beta, alpha, beta, total_pulls,
                 total_successes, total_failures, created_at, updated_at)
            SELECT coalesce(known.id, nextval(pg_get_serial_sequence('bandit_states', 'id'))),
                m.pulls - m.successes - m.failures, m.context_key, m.arm, %(prior_alpha)s, %(prior_beta)s,
                %(prior_alpha)s + m.successes, %(prior_beta)s + m.failures, m.pulls, m.successes, m.failures, %(now)s,
                %(now)s
            FROM moved AS m
            LEFT JOIN bandit_states AS known ON (known.context_key, known.algorithm) = (m.context_key, m.arm)
            ORDER BY m.context_key, m.arm
            ON CONFLICT (context_key, algorithm) WHERE position('|' IN context_key) > 0 DO UPDATE
            SET archived_pulls = s.archived_pulls + excluded.archived_pulls,
                alpha = s.prior_alpha + s.total_successes + excluded.total_successes,
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
            "settled": ids(settled),
            "now": now,
            "success": rule.success,
            "failure": rule.failure,
            "silence_counts": rule.silence_counts,
            "prior_alpha": rule.prior_alpha,
            "prior_beta": rule.prior_beta,
        },
    )
    return [Change(*row) for row in rows]


def forget(connection: Connection, user_id: int) -> None:
    """Takes a visitor's impressions from before lists out of every sum, archives what they taught, and deletes them."""
    connection.execute(
        """
        WITH gone AS (
            SELECT context->>'context_key' AS context_key, substr(algorithm, 8) AS algorithm,
                count(*) FILTER (WHERE outcome = 'success') AS successes,
                count(*) FILTER (WHERE outcome = 'failure') AS failures
            FROM recommendation_events_set_aside
            WHERE user_id = %(user)s AND propensity IS NOT NULL AND outcome IS NOT NULL
            GROUP BY 1, 2
        )
        UPDATE bandit_states AS s
        SET archived_pulls = archived_pulls + gone.successes + gone.failures,
            archived_successes = archived_successes + gone.successes,
            archived_failures = archived_failures + gone.failures
        FROM gone WHERE (s.context_key, s.algorithm) = (gone.context_key, gone.algorithm)
        """,
        {"user": user_id},
    )
    connection.execute(
        """
        SELECT bandit_roll_up(array_agg(e), '{}') FROM recommendation_events_set_aside AS e
        WHERE user_id = %s AND settled_at IS NOT NULL AND recommendation_id IS NOT NULL HAVING count(*) > 0
        """,
        [user_id],
    )
    connection.execute(
        """
        WITH gone AS (
            DELETE FROM recommendation_events_set_aside
            WHERE user_id = %s AND recommendation_id IS NOT NULL RETURNING id
        )
        DELETE FROM bandit_unsettled AS u USING gone WHERE u.list_id = gone.id
        """,
        [user_id],
    )
