-- The rule of attribution in parts, so that a batch can find the lists that it names by one pass over their index; and
-- what was heard of impressions, in one place that sees what the locks' last holders have committed.

-- The newest impression of a user and movie shown before a message was received, within the window. The caller knows a
-- span of time that has every list which can be meant: as constants, its bounds leave partitions out of the plan.
CREATE FUNCTION bandit_newest(
    sender bigint, movie bigint, received timestamptz, attribution_window interval, since timestamptz, until timestamptz
) RETURNS TABLE (event_id bigint, user_id bigint, created_at timestamptz) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT of_pair.* FROM (
        (
            SELECT l.id * 64 + array_position(l.movie_ids, movie::integer) AS event_id, l.user_id, l.created_at
            FROM bandit_lists AS l
            WHERE l.user_id = sender AND movie::integer = ANY(l.movie_ids)
                AND l.created_at BETWEEN received - attribution_window AND received
                AND l.created_at >= since AND l.created_at < until
            ORDER BY l.created_at DESC, l.id DESC LIMIT 1
        )
        UNION ALL
        (
            SELECT e.id, e.user_id, e.created_at FROM recommendation_events_set_aside AS e
            WHERE e.user_id = sender AND e.movie_id = movie
                AND e.created_at BETWEEN received - attribution_window AND received
                AND e.recommendation_id IS NOT NULL
            ORDER BY e.created_at DESC, e.id DESC LIMIT 1
        )
    ) AS of_pair
    ORDER BY of_pair.created_at DESC, of_pair.event_id DESC LIMIT 1
$$;

-- Why a message counts for no impression; null if it counts for the one that was found: `meant`, shown to `visitor`.
-- An id that carries another day than `received` is refused, because the log is looked through by the times of its ids;
-- so an id that is more than a day older than the list it names names none: whether it was read depended on the other
-- lists of a batch.
CREATE FUNCTION bandit_refusal(
    meant bigint, visitor bigint, shown_at timestamptz, sender bigint, claimed bigint, received timestamptz,
    id_time timestamptz, attribution_window interval
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN id_time <> '-infinity'
            AND id_time NOT BETWEEN received - interval '24 hours' AND received + interval '24 hours'
            THEN 'contradictory_id'
        WHEN meant IS NULL OR (claimed IS NOT NULL AND NOT bandit_is_old(claimed) AND id_time <> '-infinity'
            AND id_time < bandit_second(claimed >> 6) - interval '24 hours') THEN 'unknown_impression'
        WHEN visitor <> sender THEN 'foreign_impression'
        WHEN received - shown_at > attribution_window THEN 'outside_window'
    END
$$;

-- The attribution rule for one message: the impression it names if it is the sender's, else the newest one of this user
-- and movie; both within the window.
CREATE OR REPLACE FUNCTION bandit_attribution(
    sender bigint, movie bigint, claimed bigint, received timestamptz, id_time timestamptz,
    attribution_window interval, since timestamptz, until timestamptz
) RETURNS TABLE (event_id bigint, reason text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN verdict.reason IS NULL THEN meant.id END, verdict.reason
    FROM (SELECT) AS one
    LEFT JOIN LATERAL (
        SELECT claimed AS id, l.user_id, l.created_at FROM bandit_lists AS l -- place 0 stands for the whole list
        WHERE l.id = claimed >> 6
            AND l.created_at >= bandit_second(claimed >> 6)
            AND l.created_at < bandit_second(claimed >> 6) + interval '1 second'
            AND l.created_at >= since AND l.created_at < until
            AND (claimed & 63) <= cardinality(l.movie_ids)
        UNION ALL
        SELECT claimed, e.user_id, e.created_at FROM recommendation_events_set_aside AS e
        WHERE e.id = claimed AND bandit_is_old(claimed) AND e.recommendation_id IS NOT NULL
        UNION ALL
        SELECT newest.event_id, newest.user_id, newest.created_at
        FROM bandit_newest(sender, movie, received, attribution_window, since, until) AS newest
        WHERE claimed IS NULL -- outside, so that nothing is sorted for a message that names its impression
    ) AS meant ON true
    CROSS JOIN LATERAL (
        SELECT bandit_refusal(
            meant.id, meant.user_id, meant.created_at, sender, claimed, received, id_time, attribution_window
        ) AS reason
    ) AS verdict
$$;

-- Makes the reactions to impressions agree with their messages; returns each as it was (`known`, `old_…`) and as it is
-- (`heard`). The caller holds the locks on their lists. Being volatile, it sees what their last holders have
-- committed, also within the statement that locks.
CREATE FUNCTION bandit_react(
    events bigint[], since timestamptz, until timestamptz, logged_since timestamptz,
    success_rating double precision, failure_rating double precision
) RETURNS TABLE (
    event_id bigint, known boolean, old_clicked_at timestamptz, old_rating real, old_up_at timestamptz,
    old_down_at timestamptz, old_favorite boolean, old_watchlist boolean, old_outcome varchar,
    heard boolean, clicked_at timestamptz, rating real, up_at timestamptz, down_at timestamptz, favorite boolean,
    watchlist boolean, outcome text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH reaction AS MATERIALIZED (
        SELECT r.* FROM bandit_reactions AS r
        WHERE r.event_id = ANY(events) AND r.shown_at >= since AND r.shown_at < until
    ), folded AS MATERIALIZED (
        SELECT event_id, bandit_second(event_id >> 6) AS shown_at, r.event_id IS NOT NULL AS known,
            s.event_id IS NOT NULL AS heard, s.clicked_at, s.rated_at, s.rating_value, s.thumbs_up_at,
            s.thumbs_down_at, coalesce(s.added_to_favorites, false) AS favorite,
            coalesce(s.added_to_watchlist, false) AS watchlist,
            bandit_outcome(s.clicked_at IS NOT NULL, s.rating_value, s.thumbs_up_at IS NOT NULL,
                s.thumbs_down_at IS NOT NULL, success_rating, failure_rating) AS outcome,
            r.clicked_at AS old_clicked_at, r.rating_value AS old_rating, r.thumbs_up_at AS old_up_at,
            r.thumbs_down_at AS old_down_at, coalesce(r.added_to_favorites, false) AS old_favorite,
            coalesce(r.added_to_watchlist, false) AS old_watchlist, r.outcome AS old_outcome
        FROM bandit_folded(events, logged_since) AS s FULL JOIN reaction AS r USING (event_id)
    ), added AS ( -- the lock on its list keeps everybody else from adding it
        INSERT INTO bandit_reactions
            (event_id, shown_at, clicked_at, rated_at, rating_value, thumbs_up_at, thumbs_down_at,
             added_to_favorites, added_to_watchlist, outcome)
        SELECT event_id, shown_at, clicked_at, rated_at, rating_value, thumbs_up_at, thumbs_down_at, favorite,
            watchlist, outcome
        FROM folded WHERE heard AND NOT known ORDER BY event_id
    ), changed AS (
        UPDATE bandit_reactions AS r
        SET clicked_at = f.clicked_at, rated_at = f.rated_at, rating_value = f.rating_value,
            thumbs_up_at = f.thumbs_up_at, thumbs_down_at = f.thumbs_down_at,
            added_to_favorites = f.favorite, added_to_watchlist = f.watchlist, outcome = f.outcome
        FROM folded AS f
        WHERE f.heard AND f.known AND r.event_id = f.event_id AND r.shown_at = f.shown_at
            AND r.event_id = ANY(events) AND r.shown_at >= since AND r.shown_at < until
    ), emptied AS ( -- all its messages moved to another impression
        DELETE FROM bandit_reactions AS r USING folded AS f
        WHERE NOT f.heard AND f.known AND r.event_id = f.event_id AND r.shown_at = f.shown_at
            AND r.event_id = ANY(events) AND r.shown_at >= since AND r.shown_at < until
    )
    SELECT event_id, known, old_clicked_at, old_rating, old_up_at, old_down_at, old_favorite, old_watchlist, old_outcome,
        heard, clicked_at, rating_value, thumbs_up_at, thumbs_down_at, favorite, watchlist, outcome
    FROM folded;
END $$;
