"""What the statements that count have in common: lock lists, fold, add images to cells and sums. Runs nothing."""

from datetime import datetime
from typing import Any, Final

from bandit_selector.store.feedback_rule import Rule

COUNTED: Final = """
        moved AS ( -- by how much each cell moves; `arm` is null where an impression teaches nothing
            SELECT context_key, arm, sum(sign) AS pulls,
                coalesce(sum(sign) FILTER (WHERE outcome = 'success'), 0) AS successes,
                coalesce(sum(sign) FILTER (WHERE outcome = 'failure'), 0) AS failures
            FROM image WHERE arm IS NOT NULL AND outcome IS NOT NULL
            GROUP BY context_key, arm
        ), cells AS ( -- an existing cell keeps its id: nothing takes a number from the sequence in vain
            INSERT INTO bandit_states AS s
                (id, context_key, algorithm, prior_alpha, prior_beta, alpha, beta, total_pulls, total_successes,
                 total_failures, created_at, updated_at)
            SELECT coalesce(known.id, nextval(pg_get_serial_sequence('bandit_states', 'id'))), m.context_key, m.arm,
                %(prior_alpha)s, %(prior_beta)s, %(prior_alpha)s + m.successes, %(prior_beta)s + m.failures, m.pulls,
                m.successes, m.failures, %(now)s, %(now)s
            FROM (SELECT * FROM moved WHERE (pulls, successes, failures) <> (0, 0, 0) ORDER BY context_key, arm) AS m
            LEFT JOIN bandit_states AS known ON (known.context_key, known.algorithm) = (m.context_key, m.arm)
            ORDER BY m.context_key, m.arm
            ON CONFLICT (context_key, algorithm) WHERE position('|' IN context_key) > 0 DO UPDATE
            SET alpha = s.prior_alpha + s.total_successes + excluded.total_successes,
                beta = s.prior_beta + s.total_failures + excluded.total_failures,
                total_pulls = s.total_pulls + excluded.total_pulls,
                total_successes = s.total_successes + excluded.total_successes,
                total_failures = s.total_failures + excluded.total_failures,
                updated_at = excluded.updated_at
            RETURNING s.id
        ), hours AS (
            INSERT INTO recommendation_hours AS h
                (hour, algorithm, context_key, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down, favorites,
                 watchlist, successes, failures, neutrals, changed_at)
            SELECT hour, algorithm, context_key, sum(sign * shown), sum(sign * clicked), sum(sign * rated),
                sum(sign * rating_sum), sum(sign * thumbs_up), sum(sign * thumbs_down), sum(sign * favorites),
                sum(sign * watchlist),
                coalesce(sum(sign) FILTER (WHERE counts AND outcome = 'success'), 0),
                coalesce(sum(sign) FILTER (WHERE counts AND outcome = 'failure'), 0),
                coalesce(sum(sign) FILTER (WHERE counts AND outcome = 'neutral'), 0), clock_timestamp()
            FROM image WHERE settled
            GROUP BY hour, algorithm, context_key
            ORDER BY hour, algorithm, context_key
            ON CONFLICT (hour, algorithm, context_key) DO UPDATE
            SET shown = h.shown + excluded.shown, clicked = h.clicked + excluded.clicked,
                rated = h.rated + excluded.rated, rating_sum = h.rating_sum + excluded.rating_sum,
                thumbs_up = h.thumbs_up + excluded.thumbs_up, thumbs_down = h.thumbs_down + excluded.thumbs_down,
                favorites = h.favorites + excluded.favorites, watchlist = h.watchlist + excluded.watchlist,
                successes = h.successes + excluded.successes, failures = h.failures + excluded.failures,
                neutrals = h.neutrals + excluded.neutrals, changed_at = excluded.changed_at
            RETURNING h.shown
        ), days AS (
            INSERT INTO experiment_days AS d
                (day, phase, ab_group, cluster, visitors, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down)
            SELECT day, phase, ab_group, cluster, sum(visitors), sum(shown), sum(clicked), sum(rated), sum(rating_sum),
                sum(thumbs_up), sum(thumbs_down)
            FROM (
                SELECT day, phase, ab_group, cluster, 0 AS visitors, sign * shown AS shown, sign * clicked AS clicked,
                    sign * rated AS rated, sign * rating_sum AS rating_sum, sign * thumbs_up AS thumbs_up,
                    sign * thumbs_down AS thumbs_down
                FROM image WHERE settled AND counts
                UNION ALL
                SELECT day, phase, ab_group, cluster, visitors, 0, 0, 0, 0, 0, 0 FROM newcomer
            ) AS change
            GROUP BY day, phase, ab_group, cluster
            ORDER BY day, phase, ab_group, cluster
            ON CONFLICT (day, phase, ab_group, cluster) DO UPDATE
            SET visitors = d.visitors + excluded.visitors, shown = d.shown + excluded.shown,
                clicked = d.clicked + excluded.clicked, rated = d.rated + excluded.rated,
                rating_sum = d.rating_sum + excluded.rating_sum, thumbs_up = d.thumbs_up + excluded.thumbs_up,
                thumbs_down = d.thumbs_down + excluded.thumbs_down
            RETURNING d.shown
        ), contexts AS (
            INSERT INTO experiment_contexts AS c
                (day, phase, context_key, ab_group, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down)
            SELECT day, phase, context_key, ab_group, cluster & 15, sum(sign * shown), sum(sign * clicked),
                sum(sign * rated), sum(sign * rating_sum), sum(sign * thumbs_up), sum(sign * thumbs_down)
            FROM image WHERE settled AND counts AND ab_group <> 'other'
            GROUP BY day, phase, context_key, ab_group, cluster & 15
            ORDER BY day, phase, context_key, ab_group, cluster & 15
            ON CONFLICT (day, phase, context_key, ab_group, cluster) DO UPDATE
            SET shown = c.shown + excluded.shown, clicked = c.clicked + excluded.clicked,
                rated = c.rated + excluded.rated, rating_sum = c.rating_sum + excluded.rating_sum,
                thumbs_up = c.thumbs_up + excluded.thumbs_up, thumbs_down = c.thumbs_down + excluded.thumbs_down
            RETURNING c.shown
        ), met AS ( -- by how much each visitor's totals move
            SELECT user_id, phase, ab_group, min(list_id) AS first_list, sum(sign * shown)::integer AS shown,
                sum(sign * clicked)::integer AS clicked
            FROM image WHERE settled AND counts AND ab_group <> 'other'
            GROUP BY user_id, phase, ab_group
        ), visitors AS ( -- what is returned is as the row's lock keeps it, whoever else has changed it
            INSERT INTO experiment_visitors AS v (user_id, phase, ab_group, first_list, shown, clicked)
            SELECT user_id, phase, ab_group, first_list, shown, clicked FROM met
            WHERE shown <> 0 OR clicked <> 0 OR %(settling)s AND NOT EXISTS ( -- whoever has a settled list is known
                SELECT FROM experiment_visitors AS known
                WHERE (known.user_id, known.phase, known.ab_group) = (met.user_id, met.phase, met.ab_group)
                    AND known.first_list <= met.first_list
            )
            ORDER BY user_id, phase, ab_group
            ON CONFLICT (user_id, phase, ab_group) DO UPDATE
            SET first_list = least(v.first_list, excluded.first_list), shown = v.shown + excluded.shown,
                clicked = v.clicked + excluded.clicked
            RETURNING v.user_id, v.phase, v.ab_group::text, v.shown, v.clicked
        ), excess AS (
            INSERT INTO experiment_excess AS x (phase, ab_group, cluster, shown, clicked)
            SELECT v.phase, v.ab_group, bandit_cluster(v.user_id), sum(sides.shown), sum(sides.clicked)
            FROM visitors AS v JOIN met AS m USING (user_id, phase, ab_group)
            JOIN experiment_bounds AS b USING (phase)
            CROSS JOIN LATERAL (
                SELECT over_shown AS shown, over_clicked AS clicked
                FROM bandit_excess(v.shown, v.clicked, b.places, b.rate)
                UNION ALL
                SELECT -over_shown, -over_clicked
                FROM bandit_excess(v.shown - m.shown, v.clicked - m.clicked, b.places, b.rate)
            ) AS sides
            GROUP BY v.phase, v.ab_group, bandit_cluster(v.user_id)
            HAVING sum(sides.shown) <> 0 OR sum(sides.clicked) <> 0
            ORDER BY 1, 2, 3
            ON CONFLICT (phase, ab_group, cluster) DO UPDATE
            SET shown = x.shown + excluded.shown, clicked = x.clicked + excluded.clicked
            RETURNING x.shown
        )
        -- The parts are read, and so written, in this order.
        SELECT context_key, arm, successes, failures FROM moved WHERE (successes, failures) <> (0, 0)
        UNION ALL SELECT NULL, NULL, 0, 0 FROM cells WHERE id IS NULL
        UNION ALL SELECT NULL, NULL, 0, 0 FROM hours WHERE shown IS NULL
        UNION ALL SELECT NULL, NULL, 0, 0 FROM days WHERE shown IS NULL
        UNION ALL SELECT NULL, NULL, 0, 0 FROM contexts WHERE shown IS NULL
        UNION ALL SELECT NULL, NULL, 0, 0 FROM excess WHERE shown IS NULL
"""
LOCKED: Final = """
        list AS MATERIALIZED (
            SELECT id, created_at, settled_at IS NOT NULL AS settled, user_id, context_key,
                coalesce(ab_group, 'other')::text AS ab_group, coalesce(ramp_phase, 0::smallint) AS phase,
                cardinality(movie_ids) AS places, counted_places, silence, seen, algorithm, arms, drawn
            FROM bandit_lists
            WHERE id = ANY(ARRAY(SELECT list_id FROM named)) AND created_at >= %(since)s AND created_at < %(until)s
            ORDER BY id FOR NO KEY UPDATE
        ),
"""
"""Locks the lists in `named` in the order of their ids, and reads them as the locks' last holders left them."""

FOLDED: Final = """
        shown AS MATERIALIZED ( -- what only the sums of settled lists need is null for the others
            SELECT c.event_id, l.settled, l.context_key, l.silence, (l.seen >> c.place) & 1 = 1 AS seen,
                l.counted_places IS NULL OR c.place <= l.counted_places AS counts,
                CASE WHEN l.algorithm IS NULL THEN bandit_arm(l.arms, l.drawn, c.place) END AS arm,
                CASE WHEN l.settled THEN bandit_hour(l.created_at) END AS hour,
                CASE WHEN l.settled THEN (l.created_at AT TIME ZONE 'UTC')::date END AS day,
                CASE WHEN l.settled THEN bandit_algorithm(bandit_arm(l.arms, l.drawn, c.place), l.algorithm) END
                    AS algorithm,
                l.ab_group, bandit_cluster(l.user_id) AS cluster, l.user_id, l.id AS list_id, l.phase
            FROM concerned AS c JOIN list AS l ON l.id = c.list_id
        ), image AS (
            SELECT side.sign, f.settled, f.hour, f.day, f.algorithm, f.context_key, f.counts,
                CASE WHEN f.counts THEN f.arm END AS arm, f.ab_group, f.cluster, f.user_id, f.list_id, f.phase,
                (f.silence <> 'seen' OR f.seen OR said.heard)::integer AS shown,
                (said.clicked_at IS NOT NULL)::integer AS clicked, (said.rating IS NOT NULL)::integer AS rated,
                coalesce(said.rating, 0)::double precision AS rating_sum,
                (said.up_at IS NOT NULL)::integer AS thumbs_up,
                (said.down_at IS NOT NULL)::integer AS thumbs_down, said.favorite::integer AS favorites,
                said.watchlist::integer AS watchlist,
                coalesce(said.outcome, CASE WHEN f.settled THEN bandit_silence(f.silence, f.seen) END) AS outcome
            FROM bandit_react( -- when all lists are locked; planned as a thousand rows, so that all is hashed
                ARRAY(SELECT event_id FROM shown), %(since)s, %(until)s, %(logged_since)s, %(success)s, %(failure)s
            ) AS h
            LEFT JOIN shown AS f USING (event_id)
            CROSS JOIN (VALUES (-1), (1)) AS side (sign) -- as it was, and as it is
            CROSS JOIN LATERAL (
                SELECT CASE side.sign WHEN 1 THEN h.heard ELSE h.known END AS heard,
                    CASE side.sign WHEN 1 THEN h.clicked_at ELSE h.old_clicked_at END AS clicked_at,
                    CASE side.sign WHEN 1 THEN h.rating ELSE h.old_rating END AS rating,
                    CASE side.sign WHEN 1 THEN h.up_at ELSE h.old_up_at END AS up_at,
                    CASE side.sign WHEN 1 THEN h.down_at ELSE h.old_down_at END AS down_at,
                    CASE side.sign WHEN 1 THEN h.favorite ELSE h.old_favorite END AS favorite,
                    CASE side.sign WHEN 1 THEN h.watchlist ELSE h.old_watchlist END AS watchlist,
                    CASE side.sign WHEN 1 THEN h.outcome ELSE h.old_outcome END AS outcome
            ) AS said
            WHERE said.heard OR f.settled
        ),
"""
"""`image` of the impressions in `concerned` (event_id, list_id, place), whose lists are in `list`."""

NO_NEWCOMER: Final = """
        newcomer AS (
            SELECT NULL::date AS day, 0::smallint AS phase, NULL::text AS ab_group, NULL::smallint AS cluster,
                0 AS visitors
            WHERE false
        ),
"""


def parameters(rule: Rule, now: datetime, *, settling: bool = False) -> dict[str, Any]:
    """What FOLDED and COUNTED ask for, without the span of their lists."""
    return {
        "now": now,
        "settling": settling,
        "success": rule.success,
        "failure": rule.failure,
        "prior_alpha": rule.prior_alpha,
        "prior_beta": rule.prior_beta,
    }
