"""Makes reactions, lists, sums and cells agree with the log of messages. The caller holds locks on the lists.

Each statement writes `image`: what an impression was (sign −1) and is (sign 1). COUNTED adds the images to the
cells and sums, in one order: cells, hours, days. An outcome counts in its cell at once; the sums have settled lists.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bandit_selector.store.connection import Connection
from bandit_selector.store.feedback_rule import Change, Rule, ids

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
            ON CONFLICT (context_key, algorithm) DO UPDATE
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
                (day, ab_group, cluster, visitors, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down)
            SELECT day, ab_group, cluster, sum(visitors), sum(shown), sum(clicked), sum(rated), sum(rating_sum),
                sum(thumbs_up), sum(thumbs_down)
            FROM (
                SELECT day, ab_group, cluster, 0 AS visitors, sign * shown AS shown, sign * clicked AS clicked,
                    sign * rated AS rated, sign * rating_sum AS rating_sum, sign * thumbs_up AS thumbs_up,
                    sign * thumbs_down AS thumbs_down
                FROM image WHERE settled AND counts
                UNION ALL
                SELECT day, ab_group, cluster, visitors, 0, 0, 0, 0, 0, 0 FROM newcomer
            ) AS change
            GROUP BY day, ab_group, cluster
            ORDER BY day, ab_group, cluster
            ON CONFLICT (day, ab_group, cluster) DO UPDATE
            SET visitors = d.visitors + excluded.visitors, shown = d.shown + excluded.shown,
                clicked = d.clicked + excluded.clicked, rated = d.rated + excluded.rated,
                rating_sum = d.rating_sum + excluded.rating_sum, thumbs_up = d.thumbs_up + excluded.thumbs_up,
                thumbs_down = d.thumbs_down + excluded.thumbs_down
            RETURNING d.shown
        )
        -- The parts are read, and so written, in this order.
        SELECT context_key, arm, successes, failures FROM moved WHERE (successes, failures) <> (0, 0)
        UNION ALL SELECT NULL, NULL, 0, 0 FROM cells WHERE id IS NULL
        UNION ALL SELECT NULL, NULL, 0, 0 FROM hours WHERE shown IS NULL
        UNION ALL SELECT NULL, NULL, 0, 0 FROM days WHERE shown IS NULL
"""
NO_NEWCOMER: Final = """
        newcomer AS (
            SELECT NULL::date AS day, NULL::text AS ab_group, NULL::smallint AS cluster, 0 AS visitors WHERE false
        ),
"""


def fold(connection: Connection, events: Sequence[int], rule: Rule, now: datetime) -> list[Change]:
    """Makes impressions agree with their messages, and moves cells and sums by the difference."""
    rows = connection.execute(
        """
        WITH concerned AS MATERIALIZED (
            SELECT event_id, event_id >> 6 AS list_id, (event_id & 63)::integer AS place,
                bandit_second(event_id >> 6) AS second
            FROM unnest(%(events)s::bigint[]) AS event_id
        ), folded AS MATERIALIZED ( -- the reaction as it was (r), and as its messages make it (said)
            SELECT c.event_id, c.second, l.created_at, l.settled_at IS NOT NULL AS settled, l.user_id, l.context_key,
                bandit_algorithm(bandit_arm(l.arms, l.drawn, c.place), l.algorithm) AS algorithm,
                bandit_arm(l.arms, l.drawn, c.place) AS arm,
                l.counted_places IS NULL OR c.place <= l.counted_places AS counts,
                l.silence, (l.seen >> c.place) & 1 = 1 AS seen,
                r.event_id IS NOT NULL AS known, r.clicked_at AS old_clicked_at, r.rating_value AS old_rating,
                r.thumbs_up_at AS old_up_at, r.thumbs_down_at AS old_down_at, r.outcome AS old_outcome,
                coalesce(r.added_to_favorites, false)::integer AS favorites,
                coalesce(r.added_to_watchlist, false)::integer AS watchlist,
                said.messages > 0 AS heard, said.clicked_at, said.rated_at, said.rating_value, said.thumbs_up_at,
                said.thumbs_down_at,
                bandit_outcome(
                    said.clicked_at IS NOT NULL, said.rating_value, said.thumbs_up_at IS NOT NULL,
                    said.thumbs_down_at IS NOT NULL, %(success)s, %(failure)s
                ) AS outcome
            FROM concerned AS c
            JOIN bandit_lists AS l ON l.id = c.list_id
                AND l.created_at >= c.second AND l.created_at < c.second + interval '1 second'
            CROSS JOIN LATERAL bandit_fold(c.event_id, c.second) AS said
            LEFT JOIN bandit_reactions AS r ON r.event_id = c.event_id AND r.shown_at = c.second
        ), written AS (
            INSERT INTO bandit_reactions AS r
                (event_id, shown_at, clicked_at, rated_at, rating_value, thumbs_up_at, thumbs_down_at, outcome)
            SELECT event_id, second, clicked_at, rated_at, rating_value, thumbs_up_at, thumbs_down_at, outcome
            FROM folded WHERE heard
            ON CONFLICT (event_id, shown_at) DO UPDATE
            SET clicked_at = excluded.clicked_at, rated_at = excluded.rated_at, rating_value = excluded.rating_value,
                thumbs_up_at = excluded.thumbs_up_at, thumbs_down_at = excluded.thumbs_down_at,
                outcome = excluded.outcome
        ), emptied AS ( -- all its messages moved to another impression
            DELETE FROM bandit_reactions AS r USING folded AS f
            WHERE NOT f.heard AND f.known AND r.event_id = f.event_id AND r.shown_at = f.second
        ), image AS (
            SELECT side.sign, f.settled, date_trunc('hour', f.created_at, 'UTC') AS hour,
                (f.created_at AT TIME ZONE 'UTC')::date AS day, f.algorithm, f.context_key, f.counts,
                CASE WHEN f.counts THEN f.arm END AS arm, bandit_group(f.algorithm) AS ab_group,
                bandit_cluster(f.user_id) AS cluster, (f.silence <> 'seen' OR f.seen OR side.heard)::integer AS shown,
                (side.clicked_at IS NOT NULL)::integer AS clicked, (side.rating IS NOT NULL)::integer AS rated,
                coalesce(side.rating, 0)::double precision AS rating_sum,
                (side.up_at IS NOT NULL)::integer AS thumbs_up,
                (side.down_at IS NOT NULL)::integer AS thumbs_down, f.favorites, f.watchlist,
                coalesce(side.outcome, CASE WHEN f.settled THEN bandit_silence(f.silence, f.seen) END) AS outcome
            FROM folded AS f
            CROSS JOIN LATERAL (VALUES
                (-1, f.known, f.old_clicked_at, f.old_rating, f.old_up_at, f.old_down_at, f.old_outcome),
                (1, f.heard, f.clicked_at, f.rating_value, f.thumbs_up_at, f.thumbs_down_at, f.outcome)
            ) AS side (sign, heard, clicked_at, rating, up_at, down_at, outcome)
        ),"""
        + NO_NEWCOMER
        + COUNTED,
        {
            "events": ids(events),
            "now": now,
            "success": rule.success,
            "failure": rule.failure,
            "prior_alpha": rule.prior_alpha,
            "prior_beta": rule.prior_beta,
        },
    )
    return [Change(*row) for row in rows]


def see(connection: Connection, seen: Mapping[int, int], rule: Rule, now: datetime) -> list[Change]:
    """Marks places as seen, {list id: bits}. Where only seen silence counts, a settled list's new ones are failures."""
    rows = connection.execute(
        """
        WITH said AS MATERIALIZED (
            SELECT id, bits, bandit_second(id) AS second
            FROM unnest(%(lists)s::bigint[], %(bits)s::bigint[]) AS s (id, bits)
        ), before AS MATERIALIZED (
            SELECT l.*, s.bits & ((1::bigint << (cardinality(l.movie_ids) + 1)) - 2) & ~l.seen AS news
            FROM said AS s
            JOIN bandit_lists AS l ON l.id = s.id
                AND l.created_at >= s.second AND l.created_at < s.second + interval '1 second'
        ), marked AS (
            UPDATE bandit_lists AS l SET seen = l.seen | b.news
            FROM before AS b WHERE l.id = b.id AND l.created_at = b.created_at AND b.news <> 0
        ), image AS (
            SELECT 1 AS sign, true AS settled, date_trunc('hour', b.created_at, 'UTC') AS hour,
                (b.created_at AT TIME ZONE 'UTC')::date AS day, name.algorithm, b.context_key, place.counts,
                CASE WHEN place.counts THEN name.arm END AS arm, bandit_group(name.algorithm) AS ab_group,
                bandit_cluster(b.user_id) AS cluster, 1 AS shown, 0 AS clicked, 0 AS rated,
                0::double precision AS rating_sum, 0 AS thumbs_up, 0 AS thumbs_down, 0 AS favorites, 0 AS watchlist,
                'failure' AS outcome
            FROM before AS b
            CROSS JOIN LATERAL (
                SELECT n, b.counted_places IS NULL OR n <= b.counted_places AS counts
                FROM generate_series(1, cardinality(b.movie_ids)) AS n WHERE (b.news >> n) & 1 = 1
            ) AS place
            CROSS JOIN LATERAL (
                SELECT bandit_arm(b.arms, b.drawn, place.n) AS arm,
                    bandit_algorithm(bandit_arm(b.arms, b.drawn, place.n), b.algorithm) AS algorithm
            ) AS name
            WHERE b.silence = 'seen' AND b.settled_at IS NOT NULL
                AND NOT EXISTS ( -- a reaction has made it seen already
                    SELECT FROM bandit_reactions AS r
                    WHERE r.event_id = b.id * 64 + place.n AND r.shown_at = bandit_second(b.id)
                )
        ),"""
        + NO_NEWCOMER
        + COUNTED,
        {
            "lists": ids(sorted(seen)),
            "bits": ids([seen[list_id] for list_id in sorted(seen)]),
            "now": now,
            "prior_alpha": rule.prior_alpha,
            "prior_beta": rule.prior_beta,
        },
    )
    return [Change(*row) for row in rows]


def settle_lists(connection: Connection, lists: Sequence[int], rule: Rule, now: datetime) -> None:
    """Ends the silence of lists: their impressions enter the sums, and their visitors the days."""
    connection.execute(
        """
        WITH due AS MATERIALIZED (
            SELECT id, bandit_second(id) AS second FROM unnest(%(lists)s::bigint[]) AS id
        ), settled AS (
            UPDATE bandit_lists AS l SET settled_at = %(now)s
            FROM due AS d
            WHERE l.id = d.id AND l.created_at >= d.second AND l.created_at < d.second + interval '1 second'
        ), tally AS MATERIALIZED ( -- as they were; the statement does not see its own update
            SELECT t.* FROM due AS d
            JOIN bandit_tallies AS t ON t.list_id = d.id
                AND t.created_at >= d.second AND t.created_at < d.second + interval '1 second'
        ), image AS (
            SELECT 1 AS sign, true AS settled, hour, day, algorithm, context_key, counts, arm, ab_group, cluster, shown,
                clicked, rated, rating_sum, thumbs_up, thumbs_down, favorites, watchlist, settled_outcome AS outcome
            FROM tally
            UNION ALL -- what feedback said counts in the cells already
            SELECT -1, false, hour, day, algorithm, context_key, counts, arm, ab_group, cluster, shown, clicked, rated,
                rating_sum, thumbs_up, thumbs_down, favorites, watchlist, said_outcome
            FROM tally WHERE said_outcome IS NOT NULL
        ), newest AS ( -- each visitor counts once: on the newest day in this group
            SELECT t.user_id, t.ab_group, t.cluster, max(t.day) AS day
            FROM tally AS t WHERE t.counts GROUP BY t.user_id, t.ab_group, t.cluster
        ), newer AS (
            SELECT n.*, v.last_day AS previous
            FROM newest AS n LEFT JOIN experiment_visitors AS v USING (user_id, ab_group)
            WHERE v.last_day IS NULL OR v.last_day < n.day
        ), remembered AS (
            INSERT INTO experiment_visitors AS v (user_id, ab_group, last_day)
            SELECT user_id, ab_group, day FROM newer ORDER BY user_id, ab_group
            ON CONFLICT (user_id, ab_group) DO UPDATE SET last_day = excluded.last_day
        ), newcomer AS (
            SELECT day, ab_group, cluster, 1 AS visitors FROM newer
            UNION ALL
            SELECT previous, ab_group, cluster, -1 FROM newer WHERE previous IS NOT NULL
        ),"""
        + COUNTED,
        {
            "lists": ids(lists),
            "now": now,
            "prior_alpha": rule.prior_alpha,
            "prior_beta": rule.prior_beta,
        },
    )
