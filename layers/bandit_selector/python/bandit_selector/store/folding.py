"""Makes reactions, lists, sums and cells agree with the log of messages. The caller holds locks on the lists.

Each statement writes `image`: what an impression was (sign −1) and is (sign 1). COUNTED adds the images to the
cells and sums, in one order: cells, hours, days, contexts, visitors, excess. An outcome counts in its cell at once; the
sums have settled lists.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bandit_selector.store.connection import Connection
from bandit_selector.store.counting import COUNTED, FOLDED, LOCKED, NO_NEWCOMER, parameters
from bandit_selector.store.feedback_rule import Change, Rule, ids, span


def is_impression(event_id: int) -> bool:
    """Whether it names a place of a list; place 0 stands for the whole list, which was seen."""
    return event_id & 63 != 0


def fold(connection: Connection, events: Sequence[int], rule: Rule, now: datetime) -> list[Change]:
    """Locks the lists of events; makes impressions agree with their messages, and moves cells and sums by it."""
    lists = sorted({event_id >> 6 for event_id in events})
    rows = connection.execute(
        """
        WITH concerned AS MATERIALIZED ( -- planned as a thousand rows: whatever statistics say, all else is hashed
            SELECT id::bigint AS event_id, id::bigint >> 6 AS list_id, (id::bigint & 63)::integer AS place
            FROM string_to_table(%(listed)s, ',') AS id
        ), named AS (
            SELECT unnest(%(lists)s::bigint[]) AS list_id
        ),"""
        + LOCKED
        + FOLDED
        + NO_NEWCOMER
        + COUNTED,
        {
            "listed": ",".join(map(str, filter(is_impression, events))),
            "lists": ids(lists),
            **span(lists),
            **parameters(rule, now),
        },
    )
    return [Change(*row) for row in rows]


def see(connection: Connection, seen: Mapping[int, int], rule: Rule, now: datetime) -> list[Change]:
    """Marks places as seen, {list id: bits}. Where only seen silence counts, a settled list's new ones are failures."""
    rows = connection.execute(
        """
        WITH said AS MATERIALIZED (
            SELECT id, bits FROM unnest(%(lists)s::bigint[], %(bits)s::bigint[]) AS s (id, bits)
        ), before AS MATERIALIZED (
            SELECT l.*, s.bits & ((1::bigint << (cardinality(l.movie_ids) + 1)) - 2) & ~l.seen AS news
            FROM said AS s
            JOIN bandit_lists AS l ON l.id = s.id AND l.created_at >= %(since)s AND l.created_at < %(until)s
        ), marked AS (
            UPDATE bandit_lists AS l SET seen = l.seen | b.news
            FROM before AS b
            WHERE l.id = b.id AND l.created_at = b.created_at AND b.news <> 0
                AND l.created_at >= %(since)s AND l.created_at < %(until)s
        ), image AS (
            SELECT 1 AS sign, true AS settled, bandit_hour(b.created_at) AS hour,
                (b.created_at AT TIME ZONE 'UTC')::date AS day, name.algorithm, b.context_key, place.counts,
                CASE WHEN place.counts AND b.algorithm IS NULL THEN name.arm END AS arm,
                coalesce(b.ab_group, 'other')::text AS ab_group,
                bandit_cluster(b.user_id) AS cluster, b.user_id, b.id AS list_id,
                coalesce(b.ramp_phase, 0::smallint) AS phase, (known.event_id IS NULL)::integer AS shown,
                0 AS clicked, 0 AS rated, 0::double precision AS rating_sum,
                0 AS thumbs_up, 0 AS thumbs_down, 0 AS favorites, 0 AS watchlist,
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
            LEFT JOIN LATERAL ( -- a reaction has made it seen already; one that was taken back has no outcome
                SELECT r.event_id, r.outcome FROM bandit_reactions AS r
                WHERE r.event_id = b.id * 64 + place.n AND r.shown_at >= %(since)s AND r.shown_at < %(until)s
            ) AS known ON true
            WHERE b.silence = 'seen' AND b.settled_at IS NOT NULL AND known.outcome IS NULL
        ),"""
        + NO_NEWCOMER
        + COUNTED,
        {
            "lists": ids(sorted(seen)),
            **span(seen),
            "bits": ids([seen[list_id] for list_id in sorted(seen)]),
            **parameters(rule, now),
        },
    )
    return [Change(*row) for row in rows]


def settle_lists(connection: Connection, lists: Sequence[int], rule: Rule, now: datetime) -> None:
    """Ends the silence of lists: their impressions enter the sums, and their visitors the days."""
    connection.execute(
        """
        WITH due AS MATERIALIZED ( -- as they were; the statement does not see its own update
            SELECT l.*, bandit_hour(l.created_at) AS hour, (l.created_at AT TIME ZONE 'UTC')::date AS day,
                coalesce(l.ab_group, 'other')::text AS assigned, bandit_cluster(l.user_id) AS cluster,
                coalesce(l.ramp_phase, 0::smallint) AS phase
            FROM bandit_lists AS l
            WHERE l.id = ANY(%(lists)s::bigint[]) AND l.created_at >= %(since)s AND l.created_at < %(until)s
        ), settled AS (
            UPDATE bandit_lists SET settled_at = %(now)s
            WHERE id = ANY(%(lists)s::bigint[]) AND created_at >= %(since)s AND created_at < %(until)s
        ), silent AS ( -- how many places of an arm would be silent if nobody had reacted
            SELECT d.id, get_byte(d.drawn, p.place::integer - 1) AS drawn,
                p.place <= coalesce(d.counted_places, 64) AS counts, (d.seen >> p.place::integer) & 1 = 1 AS seen,
                count(*)::integer AS number
            FROM due AS d CROSS JOIN LATERAL unnest(d.movie_ids) WITH ORDINALITY AS p (movie_id, place)
            GROUP BY 1, 2, 3, 4
        ), reacted AS MATERIALIZED (
            SELECT d.id, get_byte(d.drawn, (r.event_id & 63)::integer - 1) AS drawn,
                (r.event_id & 63) <= coalesce(d.counted_places, 64) AS counts,
                (d.seen >> (r.event_id & 63)::integer) & 1 = 1 AS seen,
                r.clicked_at, r.rating_value, r.thumbs_up_at, r.thumbs_down_at, r.added_to_favorites,
                r.added_to_watchlist, r.outcome
            FROM due AS d
            CROSS JOIN LATERAL ( -- by its index
                SELECT * FROM bandit_reactions AS r
                WHERE r.event_id BETWEEN d.id * 64 + 1 AND d.id * 64 + 63
                    AND r.shown_at >= %(since)s AND r.shown_at < %(until)s
                OFFSET 0
            ) AS r
        ), change AS (
            SELECT id, drawn, counts, seen, number AS sign, false AS heard, 0 AS clicked, 0 AS rated,
                0::double precision AS rating_sum, 0 AS thumbs_up, 0 AS thumbs_down, 0 AS favorites, 0 AS watchlist,
                NULL::varchar AS said
            FROM silent
            UNION ALL -- the places with a reaction are not silent
            SELECT id, drawn, counts, seen, -1, false, 0, 0, 0, 0, 0, 0, 0, NULL FROM reacted
            UNION ALL
            SELECT id, drawn, counts, seen, 1, true, (clicked_at IS NOT NULL)::integer,
                (rating_value IS NOT NULL)::integer, coalesce(rating_value, 0), (thumbs_up_at IS NOT NULL)::integer,
                (thumbs_down_at IS NOT NULL)::integer, added_to_favorites::integer, added_to_watchlist::integer, outcome
            FROM reacted
        ), image AS (
            SELECT c.sign, true AS settled, d.hour, d.day, bandit_algorithm(d.arms[c.drawn], d.algorithm) AS algorithm,
                d.context_key, c.counts, CASE WHEN c.counts AND d.algorithm IS NULL THEN d.arms[c.drawn] END AS arm,
                d.assigned AS ab_group, d.cluster, d.user_id, d.id AS list_id, d.phase,
                (d.silence <> 'seen' OR c.seen OR c.heard)::integer AS shown,
                c.clicked, c.rated, c.rating_sum, c.thumbs_up, c.thumbs_down, c.favorites, c.watchlist,
                coalesce(c.said, bandit_silence(d.silence, c.seen)) AS outcome
            FROM change AS c JOIN due AS d ON d.id = c.id
            UNION ALL -- what feedback said counts in the cells already
            SELECT -1, false, d.hour, d.day, NULL, d.context_key, r.counts,
                CASE WHEN r.counts AND d.algorithm IS NULL THEN d.arms[r.drawn] END, NULL, NULL, NULL, NULL, NULL,
                0, 0, 0, 0, 0, 0, 0, 0, r.outcome
            FROM reacted AS r JOIN due AS d ON d.id = r.id WHERE r.outcome IS NOT NULL
        ), come AS ( -- each visitor's first list of these in each test
            SELECT DISTINCT ON (d.user_id, t.test) d.user_id, t.test, d.id AS list_id, d.day, d.phase,
                d.assigned AS ab_group, d.cluster
            FROM due AS d JOIN bandit_tests AS t USING (phase)
            WHERE d.assigned <> 'other' AND (d.counted_places IS NULL OR d.counted_places > 0)
            ORDER BY d.user_id, t.test, d.id
        ), first AS ( -- nobody else settles, so this stays the first until the end
            SELECT c.*, known.first_list, (bandit_second(known.first_list) AT TIME ZONE 'UTC')::date AS first_day,
                known.phase AS first_phase, known.ab_group AS first_group
            FROM come AS c
            LEFT JOIN LATERAL (
                SELECT v.first_list, v.phase, v.ab_group::text
                FROM experiment_visitors AS v JOIN bandit_tests AS t USING (phase)
                WHERE v.user_id = c.user_id AND t.test = c.test ORDER BY v.first_list LIMIT 1
            ) AS known ON true
            WHERE known.first_list IS NULL OR known.first_list > c.list_id
        ), newcomer AS (
            SELECT day, phase, ab_group, cluster, 1 AS visitors FROM first
            UNION ALL
            SELECT first_day, first_phase, first_group, cluster, -1 FROM first WHERE first_list IS NOT NULL
        ),"""
        + COUNTED,
        {
            "lists": ids(lists),
            **span(lists),
            **parameters(rule, now, settling=True),
        },
    )
