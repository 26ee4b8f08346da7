-- The test is read out from its start, by phases, with what single visitors were shown.

-- A phase of a test has one planned share of treatment; `salt` and `started` name the test. Phase 0 has no row: it has
-- the lists from before phases were recorded.
CREATE TABLE bandit_phases (
    phase smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    salt text NOT NULL,
    started timestamptz NOT NULL, -- EXPERIMENT_START, as the midnight from which it holds; -infinity without
    share real NOT NULL,
    began_at timestamptz NOT NULL,
    UNIQUE (salt, started, share)
);

-- The phase of a list that is shown now; a new one where nothing was shown with this share before. Null before the start.
CREATE FUNCTION bandit_phase(of_salt text, start timestamptz, of_share real, at timestamptz) RETURNS smallint
LANGUAGE plpgsql AS $$
DECLARE
    found_phase smallint;
BEGIN
    IF at < start THEN RETURN NULL; END IF;
    LOOP
        SELECT p.phase INTO found_phase FROM bandit_phases AS p
        WHERE (p.salt, p.started, p.share) = (of_salt, start, of_share);
        IF FOUND THEN RETURN found_phase; END IF;
        INSERT INTO bandit_phases (salt, started, share, began_at) VALUES (of_salt, start, of_share, at)
        ON CONFLICT DO NOTHING;
    END LOOP;
END $$;

-- Each phase's test, by its first phase: a visitor counts once in a test.
CREATE VIEW bandit_tests AS
SELECT phase, min(phase) OVER (PARTITION BY salt, started) AS test FROM bandit_phases
UNION ALL SELECT 0, 0;

-- The planned number of visitors per group, fixed once.
CREATE TABLE bandit_plans (
    salt text NOT NULL,
    started timestamptz NOT NULL,
    planned_lift double precision NOT NULL,
    users integer NOT NULL,
    fixed_at timestamptz NOT NULL,
    PRIMARY KEY (salt, started, planned_lift)
);

DROP VIEW recommendation_activity, experiment_activity, bandit_unsettled_tallies, experiment_visitors_recomputed;
DROP FUNCTION bandit_days_recomputed(timestamptz, timestamptz);

CREATE OR REPLACE VIEW bandit_impressions AS
SELECT l.id AS list_id, l.id * 64 + p.place AS event_id, p.place::integer AS place, l.user_id, p.movie_id,
    bandit_arm(l.arms, l.drawn, p.place::integer) AS arm, l.algorithm AS list_algorithm, l.ab_group, l.context_key,
    p.score, p.propensity, l.first_position + p.place::integer - 1 AS position, l.posterior_version, l.created_at,
    l.settled_at,
    l.counted_places IS NULL OR p.place <= l.counted_places AS counts,
    (l.seen >> p.place::integer) & 1 = 1 OR r.event_id IS NOT NULL AS seen,
    l.silence <> 'seen' OR (l.seen >> p.place::integer) & 1 = 1 OR r.event_id IS NOT NULL AS shown,
    r.clicked_at, r.rated_at, r.rating_value, r.thumbs_up_at, r.thumbs_down_at,
    coalesce(r.added_to_watchlist, false) AS added_to_watchlist,
    coalesce(r.added_to_favorites, false) AS added_to_favorites,
    r.outcome AS said_outcome,
    coalesce(r.outcome, bandit_silence(l.silence, (l.seen >> p.place::integer) & 1 = 1)) AS settled_outcome,
    coalesce(l.ramp_phase, 0::smallint) AS phase
FROM bandit_lists AS l
CROSS JOIN LATERAL unnest(l.movie_ids, l.scores, l.propensities) WITH ORDINALITY
    AS p (movie_id, score, propensity, place)
LEFT JOIN bandit_reactions AS r ON r.event_id = l.id * 64 + p.place AND r.shown_at = bandit_second(l.id);

-- The group is the one recorded when the list was made: a fallback list is treatment's.
CREATE OR REPLACE VIEW bandit_tallies AS
SELECT i.list_id, i.event_id, i.created_at, i.settled_at, i.user_id,
    date_trunc('hour', i.created_at, 'UTC') AS hour, (i.created_at AT TIME ZONE 'UTC')::date AS day, name.algorithm,
    i.context_key, coalesce(i.ab_group, 'other')::text AS ab_group, bandit_cluster(i.user_id) AS cluster, i.counts,
    CASE WHEN i.counts AND i.list_algorithm IS NULL THEN i.arm END AS arm, i.said_outcome, i.settled_outcome,
    i.shown::integer AS shown, (i.clicked_at IS NOT NULL)::integer AS clicked,
    (i.rating_value IS NOT NULL)::integer AS rated, coalesce(i.rating_value, 0)::double precision AS rating_sum,
    (i.thumbs_up_at IS NOT NULL)::integer AS thumbs_up, (i.thumbs_down_at IS NOT NULL)::integer AS thumbs_down,
    i.added_to_favorites::integer AS favorites, i.added_to_watchlist::integer AS watchlist, i.phase
FROM bandit_impressions AS i
CROSS JOIN LATERAL (SELECT bandit_algorithm(i.arm, i.list_algorithm) AS algorithm) AS name;

-- By phase. `visitors` counts those whose first list in this test it is.
ALTER TABLE experiment_days DROP CONSTRAINT experiment_days_pkey;
ALTER TABLE experiment_days ADD phase smallint NOT NULL DEFAULT 0;
ALTER TABLE experiment_days ADD PRIMARY KEY (day, phase, ab_group, cluster);

-- The same within each context, for sixteen clusters.
CREATE TABLE experiment_contexts (
    day date NOT NULL,
    phase smallint NOT NULL,
    context_key varchar(200) NOT NULL,
    ab_group varchar(9) NOT NULL,
    cluster smallint NOT NULL,
    shown integer NOT NULL,
    clicked integer NOT NULL,
    rated integer NOT NULL,
    rating_sum double precision NOT NULL,
    thumbs_up integer NOT NULL,
    thumbs_down integer NOT NULL,
    PRIMARY KEY (day, phase, context_key, ab_group, cluster)
) WITH (fillfactor = 70);

-- What a visitor was shown and clicked in each phase and group, of settled places that count; and the first such list.
DROP TABLE experiment_visitors;
CREATE TABLE experiment_visitors (
    user_id bigint NOT NULL,
    phase smallint NOT NULL,
    ab_group varchar(9) NOT NULL,
    first_list bigint NOT NULL,
    shown integer NOT NULL,
    clicked integer NOT NULL,
    PRIMARY KEY (user_id, phase, ab_group)
) WITH (fillfactor = 70);

-- A visitor weighs at most `places` in a phase, and clicks at most what `rate` lets expect; see evidence/bound.py.
CREATE TABLE experiment_bounds (
    phase smallint PRIMARY KEY,
    places integer NOT NULL,
    rate double precision NOT NULL,
    made_at timestamptz NOT NULL
);
-- What exceeds that, in thousandths of a place: whole numbers add up exactly in any order.
CREATE TABLE experiment_excess (
    phase smallint NOT NULL,
    ab_group varchar(9) NOT NULL,
    cluster smallint NOT NULL,
    shown bigint NOT NULL,
    clicked bigint NOT NULL,
    PRIMARY KEY (phase, ab_group, cluster)
) WITH (fillfactor = 70);
CREATE FUNCTION bandit_excess(shown integer, clicked integer, places integer, rate double precision)
RETURNS TABLE (over_shown bigint, over_clicked bigint) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT round(1000 * (shown - weight))::bigint,
        round(1000 * (clicked - least(
            clicked * weight / greatest(shown, 1), weight * (rate + 3 * sqrt(rate * (1 - rate) / greatest(shown, 1)))
        )))::bigint
    FROM (SELECT least(shown, places)::double precision AS weight) AS w
    WHERE places IS NOT NULL
    UNION ALL SELECT 0, 0 WHERE places IS NULL
$$;
CREATE VIEW experiment_excess_recomputed AS
SELECT v.phase, v.ab_group, bandit_cluster(v.user_id) AS cluster, sum(over_shown)::bigint AS shown,
    sum(over_clicked)::bigint AS clicked
FROM experiment_visitors AS v JOIN experiment_bounds AS b USING (phase)
CROSS JOIN LATERAL bandit_excess(v.shown, v.clicked, b.places, b.rate)
WHERE (over_shown, over_clicked) <> (0, 0)
GROUP BY 1, 2, 3 HAVING sum(over_shown) <> 0 OR sum(over_clicked) <> 0;

-- What the sums of the lists shown in a span must be. Without the visitors, who are counted over all days.
CREATE FUNCTION bandit_days_recomputed(since timestamptz, until timestamptz) RETURNS TABLE (
    day date, phase smallint, ab_group text, cluster smallint, shown integer, clicked integer, rated integer,
    rating_sum double precision, thumbs_up integer, thumbs_down integer
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.day, t.phase, t.ab_group, t.cluster, sum(t.shown)::integer, sum(t.clicked)::integer,
        sum(t.rated)::integer, sum(t.rating_sum), sum(t.thumbs_up)::integer, sum(t.thumbs_down)::integer
    FROM bandit_tallies AS t
    WHERE t.settled_at IS NOT NULL AND t.counts AND t.created_at >= since AND t.created_at < until
    GROUP BY t.day, t.phase, t.ab_group, t.cluster
$$;
CREATE FUNCTION bandit_contexts_recomputed(since timestamptz, until timestamptz) RETURNS TABLE (
    day date, phase smallint, context_key varchar, ab_group text, cluster smallint, shown integer, clicked integer,
    rated integer, rating_sum double precision, thumbs_up integer, thumbs_down integer
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.day, t.phase, t.context_key, t.ab_group, (t.cluster & 15)::smallint, sum(t.shown)::integer,
        sum(t.clicked)::integer, sum(t.rated)::integer, sum(t.rating_sum), sum(t.thumbs_up)::integer,
        sum(t.thumbs_down)::integer
    FROM bandit_tallies AS t
    WHERE t.settled_at IS NOT NULL AND t.counts AND t.ab_group <> 'other'
        AND t.created_at >= since AND t.created_at < until
    GROUP BY t.day, t.phase, t.context_key, t.ab_group, t.cluster & 15
$$;
CREATE VIEW experiment_visitors_recomputed AS
SELECT user_id, phase, ab_group, min(list_id) AS first_list, sum(shown)::integer AS shown,
    sum(clicked)::integer AS clicked
FROM bandit_tallies
WHERE settled_at IS NOT NULL AND counts AND ab_group <> 'other'
    AND created_at >= (SELECT complete_from FROM bandit_retention)
GROUP BY user_id, phase, ab_group;
-- Where each visitor counts: on the day, in the phase and in the group of the first list in a test.
CREATE VIEW experiment_arrivals AS
SELECT DISTINCT ON (v.user_id, t.test) v.user_id, (bandit_second(v.first_list) AT TIME ZONE 'UTC')::date AS day,
    v.phase, v.ab_group, bandit_cluster(v.user_id) AS cluster
FROM experiment_visitors AS v JOIN bandit_tests AS t USING (phase)
ORDER BY v.user_id, t.test, v.first_list;

-- What was summed before is kept as it is: its fallback lists are in no group.
UPDATE bandit_retention SET complete_from = date_trunc('day', now(), 'UTC') + interval '1 day'
WHERE EXISTS (SELECT FROM experiment_days);

CREATE VIEW bandit_unsettled_tallies AS
SELECT t.hour, t.day, t.algorithm, t.context_key, t.ab_group, t.cluster, t.user_id, t.counts, t.shown, t.clicked,
    t.rated, t.rating_sum, t.thumbs_up, t.thumbs_down, t.favorites, t.watchlist,
    (t.counts AND t.said_outcome IS NOT DISTINCT FROM 'success')::integer AS successes,
    (t.counts AND t.said_outcome IS NOT DISTINCT FROM 'failure')::integer AS failures, t.phase, t.list_id
FROM bandit_unsettled AS u JOIN bandit_tallies AS t ON t.list_id = u.list_id AND t.created_at = u.created_at
UNION ALL
SELECT t.hour, t.day, t.algorithm, t.context_key, t.ab_group, t.cluster, e.user_id, true, t.shown, t.clicked, t.rated,
    t.rating_sum, t.thumbs_up, t.thumbs_down, t.favorites, t.watchlist, t.successes, t.failures, 0, NULL
FROM bandit_unsettled AS u
JOIN recommendation_events_set_aside AS e ON e.id = u.list_id
CROSS JOIN LATERAL bandit_tally(e) AS t;

CREATE VIEW recommendation_activity AS
SELECT hour, algorithm::text, context_key::text, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down,
    favorites, watchlist, successes, failures
FROM recommendation_hours
UNION ALL
SELECT hour, algorithm, context_key, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down, favorites, watchlist,
    successes, failures
FROM bandit_unsettled_tallies
UNION ALL
SELECT hour, algorithm, 'unknown', shown, clicked, rated, rating_sum, thumbs_up, thumbs_down, favorites, watchlist, 0, 0
FROM bandit_site_hours;

CREATE VIEW experiment_activity AS
SELECT day, phase, ab_group::text, cluster, visitors, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down
FROM experiment_days
UNION ALL
SELECT day, phase, ab_group, cluster, 0, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down
FROM bandit_unsettled_tallies WHERE counts
UNION ALL -- visitors whose first list in the test is not settled yet
SELECT day, phase, ab_group, cluster, 1, 0, 0, 0, 0, 0, 0 FROM (
    SELECT DISTINCT ON (u.user_id, t.test) u.user_id, t.test, u.day, u.phase, u.ab_group, u.cluster
    FROM bandit_unsettled_tallies AS u JOIN bandit_tests AS t USING (phase)
    WHERE u.counts AND u.ab_group <> 'other' AND u.list_id IS NOT NULL
    ORDER BY u.user_id, t.test, u.list_id
) AS live
WHERE NOT EXISTS (
    SELECT FROM experiment_visitors AS v JOIN bandit_tests AS t USING (phase)
    WHERE v.user_id = live.user_id AND t.test = live.test
);

CREATE VIEW experiment_context_activity AS
SELECT day, phase, context_key::text, ab_group::text, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down
FROM experiment_contexts
UNION ALL
SELECT day, phase, context_key, ab_group, (cluster & 15)::smallint, shown, clicked, rated, rating_sum, thumbs_up,
    thumbs_down
FROM bandit_unsettled_tallies WHERE counts AND ab_group <> 'other';

-- Impressions from before lists are in phase 0, and their visitors are not counted again.
CREATE OR REPLACE FUNCTION bandit_roll_up(before recommendation_events_set_aside[], after recommendation_events_set_aside[])
RETURNS boolean LANGUAGE sql AS $$
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

    INSERT INTO experiment_days AS d
        (day, phase, ab_group, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down)
    SELECT t.day, 0, t.ab_group, t.cluster, sum(sign * t.shown), sum(sign * t.clicked), sum(sign * t.rated),
        sum(sign * t.rating_sum), sum(sign * t.thumbs_up), sum(sign * t.thumbs_down)
    FROM (SELECT -1 AS sign, b AS e FROM unnest(before) AS b UNION ALL SELECT 1, a FROM unnest(after) AS a) AS image
    CROSS JOIN LATERAL bandit_tally(image.e) AS t
    WHERE (image.e).settled_at IS NOT NULL
    GROUP BY t.day, t.ab_group, t.cluster
    ORDER BY t.day, t.ab_group, t.cluster
    ON CONFLICT (day, phase, ab_group, cluster) DO UPDATE
    SET shown = d.shown + excluded.shown, clicked = d.clicked + excluded.clicked, rated = d.rated + excluded.rated,
        rating_sum = d.rating_sum + excluded.rating_sum, thumbs_up = d.thumbs_up + excluded.thumbs_up,
        thumbs_down = d.thumbs_down + excluded.thumbs_down;

    SELECT true;
$$;
