-- Days begin within an hour of UTC where clocks are half or a quarter of an hour apart: in Kolkata at 18:30. Such an hour
-- has a sum before and one after, so that every local day, in every time zone, is a sum of whole rows.

-- The hours and quarters of UTC at which a day begins somewhere are those of tzdata since 2025. What was shown before
-- this step keeps its whole hours: sums that were made cannot be split, and must be found again.
DO $step$
DECLARE
    since timestamptz := '-infinity';
BEGIN
    IF EXISTS (SELECT FROM recommendation_hours) OR EXISTS (SELECT FROM bandit_lists) THEN
        since := date_trunc('day', now(), 'UTC') + interval '1 day'; -- former functions still write until they are replaced
    END IF;
    EXECUTE format($body$
        CREATE FUNCTION bandit_hour(at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT date_bin('1 hour', at, '2000-01-01T00:00Z') + CASE
                WHEN at < %L THEN interval '0'
                WHEN extract(minute FROM at AT TIME ZONE 'UTC') >= 30
                    AND extract(hour FROM at AT TIME ZONE 'UTC') IN (2, 3, 9, 13, 14, 17, 18, 19, 20)
                    THEN interval '30 minutes'
                WHEN extract(minute FROM at AT TIME ZONE 'UTC') >= 15
                    AND extract(hour FROM at AT TIME ZONE 'UTC') IN (10, 11, 15, 18) THEN interval '15 minutes'
                ELSE interval '0'
            END
        $$
    $body$, since);
END $step$;

CREATE OR REPLACE VIEW bandit_tallies AS
SELECT i.list_id, i.event_id, i.created_at, i.settled_at, i.user_id,
    bandit_hour(i.created_at) AS hour, (i.created_at AT TIME ZONE 'UTC')::date AS day, name.algorithm,
    i.context_key, coalesce(i.ab_group, 'other')::text AS ab_group, bandit_cluster(i.user_id) AS cluster, i.counts,
    CASE WHEN i.counts AND i.list_algorithm IS NULL THEN i.arm END AS arm, i.said_outcome, i.settled_outcome,
    i.shown::integer AS shown, (i.clicked_at IS NOT NULL)::integer AS clicked,
    (i.rating_value IS NOT NULL)::integer AS rated, coalesce(i.rating_value, 0)::double precision AS rating_sum,
    (i.thumbs_up_at IS NOT NULL)::integer AS thumbs_up, (i.thumbs_down_at IS NOT NULL)::integer AS thumbs_down,
    i.added_to_favorites::integer AS favorites, i.added_to_watchlist::integer AS watchlist, i.phase
FROM bandit_impressions AS i
CROSS JOIN LATERAL (SELECT bandit_algorithm(i.arm, i.list_algorithm) AS algorithm) AS name;
