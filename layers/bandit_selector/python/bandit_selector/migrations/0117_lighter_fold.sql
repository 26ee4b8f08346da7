-- The same rules with less work: what a message's id says of its time, and how reactions are changed.

-- RFC 9562: the first 48 bits of an id of version 7 are milliseconds, the 4 bits after them the version.
CREATE OR REPLACE FUNCTION bandit_message_time(message_id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN get_byte(uuid_send(message_id), 6) >> 4 = 7
        THEN to_timestamp(
            ('x' || encode(substring(uuid_send(message_id) FROM 1 FOR 6), 'hex'))::bit(48)::bigint::double precision / 1000)
        ELSE '-infinity'
    END
$$;

-- Makes the reactions to impressions agree with their messages; returns each as it was (`known`, `old_…`) and as it is
-- (`heard`). The caller holds the locks on their lists. Being volatile, it sees what their last holders have
-- committed, also within the statement that locks. Each row is found by its key: a join was planned as all with all.
CREATE OR REPLACE FUNCTION bandit_react(
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
    ), changed AS ( -- each of them is there, so each is updated
        INSERT INTO bandit_reactions
            (event_id, shown_at, clicked_at, rated_at, rating_value, thumbs_up_at, thumbs_down_at,
             added_to_favorites, added_to_watchlist, outcome)
        SELECT event_id, shown_at, clicked_at, rated_at, rating_value, thumbs_up_at, thumbs_down_at, favorite,
            watchlist, outcome
        FROM folded WHERE heard AND known ORDER BY event_id
        ON CONFLICT (event_id, shown_at) DO UPDATE
        SET clicked_at = excluded.clicked_at, rated_at = excluded.rated_at, rating_value = excluded.rating_value,
            thumbs_up_at = excluded.thumbs_up_at, thumbs_down_at = excluded.thumbs_down_at,
            added_to_favorites = excluded.added_to_favorites, added_to_watchlist = excluded.added_to_watchlist,
            outcome = excluded.outcome
    ), emptied AS ( -- all its messages moved to another impression
        DELETE FROM bandit_reactions AS r
        WHERE r.event_id = ANY(ARRAY(SELECT event_id FROM folded WHERE known AND NOT heard))
            AND r.shown_at >= since AND r.shown_at < until
    )
    SELECT event_id, known, old_clicked_at, old_rating, old_up_at, old_down_at, old_favorite, old_watchlist, old_outcome,
        heard, clicked_at, rating_value, thumbs_up_at, thumbs_down_at, favorite, watchlist, outcome
    FROM folded;
END $$;
