-- A selection is a list whose places the site fills: it has arms and propensities, and null in place of movies and
-- scores. Control draws arms too, by its weights: a list with an `algorithm` may have `arms`, and teaches nothing.
-- What each impression adds to the sums; the only place that says so for all of them. A place beyond its visitor's
-- bound is shown, and neither teaches (`arm` is null) nor counts in the test. What control drew teaches nothing.
CREATE OR REPLACE VIEW bandit_tallies AS
SELECT i.list_id, i.event_id, i.created_at, i.settled_at, i.user_id,
    date_trunc('hour', i.created_at, 'UTC') AS hour, (i.created_at AT TIME ZONE 'UTC')::date AS day, name.algorithm,
    i.context_key, bandit_group(name.algorithm) AS ab_group, bandit_cluster(i.user_id) AS cluster, i.counts,
    CASE WHEN i.counts AND i.list_algorithm IS NULL THEN i.arm END AS arm, i.said_outcome, i.settled_outcome,
    i.shown::integer AS shown, (i.clicked_at IS NOT NULL)::integer AS clicked,
    (i.rating_value IS NOT NULL)::integer AS rated, coalesce(i.rating_value, 0)::double precision AS rating_sum,
    (i.thumbs_up_at IS NOT NULL)::integer AS thumbs_up, (i.thumbs_down_at IS NOT NULL)::integer AS thumbs_down,
    i.added_to_favorites::integer AS favorites, i.added_to_watchlist::integer AS watchlist
FROM bandit_impressions AS i
CROSS JOIN LATERAL (SELECT bandit_algorithm(i.arm, i.list_algorithm) AS algorithm) AS name;
