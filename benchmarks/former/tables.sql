-- The tables of version 1.0 that its data path uses, as its migrations made them. Kept as they were.

-- 0001_guide_tables
-- The two tables of the deployment guide.
CREATE TABLE IF NOT EXISTS bandit_states (
    id serial PRIMARY KEY,
    context_key varchar(200) NOT NULL,
    algorithm varchar(50) NOT NULL,
    alpha double precision NOT NULL DEFAULT 1.0,
    beta double precision NOT NULL DEFAULT 1.0,
    total_pulls integer DEFAULT 0,
    total_successes integer DEFAULT 0,
    total_failures integer DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS idx_bandit_context_algo ON bandit_states (context_key, algorithm);
CREATE INDEX IF NOT EXISTS idx_bandit_context ON bandit_states (context_key);
CREATE INDEX IF NOT EXISTS idx_bandit_algo ON bandit_states (algorithm);

ALTER TABLE bandit_states
    ALTER created_at TYPE timestamptz,
    ALTER updated_at TYPE timestamptz,
    ALTER total_pulls SET NOT NULL,
    ALTER total_successes SET NOT NULL,
    ALTER total_failures SET NOT NULL,
    ADD prior_alpha double precision NOT NULL DEFAULT 1.0,
    ADD prior_beta double precision NOT NULL DEFAULT 1.0,
    -- Outcomes whose events are gone (pruned, forgotten) or were learned before this migration.
    ADD archived_pulls integer NOT NULL DEFAULT 0,
    ADD archived_successes integer NOT NULL DEFAULT 0,
    ADD archived_failures integer NOT NULL DEFAULT 0;

CREATE TABLE IF NOT EXISTS recommendation_events (
    id bigserial PRIMARY KEY,
    user_id integer NOT NULL,
    movie_id integer NOT NULL,
    algorithm varchar(50) NOT NULL,
    recommendation_score double precision,
    position integer,
    context jsonb,
    clicked boolean DEFAULT false,
    clicked_at timestamptz,
    rated boolean DEFAULT false,
    rated_at timestamptz,
    rating_value double precision,
    added_to_watchlist boolean DEFAULT false,
    added_to_favorites boolean DEFAULT false,
    thumbs_up boolean DEFAULT false,
    thumbs_up_at timestamptz,
    thumbs_down boolean DEFAULT false,
    thumbs_down_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE recommendation_events
    ALTER id TYPE bigint,
    ALTER context TYPE jsonb USING context::jsonb,
    ALTER created_at TYPE timestamptz,
    ALTER clicked_at TYPE timestamptz,
    ALTER rated_at TYPE timestamptz,
    ALTER thumbs_up_at TYPE timestamptz,
    ALTER thumbs_down_at TYPE timestamptz,
    ADD recommendation_id uuid,
    -- Set only on what the bandit drew: such a row, and no other, counts in bandit_states.
    ADD propensity double precision,
    ADD posterior_version bigint,
    ADD outcome varchar(10) CHECK (outcome IN ('success', 'failure', 'neutral')),
    -- When the clock visited the row: from then on silence is a failure.
    ADD settled_at timestamptz;

-- 0002_outcomes
-- Feedback as it was received, once per message, with the impression it counts for or the reason why for none.
CREATE TABLE feedback_events (
    message_id uuid PRIMARY KEY,
    user_id integer NOT NULL,
    movie_id integer,
    claimed_event_id bigint,
    action varchar(11) NOT NULL CHECK (action IN ('click', 'rating', 'thumbs_up', 'thumbs_down')),
    rating real CHECK ((rating IS NOT NULL) = (action = 'rating')),
    occurred_at timestamptz NOT NULL, -- by the visitor's clock: orders changes of mind
    received_at timestamptz NOT NULL, -- by the service's clock: decides which impression is meant
    event_id bigint,
    reason varchar(20) CHECK ((reason IS NULL) = (event_id IS NOT NULL)),
    CHECK (movie_id IS NOT NULL OR claimed_event_id IS NOT NULL)
);
-- One impression's feedback; then what an impression that becomes visible late may claim.
CREATE INDEX feedback_events_event ON feedback_events (event_id);
CREATE INDEX feedback_events_pair ON feedback_events (user_id, movie_id, received_at) WHERE claimed_event_id IS NULL;
CREATE INDEX feedback_events_claim ON feedback_events (claimed_event_id) WHERE event_id IS NULL;

CREATE INDEX recommendation_events_pair ON recommendation_events (user_id, movie_id, created_at);
CREATE INDEX recommendation_events_unsettled ON recommendation_events (created_at) WHERE settled_at IS NULL;
CREATE INDEX recommendation_events_created ON recommendation_events USING brin (created_at);
-- Outcomes are updates: room on the page keeps them out of the indexes.
ALTER TABLE recommendation_events SET (fillfactor = 70);

-- The outcome rule, in one place: an explicit dislike beats everything, a like beats a lukewarm rating.
CREATE FUNCTION bandit_outcome(
    clicked boolean, rating double precision, thumbs_up boolean, thumbs_down boolean,
    success_rating double precision, failure_rating double precision
) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN thumbs_down OR rating <= failure_rating THEN 'failure'
        WHEN clicked OR thumbs_up OR rating >= success_rating THEN 'success'
        WHEN rating IS NOT NULL THEN 'neutral'
    END
$$;

-- The attribution rule, in one place: the impression a message names if it is the sender's, else the newest one
-- of this user and movie shown before the message was received; both within the window.
CREATE FUNCTION bandit_attribution(
    sender integer, movie integer, claimed bigint, received timestamptz, attribution_window interval
) RETURNS TABLE (event_id bigint, reason text) LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN verdict.reason IS NULL THEN e.id END, verdict.reason
    FROM (SELECT coalesce(claimed, (
        SELECT newest.id FROM recommendation_events AS newest
        WHERE claimed IS NULL AND newest.user_id = sender AND newest.movie_id = movie
            AND newest.created_at BETWEEN received - attribution_window AND received
        ORDER BY newest.created_at DESC, newest.id DESC LIMIT 1
    )) AS id) AS meant
    LEFT JOIN recommendation_events AS e ON e.id = meant.id
    CROSS JOIN LATERAL (SELECT CASE
        WHEN e.id IS NULL THEN 'unknown_impression'
        WHEN e.user_id <> sender THEN 'foreign_impression'
        WHEN received - e.created_at > attribution_window THEN 'outside_window'
    END AS reason) AS verdict
$$;

-- 0003_serving
-- What serving reads: published probabilities, candidate lists, and which movies are long tail.
CREATE SEQUENCE bandit_posterior_version;
CREATE TABLE bandit_posteriors (
    context_key varchar(200) NOT NULL,
    algorithm varchar(50) NOT NULL,
    alpha double precision NOT NULL,
    beta double precision NOT NULL,
    probability double precision NOT NULL,
    version bigint NOT NULL,
    published_at timestamptz NOT NULL,
    -- The evidence behind it: counts with forgetting, and how much of bandit_states they contain.
    discounted_successes double precision NOT NULL,
    discounted_failures double precision NOT NULL,
    seen_successes integer NOT NULL,
    seen_failures integer NOT NULL,
    PRIMARY KEY (context_key, algorithm)
);

CREATE TABLE recommendation_candidates (
    user_id integer NOT NULL,
    algorithm varchar(50) NOT NULL,
    movie_ids integer[] NOT NULL,
    scores real[] NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, algorithm),
    CHECK (cardinality(movie_ids) = cardinality(scores))
);

CREATE TABLE movie_popularity (
    movie_id integer PRIMARY KEY,
    ratings integer NOT NULL,
    long_tail boolean NOT NULL
);

-- 0004_rollups
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
CREATE FUNCTION bandit_tally(e recommendation_events) RETURNS TABLE (
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
CREATE FUNCTION bandit_roll_up(before recommendation_events[], after recommendation_events[]) RETURNS boolean
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
