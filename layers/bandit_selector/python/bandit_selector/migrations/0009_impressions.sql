-- What follows from lists and reactions: impressions, sums, learned counts. Each rule once.

-- What was recorded before, a row for each movie, is set aside by a rename and stays readable. Nothing is lost: a writer
-- waits for this step's lock, and finds the view of the same name afterwards.
DO $$
BEGIN
    IF to_regclass('recommendation_events_set_aside') IS NULL THEN
        ALTER TABLE recommendation_events RENAME TO recommendation_events_set_aside;
    END IF;
END $$;
INSERT INTO bandit_unsettled
SELECT id, created_at FROM recommendation_events_set_aside WHERE settled_at IS NULL AND recommendation_id IS NOT NULL;

-- The attribution rule: the impression a message names if it is the sender's, else the newest one of this user and
-- movie shown before the message was received; both within the window. An id that carries another day than
-- `received_at` is refused, because the log is looked through by the times of its ids. The caller knows a span of time
-- that has every list which can be meant: as constants, its bounds leave partitions out of the plan.
DROP FUNCTION bandit_attribution(integer, integer, bigint, timestamptz, interval);
CREATE FUNCTION bandit_attribution(
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
        SELECT * FROM (
            SELECT * FROM (
                (
                    SELECT l.id * 64 + array_position(l.movie_ids, movie::integer) AS id, l.user_id, l.created_at
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
            ORDER BY of_pair.created_at DESC, of_pair.id DESC LIMIT 1
        ) AS newest
        WHERE claimed IS NULL -- outside, so that nothing is sorted for a message that names its impression
    ) AS meant ON true
    CROSS JOIN LATERAL (SELECT CASE
        WHEN id_time <> '-infinity' AND abs(extract(epoch FROM id_time - received)) > 86400 THEN 'contradictory_id'
        WHEN meant.id IS NULL THEN 'unknown_impression'
        WHEN meant.user_id <> sender THEN 'foreign_impression'
        WHEN received - meant.created_at > attribution_window THEN 'outside_window'
    END AS reason) AS verdict
$$;

-- What silence means for a place, by the rule that its list was shown under.
CREATE FUNCTION bandit_silence(rule text, seen boolean) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN rule = 'shown' OR (rule = 'seen' AND seen) THEN 'failure' END
$$;

-- Every place of every list, with what its visitor made of it. `shown` is false for a place that only counts when seen.
CREATE VIEW bandit_impressions AS
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
    coalesce(r.outcome, bandit_silence(l.silence, (l.seen >> p.place::integer) & 1 = 1)) AS settled_outcome
FROM bandit_lists AS l
CROSS JOIN LATERAL unnest(l.movie_ids, l.scores, l.propensities) WITH ORDINALITY
    AS p (movie_id, score, propensity, place)
LEFT JOIN bandit_reactions AS r ON r.event_id = l.id * 64 + p.place AND r.shown_at = bandit_second(l.id);

-- A list that the former version records now is set aside like those before, and settled like them.
CREATE FUNCTION bandit_set_aside() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.id := coalesce(NEW.id, nextval(pg_get_serial_sequence('recommendation_events_set_aside', 'id')));
    NEW.created_at := coalesce(NEW.created_at, now());
    INSERT INTO recommendation_events_set_aside
        (id, user_id, movie_id, algorithm, recommendation_score, position, context, clicked, clicked_at, rated, rated_at,
         rating_value, added_to_watchlist, added_to_favorites, thumbs_up, thumbs_up_at, thumbs_down, thumbs_down_at,
         created_at, recommendation_id, propensity, posterior_version)
    VALUES
        (NEW.id, NEW.user_id, NEW.movie_id, NEW.algorithm, NEW.recommendation_score, NEW.position, NEW.context,
         coalesce(NEW.clicked, false), NEW.clicked_at, coalesce(NEW.rated, false), NEW.rated_at, NEW.rating_value,
         coalesce(NEW.added_to_watchlist, false), coalesce(NEW.added_to_favorites, false),
         coalesce(NEW.thumbs_up, false), NEW.thumbs_up_at, coalesce(NEW.thumbs_down, false), NEW.thumbs_down_at,
         NEW.created_at, NEW.recommendation_id, NEW.propensity, NEW.posterior_version);
    IF NEW.recommendation_id IS NOT NULL THEN
        INSERT INTO bandit_unsettled VALUES (NEW.id, NEW.created_at);
        -- The sums of this day cannot be recomputed from lists alone.
        UPDATE bandit_retention SET complete_from = date_trunc('day', NEW.created_at, 'UTC') + interval '1 day'
        WHERE NEW.created_at >= complete_from;
    END IF;
    RETURN NEW;
END $$;
-- The table of the deployment guide: one row a movie shown, by us or before. Both parts have the same types, else
-- PostgreSQL computes every column of every row, also those that a query does not ask for.
-- A site's own table of this name stays for now: store/adoption.py sets it aside after the last step.
DO $$
BEGIN
    IF to_regclass('recommendation_events') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE VIEW recommendation_events AS
    SELECT i.event_id AS id, i.user_id, i.movie_id::bigint AS movie_id,
        bandit_algorithm(i.arm, i.list_algorithm)::varchar(50) AS algorithm,
        i.score::double precision AS recommendation_score, i.position,
        jsonb_build_object(
            'time_period', split_part(i.context_key, '|', 1), 'day_of_week', split_part(i.context_key, '|', 2),
            'user_type', split_part(i.context_key, '|', 3), 'context_key', i.context_key
        ) AS context,
        i.clicked_at IS NOT NULL AS clicked, i.clicked_at, i.rating_value IS NOT NULL AS rated, i.rated_at,
        i.rating_value::double precision AS rating_value, i.added_to_watchlist, i.added_to_favorites,
        i.thumbs_up_at IS NOT NULL AS thumbs_up, i.thumbs_up_at, i.thumbs_down_at IS NOT NULL AS thumbs_down,
        i.thumbs_down_at, i.created_at,
        bandit_recommendation_id(i.list_id) AS recommendation_id, i.propensity::double precision AS propensity,
        i.posterior_version, CASE WHEN i.settled_at IS NULL THEN i.said_outcome ELSE i.settled_outcome END::varchar(10) AS outcome,
        i.settled_at, i.seen
    FROM bandit_impressions AS i
    UNION ALL
    SELECT e.id, e.user_id::bigint, e.movie_id::bigint, e.algorithm, e.recommendation_score, e.position, e.context, e.clicked, e.clicked_at,
        e.rated, e.rated_at, e.rating_value, e.added_to_watchlist, e.added_to_favorites, e.thumbs_up, e.thumbs_up_at,
        e.thumbs_down, e.thumbs_down_at, e.created_at, e.recommendation_id, e.propensity, e.posterior_version, e.outcome,
        e.settled_at, false
    FROM recommendation_events_set_aside AS e;
    CREATE TRIGGER bandit_set_aside INSTEAD OF INSERT ON recommendation_events
        FOR EACH ROW EXECUTE FUNCTION bandit_set_aside();
END $$;

ALTER TABLE recommendation_hours
    ADD neutrals integer NOT NULL DEFAULT 0,
    ADD changed_at timestamptz NOT NULL DEFAULT now(); -- `verify` recomputes the days that changed since it last ran
CREATE INDEX recommendation_hours_changed ON recommendation_hours USING brin (changed_at);
ALTER TABLE bandit_retention ADD verified_at timestamptz NOT NULL DEFAULT '-infinity';

DROP VIEW recommendation_activity, experiment_activity, recommendation_hours_recomputed, experiment_days_recomputed,
    experiment_visitors_recomputed, bandit_states_recomputed, bandit_outcomes;

-- What each impression adds to the sums; the only place that says so for all of them. A place beyond its visitor's
-- bound is shown, and neither teaches (`arm` is null) nor counts in the test.
CREATE VIEW bandit_tallies AS
SELECT i.list_id, i.event_id, i.created_at, i.settled_at, i.user_id,
    date_trunc('hour', i.created_at, 'UTC') AS hour, (i.created_at AT TIME ZONE 'UTC')::date AS day, name.algorithm,
    i.context_key, bandit_group(name.algorithm) AS ab_group, bandit_cluster(i.user_id) AS cluster, i.counts,
    CASE WHEN i.counts THEN i.arm END AS arm, i.said_outcome, i.settled_outcome,
    i.shown::integer AS shown, (i.clicked_at IS NOT NULL)::integer AS clicked,
    (i.rating_value IS NOT NULL)::integer AS rated, coalesce(i.rating_value, 0)::double precision AS rating_sum,
    (i.thumbs_up_at IS NOT NULL)::integer AS thumbs_up, (i.thumbs_down_at IS NOT NULL)::integer AS thumbs_down,
    i.added_to_favorites::integer AS favorites, i.added_to_watchlist::integer AS watchlist
FROM bandit_impressions AS i
CROSS JOIN LATERAL (SELECT bandit_algorithm(i.arm, i.list_algorithm) AS algorithm) AS name;

-- What the sums of the lists shown in a span must be: `verify` compares them with these, `rebuild` restores them.
CREATE FUNCTION bandit_hours_recomputed(since timestamptz, until timestamptz) RETURNS TABLE (
    hour timestamptz, algorithm text, context_key varchar, shown integer, clicked integer, rated integer,
    rating_sum double precision, thumbs_up integer, thumbs_down integer, favorites integer, watchlist integer,
    successes integer, failures integer, neutrals integer
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.hour, t.algorithm, t.context_key, sum(t.shown)::integer, sum(t.clicked)::integer, sum(t.rated)::integer,
        sum(t.rating_sum), sum(t.thumbs_up)::integer, sum(t.thumbs_down)::integer, sum(t.favorites)::integer,
        sum(t.watchlist)::integer,
        count(*) FILTER (WHERE t.counts AND t.settled_outcome = 'success')::integer,
        count(*) FILTER (WHERE t.counts AND t.settled_outcome = 'failure')::integer,
        count(*) FILTER (WHERE t.counts AND t.settled_outcome = 'neutral')::integer
    FROM bandit_tallies AS t
    WHERE t.settled_at IS NOT NULL AND t.created_at >= since AND t.created_at < until
    GROUP BY t.hour, t.algorithm, t.context_key
$$;
-- Without the visitors, who are counted over all days.
CREATE FUNCTION bandit_days_recomputed(since timestamptz, until timestamptz) RETURNS TABLE (
    day date, ab_group text, cluster smallint, shown integer, clicked integer, rated integer,
    rating_sum double precision, thumbs_up integer, thumbs_down integer
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT t.day, t.ab_group, t.cluster, sum(t.shown)::integer, sum(t.clicked)::integer, sum(t.rated)::integer,
        sum(t.rating_sum), sum(t.thumbs_up)::integer, sum(t.thumbs_down)::integer
    FROM bandit_tallies AS t
    WHERE t.settled_at IS NOT NULL AND t.counts AND t.created_at >= since AND t.created_at < until
    GROUP BY t.day, t.ab_group, t.cluster
$$;
CREATE VIEW experiment_visitors_recomputed AS
SELECT user_id, ab_group, max(day) AS last_day
FROM bandit_tallies
WHERE settled_at IS NOT NULL AND counts AND created_at >= (SELECT complete_from FROM bandit_retention)
GROUP BY user_id, ab_group;

-- By how much a cell's counts at this step differ from what its sums give: what was learned before the sums began, and
-- what they have of rows that never taught. From here on both change alike.
CREATE TABLE bandit_carried_over (
    context_key varchar(200) NOT NULL,
    algorithm varchar(50) NOT NULL,
    pulls bigint NOT NULL,
    successes bigint NOT NULL,
    failures bigint NOT NULL,
    PRIMARY KEY (context_key, algorithm)
);

-- What every cell must be: what was carried over and archived, the settled outcomes by hour, and the outcomes of lists
-- not settled yet. Neutral outcomes of what was set aside are archived.
CREATE VIEW bandit_states_recomputed AS
SELECT context_key, algorithm, sum(pulls)::bigint AS pulls, sum(successes)::bigint AS successes,
    sum(failures)::bigint AS failures
FROM (
    SELECT context_key, algorithm, archived_pulls AS pulls, archived_successes AS successes,
        archived_failures AS failures
    FROM bandit_states
    UNION ALL
    SELECT context_key, algorithm, pulls, successes, failures FROM bandit_carried_over
    UNION ALL
    SELECT context_key, substr(algorithm, 8), successes + failures + neutrals, successes, failures
    FROM recommendation_hours WHERE starts_with(algorithm, 'bandit_')
    UNION ALL
    SELECT t.context_key, t.arm, 1, (t.said_outcome = 'success')::integer, (t.said_outcome = 'failure')::integer
    FROM bandit_unsettled AS u
    CROSS JOIN LATERAL ( -- by its index: the few unsettled lists, whatever a query asks of them
        SELECT * FROM bandit_tallies AS t WHERE t.list_id = u.list_id AND t.created_at = u.created_at OFFSET 0
    ) AS t
    WHERE t.arm IS NOT NULL AND t.said_outcome IS NOT NULL
    UNION ALL
    SELECT e.context->>'context_key', substr(e.algorithm, 8), 1, (e.outcome = 'success')::integer,
        (e.outcome = 'failure')::integer
    FROM bandit_unsettled AS u JOIN recommendation_events_set_aside AS e ON e.id = u.list_id
    WHERE e.propensity IS NOT NULL AND e.outcome IN ('success', 'failure')
) AS part
GROUP BY context_key, algorithm;

INSERT INTO bandit_carried_over
SELECT context_key, algorithm, coalesce(s.total_pulls, 0) - r.pulls, coalesce(s.total_successes, 0) - r.successes,
    coalesce(s.total_failures, 0) - r.failures
FROM bandit_states_recomputed AS r LEFT JOIN bandit_states AS s USING (context_key, algorithm)
WHERE (coalesce(s.total_pulls, 0), coalesce(s.total_successes, 0), coalesce(s.total_failures, 0))
    <> (r.pulls, r.successes, r.failures);

-- The sums of the days up to now are kept as they are.
UPDATE bandit_retention SET complete_from = date_trunc('day', now(), 'UTC') + interval '1 day'
WHERE EXISTS (SELECT FROM recommendation_events_set_aside);

-- What readers read: the sums, and the impressions that are not in them yet.
CREATE VIEW bandit_unsettled_tallies AS
SELECT t.hour, t.day, t.algorithm, t.context_key, t.ab_group, t.cluster, t.user_id, t.counts, t.shown, t.clicked,
    t.rated, t.rating_sum, t.thumbs_up, t.thumbs_down, t.favorites, t.watchlist,
    (t.counts AND t.said_outcome IS NOT DISTINCT FROM 'success')::integer AS successes,
    (t.counts AND t.said_outcome IS NOT DISTINCT FROM 'failure')::integer AS failures
FROM bandit_unsettled AS u
CROSS JOIN LATERAL ( -- by its index: the few unsettled lists, whatever a query asks of them
    SELECT * FROM bandit_tallies AS t WHERE t.list_id = u.list_id AND t.created_at = u.created_at OFFSET 0
) AS t
UNION ALL
SELECT t.hour, t.day, t.algorithm, t.context_key, t.ab_group, t.cluster, e.user_id, true, t.shown, t.clicked, t.rated,
    t.rating_sum, t.thumbs_up, t.thumbs_down, t.favorites, t.watchlist, t.successes, t.failures
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
FROM bandit_unsettled_tallies;

CREATE VIEW experiment_activity AS
SELECT day, ab_group::text, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down
FROM experiment_days
UNION ALL
SELECT day, ab_group, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down
FROM bandit_unsettled_tallies WHERE counts;
