-- Hourly and daily sums of the settled impressions, kept exact by whoever settles or changes one, so that an answer
-- costs as much as its window has hours. Impressions not settled yet are few and are summed where they lie.

-- The test's groups, as the deployment guide's own query tells them apart.
CREATE FUNCTION bandit_group(algorithm text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN algorithm LIKE 'bandit_%' THEN 'treatment'
        WHEN algorithm = 'hybrid_control' THEN 'control'
        ELSE 'other'
    END
$$;

CREATE FUNCTION bandit_cluster(user_id integer) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashint4(user_id) & 127)::smallint
$$;

-- What one impression adds to every sum; the only place that says so.
CREATE FUNCTION bandit_tally(e recommendation_events_set_aside) RETURNS TABLE (
    hour timestamptz, day date, algorithm text, context_key text, ab_group text, cluster smallint,
    shown integer, clicked integer, rated integer, rating_sum double precision, thumbs_up integer, thumbs_down integer,
    favorites integer, watchlist integer, successes integer, failures integer
) LANGUAGE sql IMMUTABLE AS $$
    SELECT
        date_trunc('hour', e.created_at, 'UTC'), (e.created_at AT TIME ZONE 'UTC')::date, e.algorithm::text,
        coalesce(e.context->>'context_key', 'unknown'), bandit_group(e.algorithm),
        bandit_cluster(e.user_id),
        1, (e.clicked IS TRUE)::int, (e.rating_value IS NOT NULL)::int,
        coalesce(e.rating_value, 0), (e.thumbs_up IS TRUE)::int, (e.thumbs_down IS TRUE)::int,
        (e.added_to_favorites IS TRUE)::int, (e.added_to_watchlist IS TRUE)::int,
        (e.outcome IS NOT DISTINCT FROM 'success')::int,
        (e.outcome IS NOT DISTINCT FROM 'failure')::int
$$;

CREATE TABLE recommendation_hours (
    hour timestamptz NOT NULL,
    algorithm varchar(50) NOT NULL,
    context_key varchar(200) NOT NULL,
    shown integer NOT NULL,
    clicked integer NOT NULL,
    rated integer NOT NULL,
    rating_sum double precision NOT NULL,
    thumbs_up integer NOT NULL,
    thumbs_down integer NOT NULL,
    favorites integer NOT NULL,
    watchlist integer NOT NULL,
    successes integer NOT NULL,
    failures integer NOT NULL,
    PRIMARY KEY (hour, algorithm, context_key)
) WITH (fillfactor = 70);

-- Visitors in 128 random clusters: their sums add up over days, and their spread is the variance of a comparison.
-- `visitors` counts those whose newest day in this group it is, so that a sum from a day on counts each once.
CREATE TABLE experiment_days (
    day date NOT NULL,
    ab_group varchar(9) NOT NULL,
    cluster smallint NOT NULL,
    visitors integer NOT NULL DEFAULT 0,
    shown integer NOT NULL DEFAULT 0,
    clicked integer NOT NULL DEFAULT 0,
    rated integer NOT NULL DEFAULT 0,
    rating_sum double precision NOT NULL DEFAULT 0,
    thumbs_up integer NOT NULL DEFAULT 0,
    thumbs_down integer NOT NULL DEFAULT 0,
    PRIMARY KEY (day, ab_group, cluster)
) WITH (fillfactor = 70);

CREATE TABLE experiment_visitors (
    user_id integer NOT NULL,
    ab_group varchar(9) NOT NULL,
    last_day date NOT NULL,
    PRIMARY KEY (user_id, ab_group)
) WITH (fillfactor = 70);

-- Takes the impressions as they were out of the sums and puts them in as they are; of either, only the settled ones.
-- The caller holds locks on the impressions. Sums are locked after everything else, in the order of their keys.
CREATE FUNCTION bandit_roll_up(before recommendation_events_set_aside[], after recommendation_events_set_aside[]) RETURNS boolean
LANGUAGE sql AS $$
    INSERT INTO recommendation_hours AS h
    SELECT t.hour, t.algorithm, t.context_key, sum(sign * t.shown), sum(sign * t.clicked), sum(sign * t.rated),
        sum(sign * t.rating_sum), sum(sign * t.thumbs_up), sum(sign * t.thumbs_down), sum(sign * t.favorites),
        sum(sign * t.watchlist), sum(sign * t.successes), sum(sign * t.failures)
    FROM (SELECT -1 AS sign, b AS e FROM unnest(before) AS b UNION ALL SELECT 1, a FROM unnest(after) AS a) AS image
    CROSS JOIN LATERAL bandit_tally(image.e) AS t
    WHERE (image.e).settled_at IS NOT NULL
    GROUP BY t.hour, t.algorithm, t.context_key
    ORDER BY t.hour, t.algorithm, t.context_key
    ON CONFLICT (hour, algorithm, context_key) DO UPDATE
    SET shown = h.shown + excluded.shown, clicked = h.clicked + excluded.clicked, rated = h.rated + excluded.rated,
        rating_sum = h.rating_sum + excluded.rating_sum, thumbs_up = h.thumbs_up + excluded.thumbs_up,
        thumbs_down = h.thumbs_down + excluded.thumbs_down, favorites = h.favorites + excluded.favorites,
        watchlist = h.watchlist + excluded.watchlist, successes = h.successes + excluded.successes,
        failures = h.failures + excluded.failures;

    WITH moved AS (
        SELECT a.user_id, t.ab_group, t.cluster, max(t.day) AS day
        FROM unnest(after) AS a CROSS JOIN LATERAL bandit_tally(a) AS t
        WHERE a.settled_at IS NOT NULL
        GROUP BY a.user_id, t.ab_group, t.cluster
    ), newer AS (
        SELECT m.user_id, m.ab_group, m.cluster, m.day, v.last_day AS previous
        FROM moved AS m LEFT JOIN experiment_visitors AS v USING (user_id, ab_group)
        WHERE v.last_day IS NULL OR v.last_day < m.day
    ), remembered AS (
        INSERT INTO experiment_visitors AS v
        SELECT user_id, ab_group, day FROM newer ORDER BY user_id, ab_group
        ON CONFLICT (user_id, ab_group) DO UPDATE SET last_day = excluded.last_day
    ), change AS (
        SELECT t.day, t.ab_group, t.cluster, 0 AS visitors, sign * t.shown AS shown, sign * t.clicked AS clicked,
            sign * t.rated AS rated, sign * t.rating_sum AS rating_sum, sign * t.thumbs_up AS thumbs_up,
            sign * t.thumbs_down AS thumbs_down
        FROM (SELECT -1 AS sign, b AS e FROM unnest(before) AS b UNION ALL SELECT 1, a FROM unnest(after) AS a) AS image
        CROSS JOIN LATERAL bandit_tally(image.e) AS t
        WHERE (image.e).settled_at IS NOT NULL
        UNION ALL
        SELECT day, ab_group, cluster, 1, 0, 0, 0, 0, 0, 0 FROM newer
        UNION ALL
        SELECT previous, ab_group, cluster, -1, 0, 0, 0, 0, 0, 0 FROM newer WHERE previous IS NOT NULL
    )
    INSERT INTO experiment_days AS d
    SELECT day, ab_group, cluster, sum(visitors), sum(shown), sum(clicked), sum(rated), sum(rating_sum),
        sum(thumbs_up), sum(thumbs_down)
    FROM change
    GROUP BY day, ab_group, cluster
    ORDER BY day, ab_group, cluster
    ON CONFLICT (day, ab_group, cluster) DO UPDATE
    SET visitors = d.visitors + excluded.visitors, shown = d.shown + excluded.shown,
        clicked = d.clicked + excluded.clicked, rated = d.rated + excluded.rated,
        rating_sum = d.rating_sum + excluded.rating_sum, thumbs_up = d.thumbs_up + excluded.thumbs_up,
        thumbs_down = d.thumbs_down + excluded.thumbs_down;

    SELECT true;
$$;

-- What the sums must be, from the impressions themselves: fills them now, and is what `verify` compares them with.
CREATE VIEW recommendation_hours_recomputed AS
SELECT t.hour, t.algorithm, t.context_key, count(*)::integer AS shown, sum(t.clicked)::integer AS clicked,
    sum(t.rated)::integer AS rated, sum(t.rating_sum) AS rating_sum, sum(t.thumbs_up)::integer AS thumbs_up,
    sum(t.thumbs_down)::integer AS thumbs_down, sum(t.favorites)::integer AS favorites,
    sum(t.watchlist)::integer AS watchlist, sum(t.successes)::integer AS successes, sum(t.failures)::integer AS failures
FROM recommendation_events_set_aside AS e CROSS JOIN LATERAL bandit_tally(e) AS t
WHERE e.settled_at IS NOT NULL AND e.created_at >= (SELECT complete_from FROM bandit_retention)
GROUP BY t.hour, t.algorithm, t.context_key;

CREATE VIEW experiment_visitors_recomputed AS
SELECT e.user_id, t.ab_group, max(t.day) AS last_day
FROM recommendation_events_set_aside AS e CROSS JOIN LATERAL bandit_tally(e) AS t
WHERE e.settled_at IS NOT NULL AND e.created_at >= (SELECT complete_from FROM bandit_retention)
GROUP BY e.user_id, t.ab_group;

CREATE VIEW experiment_days_recomputed AS
SELECT day, ab_group, cluster, sum(visitors)::integer AS visitors, sum(shown)::integer AS shown,
    sum(clicked)::integer AS clicked, sum(rated)::integer AS rated, sum(rating_sum) AS rating_sum,
    sum(thumbs_up)::integer AS thumbs_up, sum(thumbs_down)::integer AS thumbs_down
FROM (
    SELECT t.day, t.ab_group, t.cluster, 0 AS visitors, count(*)::integer AS shown, sum(t.clicked) AS clicked,
        sum(t.rated) AS rated, sum(t.rating_sum) AS rating_sum, sum(t.thumbs_up) AS thumbs_up,
        sum(t.thumbs_down) AS thumbs_down
    FROM recommendation_events_set_aside AS e CROSS JOIN LATERAL bandit_tally(e) AS t
    WHERE e.settled_at IS NOT NULL AND e.created_at >= (SELECT complete_from FROM bandit_retention)
    GROUP BY t.day, t.ab_group, t.cluster
    UNION ALL
    SELECT last_day, ab_group, bandit_cluster(user_id), count(*), 0, 0, 0, 0, 0, 0
    FROM experiment_visitors_recomputed
    GROUP BY last_day, ab_group, bandit_cluster(user_id)
) AS part
GROUP BY day, ab_group, cluster;

INSERT INTO recommendation_hours SELECT * FROM recommendation_hours_recomputed;
INSERT INTO experiment_visitors SELECT * FROM experiment_visitors_recomputed;
INSERT INTO experiment_days SELECT * FROM experiment_days_recomputed;

-- What readers read: the sums, and the impressions that are not in them yet.
CREATE VIEW recommendation_activity AS
SELECT hour, algorithm::text, context_key::text, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down,
    favorites, watchlist, successes, failures
FROM recommendation_hours
UNION ALL
SELECT t.hour, t.algorithm, t.context_key, t.shown, t.clicked, t.rated, t.rating_sum, t.thumbs_up, t.thumbs_down,
    t.favorites, t.watchlist, t.successes, t.failures
FROM recommendation_events_set_aside AS e CROSS JOIN LATERAL bandit_tally(e) AS t
WHERE e.settled_at IS NULL;

CREATE VIEW experiment_activity AS
SELECT day, ab_group::text, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down
FROM experiment_days
UNION ALL
SELECT t.day, t.ab_group, t.cluster, t.shown, t.clicked, t.rated, t.rating_sum, t.thumbs_up, t.thumbs_down
FROM recommendation_events_set_aside AS e CROSS JOIN LATERAL bandit_tally(e) AS t
WHERE e.settled_at IS NULL;
