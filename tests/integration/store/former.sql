-- An installation of the version that recorded a row for each movie shown, at 2026-03-10 12:00 UTC.
-- Made at the last commit before "Record one row a list" by the script below, dumped by
-- `pg_dump --no-owner --no-privileges --no-comments --inserts --rows-per-insert=500` in UTC, without its comments, blank
-- lines, settings and schema names.
--
--   from datetime import UTC, datetime, timedelta
--   from pathlib import Path
--   from random import Random
--   from tempfile import mkdtemp
--   from uuid import UUID
--
--   from bandit_selector.feedback import Message, new_message_id
--   from bandit_selector.services.publish import publish
--   from bandit_selector.services.recommend import Request, recommend
--   from bandit_selector.settings import Settings
--   from bandit_selector.store.connection import Database, connect
--   from bandit_selector.store.migrate import migrate
--   from bandit_selector.store.outcomes import Rule, apply, settle
--   from infra.local import postgres, site
--   from tests.integration.store.test_migrate import GUIDE_INSTALLATION
--
--   T0, CHANCE = datetime(2026, 3, 10, 12, tzinfo=UTC), Random(7)
--   SETTINGS = Settings(arms=("svd", "graph"), control_weights={"svd": 0.6, "graph": 0.4})
--   RULE = Rule.of(SETTINGS)
--   SITES_OWN = """INSERT INTO recommendation_events (user_id, movie_id, algorithm, position, context, clicked, rating_value,
--       added_to_favorites, created_at) VALUES (2, %s, %s, %s, '{"time_period": "evening"}', %s, %s, %s, %s)"""
--   KINDS = [("click", {}), ("thumbs_down", {}), ("rating", {"rating": 3.0}), ("rating", {"rating": 5.0}), ("thumbs_up", {})]
--
--   def uuid4(): return UUID(int=CHANCE.getrandbits(128), version=4)
--
--   def say(user, action, at, version=7, **about):
--       message_id = new_message_id(at, CHANCE) if version == 7 else uuid4()
--       apply(c, [Message(message_id=message_id, action=action, user_id=user, occurred_at=at, received_at=at, **about)], RULE, at)
--
--   def show(user, at):
--       request = Request(user_id=user, limit=3, use_bandit="true" if user % 2 else "false")
--       return recommend(database, request, SETTINGS, at, uuid4, CHANCE, print).movies
--
--   server = postgres.start(Path(mkdtemp(dir="/var/tmp")))
--   database, c = Database(lambda: server.url), connect(server.url)
--   site.create_tables(c)
--   c.execute(GUIDE_INSTALLATION)
--   for place, (movie, name, clicked, stars) in enumerate(
--       [(5, "bandit_graph", True, None), (6, "bandit_graph", False, 4.5), (7, "hybrid_control", False, None)], 1):
--       c.execute(SITES_OWN, [movie, name, place, clicked, stars, clicked, (T0 - timedelta(days=5)).replace(tzinfo=None)])
--   migrate(c)
--   c.execute("INSERT INTO users SELECT generate_series(1, 8)")
--   c.execute("INSERT INTO movies (id, title, genres) SELECT n, 'M' || n, '[]' FROM generate_series(1, 12) AS n")
--   for arm, ids in (("svd", range(1, 13)), ("graph", range(12, 0, -1))):
--       c.execute("INSERT INTO recommendation_candidates VALUES (0, %s, %s, %s, %s)",
--           [arm, list(ids), [round(1 - i / 12, 2) for i in range(12)], T0 - timedelta(days=1)])
--   for n in range(14):
--       at, user = T0 - timedelta(hours=240 - n * 17, minutes=CHANCE.randint(0, 50)), n % 8 + 1
--       movies = show(user, at)
--       settle(c, at - timedelta(minutes=10), RULE, at, 1000)
--       for place, movie in enumerate(movies[: 1 + n % 2]):
--           action, more = KINDS[(n + place) % 5]
--           about = {"movie_id": movie["id"]} if n % 3 == 0 else {"event_id": movie["event_id"]}
--           say(user, action, at + timedelta(minutes=2), 4 if n % 7 == 0 else 7, **about, **more)
--           if n % 4 == 0:  # a changed mind
--               say(user, "thumbs_down", at + timedelta(hours=1), event_id=movie["event_id"])
--   say(3, "click", T0 - timedelta(days=1), movie_id=12_000)
--   settle(c, T0 - timedelta(minutes=10), RULE, T0, 1000)
--   publish(c, SETTINGS)
--   show(1, T0 - timedelta(minutes=8))  # not settled at T0: without feedback, with, and visible after its feedback
--   shown = show(2, T0 - timedelta(minutes=7))
--   say(2, "click", T0 - timedelta(minutes=6), event_id=shown[0]["event_id"])
--   say(3, "click", T0 - timedelta(minutes=4), event_id=shown[-1]["event_id"] + 1)
--   show(3, T0 - timedelta(minutes=5))
--   c.execute("DELETE FROM bandit_posteriors WHERE seen_successes + seen_failures = 0")
--   c.execute("DELETE FROM bandit_states WHERE total_pulls = 0")
--   for table, column in [("bandit_posteriors", "published_at"), ("bandit_states", "created_at"),
--           ("bandit_states", "updated_at"), ("bandit_migrations", "applied_at")]:
--       c.execute(f"UPDATE {table} SET {column} = %s WHERE {column} > %s", [T0, T0])

SET check_function_bodies = off;
CREATE FUNCTION bandit_attribution(sender integer, movie integer, claimed bigint, received timestamptz, attribution_window interval) RETURNS TABLE(event_id bigint, reason text)
    LANGUAGE sql STABLE
    AS $$
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
CREATE FUNCTION bandit_cluster(user_id integer) RETURNS smallint
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT (hashint4(user_id) & 127)::smallint
$$;
CREATE FUNCTION bandit_group(algorithm text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE
        WHEN algorithm LIKE 'bandit_%' THEN 'treatment'
        WHEN algorithm = 'hybrid_control' THEN 'control'
        ELSE 'other'
    END
$$;
CREATE FUNCTION bandit_outcome(clicked boolean, rating double precision, thumbs_up boolean, thumbs_down boolean, success_rating double precision, failure_rating double precision) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE
        WHEN thumbs_down OR rating <= failure_rating THEN 'failure'
        WHEN clicked OR thumbs_up OR rating >= success_rating THEN 'success'
        WHEN rating IS NOT NULL THEN 'neutral'
    END
$$;
CREATE TABLE recommendation_events (
    id bigint NOT NULL,
    user_id integer NOT NULL,
    movie_id integer NOT NULL,
    algorithm varchar(50) NOT NULL,
    recommendation_score double precision,
    "position" integer,
    context jsonb,
    clicked boolean DEFAULT false,
    clicked_at timestamptz,
    rated boolean,
    rated_at timestamptz,
    rating_value double precision,
    added_to_watchlist boolean,
    added_to_favorites boolean,
    thumbs_up boolean,
    thumbs_up_at timestamptz,
    thumbs_down boolean,
    thumbs_down_at timestamptz,
    created_at timestamptz NOT NULL,
    recommendation_id uuid,
    propensity double precision,
    posterior_version bigint,
    outcome varchar(10),
    settled_at timestamptz,
    CONSTRAINT recommendation_events_outcome_check CHECK (((outcome)::text = ANY ((ARRAY['success'::varchar, 'failure'::varchar, 'neutral'::varchar])::text[])))
)
WITH (fillfactor='70');
CREATE FUNCTION bandit_roll_up(before recommendation_events[], after recommendation_events[]) RETURNS boolean
    LANGUAGE sql
    AS $$
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
CREATE FUNCTION bandit_tally(e recommendation_events) RETURNS TABLE(hour timestamptz, day date, algorithm text, context_key text, ab_group text, cluster smallint, shown integer, clicked integer, rated integer, rating_sum double precision, thumbs_up integer, thumbs_down integer, favorites integer, watchlist integer, successes integer, failures integer)
    LANGUAGE sql IMMUTABLE
    AS $$
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
CREATE TABLE bandit_migrations (
    name text NOT NULL,
    applied_at timestamptz DEFAULT now() NOT NULL
);
CREATE VIEW bandit_outcomes AS
 SELECT id,
    (context ->> 'context_key'::text) AS context_key,
    substr((algorithm)::text, 8) AS algorithm,
    (((outcome)::text = 'success'::text))::integer AS success,
    (((outcome)::text = 'failure'::text))::integer AS failure
   FROM recommendation_events
  WHERE ((propensity IS NOT NULL) AND (outcome IS NOT NULL));
CREATE SEQUENCE bandit_posterior_version
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE bandit_posteriors (
    context_key varchar(200) NOT NULL,
    algorithm varchar(50) NOT NULL,
    alpha double precision NOT NULL,
    beta double precision NOT NULL,
    probability double precision NOT NULL,
    version bigint NOT NULL,
    published_at timestamptz NOT NULL,
    discounted_successes double precision NOT NULL,
    discounted_failures double precision NOT NULL,
    seen_successes integer NOT NULL,
    seen_failures integer NOT NULL
);
CREATE TABLE bandit_retention (
    only_row boolean DEFAULT true NOT NULL,
    complete_from timestamptz NOT NULL,
    CONSTRAINT bandit_retention_only_row_check CHECK (only_row)
);
CREATE TABLE bandit_states (
    id integer NOT NULL,
    context_key varchar(200) NOT NULL,
    algorithm varchar(50) NOT NULL,
    alpha double precision DEFAULT 1.0 NOT NULL,
    beta double precision DEFAULT 1.0 NOT NULL,
    total_pulls integer DEFAULT 0 NOT NULL,
    total_successes integer DEFAULT 0 NOT NULL,
    total_failures integer DEFAULT 0 NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    prior_alpha double precision DEFAULT 1.0 NOT NULL,
    prior_beta double precision DEFAULT 1.0 NOT NULL,
    archived_pulls integer DEFAULT 0 NOT NULL,
    archived_successes integer DEFAULT 0 NOT NULL,
    archived_failures integer DEFAULT 0 NOT NULL
);
CREATE SEQUENCE bandit_states_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE bandit_states_id_seq OWNED BY bandit_states.id;
CREATE VIEW bandit_states_recomputed AS
 SELECT context_key,
    algorithm,
    (COALESCE(s.archived_pulls, 0) + COALESCE(o.pulls, (0)::bigint)) AS pulls,
    (COALESCE(s.archived_successes, 0) + COALESCE(o.successes, (0)::bigint)) AS successes,
    (COALESCE(s.archived_failures, 0) + COALESCE(o.failures, (0)::bigint)) AS failures
   FROM (bandit_states s
     FULL JOIN ( SELECT bandit_outcomes.context_key,
            bandit_outcomes.algorithm,
            count(*) AS pulls,
            sum(bandit_outcomes.success) AS successes,
            sum(bandit_outcomes.failure) AS failures
           FROM bandit_outcomes
          GROUP BY bandit_outcomes.context_key, bandit_outcomes.algorithm) o USING (context_key, algorithm));
CREATE TABLE experiment_days (
    day date NOT NULL,
    ab_group varchar(9) NOT NULL,
    cluster smallint NOT NULL,
    visitors integer DEFAULT 0 NOT NULL,
    shown integer DEFAULT 0 NOT NULL,
    clicked integer DEFAULT 0 NOT NULL,
    rated integer DEFAULT 0 NOT NULL,
    rating_sum double precision DEFAULT 0 NOT NULL,
    thumbs_up integer DEFAULT 0 NOT NULL,
    thumbs_down integer DEFAULT 0 NOT NULL
)
WITH (fillfactor='70');
CREATE VIEW experiment_activity AS
 SELECT experiment_days.day,
    (experiment_days.ab_group)::text AS ab_group,
    experiment_days.cluster,
    experiment_days.shown,
    experiment_days.clicked,
    experiment_days.rated,
    experiment_days.rating_sum,
    experiment_days.thumbs_up,
    experiment_days.thumbs_down
   FROM experiment_days
UNION ALL
 SELECT t.day,
    t.ab_group,
    t.cluster,
    t.shown,
    t.clicked,
    t.rated,
    t.rating_sum,
    t.thumbs_up,
    t.thumbs_down
   FROM (recommendation_events e
     CROSS JOIN LATERAL bandit_tally(e.*) t(hour, day, algorithm, context_key, ab_group, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down, favorites, watchlist, successes, failures))
  WHERE (e.settled_at IS NULL);
CREATE VIEW experiment_visitors_recomputed AS
 SELECT e.user_id,
    t.ab_group,
    max(t.day) AS last_day
   FROM (recommendation_events e
     CROSS JOIN LATERAL bandit_tally(e.*) t(hour, day, algorithm, context_key, ab_group, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down, favorites, watchlist, successes, failures))
  WHERE ((e.settled_at IS NOT NULL) AND (e.created_at >= ( SELECT bandit_retention.complete_from
           FROM bandit_retention)))
  GROUP BY e.user_id, t.ab_group;
CREATE VIEW experiment_days_recomputed AS
 SELECT day,
    ab_group,
    cluster,
    (sum(visitors))::integer AS visitors,
    (sum(shown))::integer AS shown,
    (sum(clicked))::integer AS clicked,
    (sum(rated))::integer AS rated,
    sum(rating_sum) AS rating_sum,
    (sum(thumbs_up))::integer AS thumbs_up,
    (sum(thumbs_down))::integer AS thumbs_down
   FROM ( SELECT t.day,
            t.ab_group,
            t.cluster,
            0 AS visitors,
            (count(*))::integer AS shown,
            sum(t.clicked) AS clicked,
            sum(t.rated) AS rated,
            sum(t.rating_sum) AS rating_sum,
            sum(t.thumbs_up) AS thumbs_up,
            sum(t.thumbs_down) AS thumbs_down
           FROM (recommendation_events e
             CROSS JOIN LATERAL bandit_tally(e.*) t(hour, day, algorithm, context_key, ab_group, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down, favorites, watchlist, successes, failures))
          WHERE ((e.settled_at IS NOT NULL) AND (e.created_at >= ( SELECT bandit_retention.complete_from
                   FROM bandit_retention)))
          GROUP BY t.day, t.ab_group, t.cluster
        UNION ALL
         SELECT experiment_visitors_recomputed.last_day,
            experiment_visitors_recomputed.ab_group,
            bandit_cluster(experiment_visitors_recomputed.user_id) AS bandit_cluster,
            count(*) AS count,
            0,
            0,
            0,
            0,
            0,
            0
           FROM experiment_visitors_recomputed
          GROUP BY experiment_visitors_recomputed.last_day, experiment_visitors_recomputed.ab_group, (bandit_cluster(experiment_visitors_recomputed.user_id))) part
  GROUP BY day, ab_group, cluster;
CREATE TABLE experiment_visitors (
    user_id integer NOT NULL,
    ab_group varchar(9) NOT NULL,
    last_day date NOT NULL
)
WITH (fillfactor='70');
CREATE TABLE feedback_events (
    message_id uuid NOT NULL,
    user_id integer NOT NULL,
    movie_id integer,
    claimed_event_id bigint,
    action varchar(11) NOT NULL,
    rating real,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    event_id bigint,
    reason varchar(20),
    CONSTRAINT feedback_events_action_check CHECK (((action)::text = ANY ((ARRAY['click'::varchar, 'rating'::varchar, 'thumbs_up'::varchar, 'thumbs_down'::varchar])::text[]))),
    CONSTRAINT feedback_events_check CHECK (((rating IS NOT NULL) = ((action)::text = 'rating'::text))),
    CONSTRAINT feedback_events_check1 CHECK (((reason IS NULL) = (event_id IS NOT NULL))),
    CONSTRAINT feedback_events_check2 CHECK (((movie_id IS NOT NULL) OR (claimed_event_id IS NOT NULL)))
);
CREATE TABLE monitor_incidents (
    metric text NOT NULL,
    check_name text NOT NULL,
    headline text NOT NULL,
    severity varchar(8) NOT NULL,
    opened_at timestamptz NOT NULL,
    mailed_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE TABLE monitor_mails (
    id bigint NOT NULL,
    kind varchar(8) NOT NULL,
    metric text NOT NULL,
    subject varchar(100) NOT NULL,
    body text NOT NULL,
    written_at timestamptz NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    sent_at timestamptz
);
ALTER TABLE monitor_mails ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME monitor_mails_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE monitor_reports (
    day date NOT NULL,
    period_days integer NOT NULL,
    report jsonb NOT NULL,
    made_at timestamptz NOT NULL,
    attempts integer DEFAULT 1 NOT NULL,
    stored_at timestamptz
);
CREATE TABLE movie_popularity (
    movie_id integer NOT NULL,
    ratings integer NOT NULL,
    long_tail boolean NOT NULL
);
CREATE TABLE movies (
    id integer NOT NULL,
    title text NOT NULL,
    genres json
);
CREATE TABLE ratings (
    user_id integer NOT NULL,
    movie_id integer NOT NULL,
    rating real NOT NULL,
    "timestamp" timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT ratings_rating_check CHECK (((rating >= (0.5)::double precision) AND (rating <= (5)::double precision)))
);
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
    failures integer NOT NULL
)
WITH (fillfactor='70');
CREATE VIEW recommendation_activity AS
 SELECT recommendation_hours.hour,
    (recommendation_hours.algorithm)::text AS algorithm,
    (recommendation_hours.context_key)::text AS context_key,
    recommendation_hours.shown,
    recommendation_hours.clicked,
    recommendation_hours.rated,
    recommendation_hours.rating_sum,
    recommendation_hours.thumbs_up,
    recommendation_hours.thumbs_down,
    recommendation_hours.favorites,
    recommendation_hours.watchlist,
    recommendation_hours.successes,
    recommendation_hours.failures
   FROM recommendation_hours
UNION ALL
 SELECT t.hour,
    t.algorithm,
    t.context_key,
    t.shown,
    t.clicked,
    t.rated,
    t.rating_sum,
    t.thumbs_up,
    t.thumbs_down,
    t.favorites,
    t.watchlist,
    t.successes,
    t.failures
   FROM (recommendation_events e
     CROSS JOIN LATERAL bandit_tally(e.*) t(hour, day, algorithm, context_key, ab_group, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down, favorites, watchlist, successes, failures))
  WHERE (e.settled_at IS NULL);
CREATE TABLE recommendation_candidates (
    user_id integer NOT NULL,
    algorithm varchar(50) NOT NULL,
    movie_ids integer[] NOT NULL,
    scores real[] NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT recommendation_candidates_check CHECK ((cardinality(movie_ids) = cardinality(scores)))
);
CREATE SEQUENCE recommendation_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recommendation_events_id_seq OWNED BY recommendation_events.id;
CREATE VIEW recommendation_hours_recomputed AS
 SELECT t.hour,
    t.algorithm,
    t.context_key,
    (count(*))::integer AS shown,
    (sum(t.clicked))::integer AS clicked,
    (sum(t.rated))::integer AS rated,
    sum(t.rating_sum) AS rating_sum,
    (sum(t.thumbs_up))::integer AS thumbs_up,
    (sum(t.thumbs_down))::integer AS thumbs_down,
    (sum(t.favorites))::integer AS favorites,
    (sum(t.watchlist))::integer AS watchlist,
    (sum(t.successes))::integer AS successes,
    (sum(t.failures))::integer AS failures
   FROM (recommendation_events e
     CROSS JOIN LATERAL bandit_tally(e.*) t(hour, day, algorithm, context_key, ab_group, cluster, shown, clicked, rated, rating_sum, thumbs_up, thumbs_down, favorites, watchlist, successes, failures))
  WHERE ((e.settled_at IS NOT NULL) AND (e.created_at >= ( SELECT bandit_retention.complete_from
           FROM bandit_retention)))
  GROUP BY t.hour, t.algorithm, t.context_key;
CREATE TABLE users (
    id integer NOT NULL
);
ALTER TABLE ONLY bandit_states ALTER COLUMN id SET DEFAULT nextval('bandit_states_id_seq'::regclass);
ALTER TABLE ONLY recommendation_events ALTER COLUMN id SET DEFAULT nextval('recommendation_events_id_seq'::regclass);
INSERT INTO bandit_migrations VALUES
	('0001_guide_tables.sql', '2026-03-10 12:00:00+00'),
	('0002_outcomes.sql', '2026-03-10 12:00:00+00'),
	('0003_serving.sql', '2026-03-10 12:00:00+00'),
	('0004_rollups.sql', '2026-03-10 12:00:00+00'),
	('0005_recomputed.sql', '2026-03-10 12:00:00+00'),
	('0006_monitor.sql', '2026-03-10 12:00:00+00');
INSERT INTO bandit_posteriors VALUES
	('morning|weekday|cold_start', 'graph', 20.868536983052522, 195.09591726184044, 0.7, 1, '2026-03-10 12:00:00+00', 0, 3, 0, 3),
	('morning|weekend|cold_start', 'svd', 21.576850182682737, 249.6609655206012, 0.30000000000000004, 1, '2026-03-10 12:00:00+00', 0, 2, 0, 2),
	('morning|weekend|cold_start', 'graph', 16.502866616998496, 146.3577979049335, 0.7, 1, '2026-03-10 12:00:00+00', 0, 1, 0, 1),
	('afternoon|weekend|cold_start', 'svd', 22.118270133978278, 203.44812012821788, 0.30000000000000004, 1, '2026-03-10 12:00:00+00', 0, 2, 0, 2),
	('afternoon|weekend|cold_start', 'graph', 15.366901679586112, 98.8261987514001, 0.7, 1, '2026-03-10 12:00:00+00', 1, 0, 1, 0),
	('evening|weekday|cold_start', 'svd', 21.165913359390792, 243.68149830486786, 0.30000000000000004, 1, '2026-03-10 12:00:00+00', 0, 2, 0, 2),
	('evening|weekday|cold_start', 'graph', 16.47391537192887, 150.50216703367326, 0.7, 1, '2026-03-10 12:00:00+00', 0, 1, 0, 1),
	('evening|weekend|cold_start', 'svd', 20.732363148795685, 235.42340811414934, 0.30000000000000004, 1, '2026-03-10 12:00:00+00', 0, 1, 0, 1),
	('evening|weekend|cold_start', 'graph', 16.865844096180044, 145.68143951571844, 0.7, 1, '2026-03-10 12:00:00+00', 0, 1, 0, 1),
	('night|weekday|cold_start', 'svd', 21.07702631364301, 242.622286514815, 0.30000000000000004, 1, '2026-03-10 12:00:00+00', 0, 2, 0, 2),
	('night|weekday|cold_start', 'graph', 16.633550936271526, 152.54066128615725, 0.7, 1, '2026-03-10 12:00:00+00', 0, 1, 0, 1),
	('night|weekend|cold_start', 'svd', 19.610460429361286, 228.06945196187442, 0.30000000000000004, 1, '2026-03-10 12:00:00+00', 0, 1, 0, 1),
	('night|weekend|cold_start', 'graph', 18.15759723107529, 161.9159435831615, 0.7, 1, '2026-03-10 12:00:00+00', 0, 2, 0, 2);
INSERT INTO bandit_retention VALUES
	(true, '-infinity');
INSERT INTO bandit_states VALUES
	(4, 'morning|weekend|cold_start', 'graph', 1, 2, 1, 0, 1, '2026-03-01 04:56:00+00', '2026-03-01 04:56:00+00', 1, 1, 0, 0, 0),
	(2, 'morning|weekend|cold_start', 'svd', 1, 3, 2, 0, 2, '2026-02-28 11:42:00+00', '2026-03-01 04:56:00+00', 1, 1, 0, 0, 0),
	(6, 'evening|weekend|cold_start', 'graph', 1, 2, 2, 0, 1, '2026-03-01 21:25:00+00', '2026-03-02 14:26:00+00', 1, 1, 0, 0, 0),
	(8, 'evening|weekend|cold_start', 'svd', 1, 2, 1, 0, 1, '2026-03-02 14:26:00+00', '2026-03-02 14:26:00+00', 1, 1, 0, 0, 0),
	(9, 'morning|weekday|cold_start', 'graph', 1, 4, 3, 0, 3, '2026-03-03 07:39:00+00', '2026-03-04 00:37:00+00', 1, 1, 0, 0, 0),
	(13, 'evening|weekday|cold_start', 'graph', 1, 2, 1, 0, 1, '2026-03-05 10:34:00+00', '2026-03-05 10:34:00+00', 1, 1, 0, 0, 0),
	(12, 'evening|weekday|cold_start', 'svd', 1, 3, 2, 0, 2, '2026-03-04 17:41:00+00', '2026-03-05 10:34:00+00', 1, 1, 0, 0, 0),
	(15, 'night|weekday|cold_start', 'graph', 1, 2, 1, 0, 1, '2026-03-06 03:24:00+00', '2026-03-06 04:22:00+00', 1, 1, 0, 0, 0),
	(17, 'night|weekday|cold_start', 'svd', 1, 3, 2, 0, 2, '2026-03-06 20:24:00+00', '2026-03-06 20:24:00+00', 1, 1, 0, 0, 0),
	(18, 'afternoon|weekend|cold_start', 'graph', 2, 1, 1, 1, 0, '2026-03-07 13:33:00+00', '2026-03-07 13:33:00+00', 1, 1, 0, 0, 0),
	(19, 'afternoon|weekend|cold_start', 'svd', 1, 3, 2, 0, 2, '2026-03-08 06:29:00+00', '2026-03-08 06:29:00+00', 1, 1, 0, 0, 0),
	(20, 'night|weekend|cold_start', 'graph', 1, 3, 2, 0, 2, '2026-03-08 23:45:00+00', '2026-03-09 16:23:00+00', 1, 1, 0, 0, 0),
	(23, 'night|weekend|cold_start', 'svd', 1, 2, 1, 0, 1, '2026-03-09 16:23:00+00', '2026-03-09 16:23:00+00', 1, 1, 0, 0, 0),
	(1, '0123456789abcdef0123456789abcdef01234567', 'svd', 9, 4, 12, 8, 3, '2026-03-10 12:00:00+00', '2026-03-10 12:00:00+00', 1, 1, 12, 8, 3);
INSERT INTO experiment_days VALUES
	('2026-03-05', 'treatment', 118, 1, 2, 1, 1, 4.5, 0, 0),
	('2025-10-11', 'treatment', 70, 0, 1, 1, 0, 0, 0, 0),
	('2026-03-01', 'control', 118, 0, 3, 0, 1, 3, 0, 1),
	('2026-03-04', 'treatment', 127, 1, 3, 0, 0, 0, 0, 1),
	('2026-03-05', 'control', 4, 1, 3, 0, 2, 8, 0, 0),
	('2026-02-28', 'treatment', 70, 0, 3, 1, 0, 0, 0, 1),
	('2026-03-06', 'treatment', 70, 1, 3, 0, 1, 5, 0, 1),
	('2026-03-05', 'control', 118, 0, 1, 0, 0, 0, 0, 0),
	('2026-03-06', 'control', 118, 1, 3, 1, 0, 0, 1, 0),
	('2026-03-01', 'treatment', 23, 0, 3, 0, 1, 3, 0, 0),
	('2026-03-07', 'treatment', 23, 1, 3, 1, 0, 0, 0, 0),
	('2026-03-02', 'control', 43, 0, 3, 0, 1, 5, 1, 0),
	('2026-03-08', 'control', 43, 1, 3, 0, 1, 3, 0, 1),
	('2026-03-03', 'treatment', 124, 0, 3, 0, 0, 0, 0, 1),
	('2026-03-08', 'treatment', 124, 1, 3, 0, 1, 3, 0, 1),
	('2026-03-04', 'control', 112, 0, 3, 1, 0, 0, 0, 1),
	('2026-03-09', 'control', 112, 1, 3, 0, 1, 5, 1, 0);
INSERT INTO experiment_visitors VALUES
	(2, 'treatment', '2026-03-05'),
	(7, 'treatment', '2026-03-04'),
	(8, 'control', '2026-03-05'),
	(1, 'treatment', '2026-03-06'),
	(2, 'control', '2026-03-06'),
	(3, 'treatment', '2026-03-07'),
	(4, 'control', '2026-03-08'),
	(5, 'treatment', '2026-03-08'),
	(6, 'control', '2026-03-09');
INSERT INTO feedback_events VALUES
	('50d2f5e0-5904-4384-a903-8c5fa559d5e5', 1, 550, 1, 'click', NULL, '2025-10-11 20:00:00+00', '2025-10-11 20:00:00+00', 1, NULL),
	('c29dea51-0592-4690-b9fb-0d9ce3c03afa', 2, 5, 2, 'click', NULL, '2026-03-05 12:00:00+00', '2026-03-05 12:00:00+00', 2, NULL),
	('8424447d-d3b8-434b-841b-d8f7f20bd14e', 2, 6, 3, 'rating', 4.5, '2026-03-05 12:00:00+00', '2026-03-05 12:00:00+00', 3, NULL),
	('099950d8-36f6-45cc-81e7-4ef5e8e25d94', 1, 1, NULL, 'click', NULL, '2026-02-28 11:42:00+00', '2026-02-28 11:42:00+00', 5, NULL),
	('019ca443-4d00-7160-9ac3-55266f03675a', 1, NULL, 5, 'thumbs_down', NULL, '2026-02-28 12:40:00+00', '2026-02-28 12:40:00+00', 5, NULL),
	('019ca7c2-afc0-790c-bca3-04171fb17c23', 2, NULL, 8, 'thumbs_down', NULL, '2026-03-01 04:58:00+00', '2026-03-01 04:58:00+00', 8, NULL),
	('019ca7c2-afc0-7392-a827-ddada170b338', 2, NULL, 9, 'rating', 3, '2026-03-01 04:58:00+00', '2026-03-01 04:58:00+00', 9, NULL),
	('019cab4a-4fe0-74a2-893b-79a96b4cb242', 3, NULL, 11, 'rating', 3, '2026-03-01 21:25:00+00', '2026-03-01 21:25:00+00', 11, NULL),
	('019caef2-e580-72e4-a538-efe41a61dbe2', 4, 1, NULL, 'rating', 5, '2026-03-02 14:28:00+00', '2026-03-02 14:28:00+00', 14, NULL),
	('019caef2-e580-7923-8c06-1431a38fd547', 4, 2, NULL, 'thumbs_up', NULL, '2026-03-02 14:28:00+00', '2026-03-02 14:28:00+00', 15, NULL),
	('019cb2a2-ce20-7c6f-9dcc-6bc4506bf2ef', 5, NULL, 17, 'thumbs_up', NULL, '2026-03-03 07:39:00+00', '2026-03-03 07:39:00+00', 17, NULL),
	('019cb2d7-e7e0-795e-9d00-f90cec66a787', 5, NULL, 17, 'thumbs_down', NULL, '2026-03-03 08:37:00+00', '2026-03-03 08:37:00+00', 17, NULL),
	('019cb648-a4a0-73e7-a4c3-5bab14f4733f', 6, NULL, 20, 'click', NULL, '2026-03-04 00:39:00+00', '2026-03-04 00:39:00+00', 20, NULL),
	('019cb648-a4a0-74cd-9faf-fc8186734721', 6, NULL, 21, 'thumbs_down', NULL, '2026-03-04 00:39:00+00', '2026-03-04 00:39:00+00', 21, NULL),
	('019cb9f0-4fe0-726e-9f4b-2be0eeeacbe2', 7, 1, NULL, 'thumbs_down', NULL, '2026-03-04 17:41:00+00', '2026-03-04 17:41:00+00', 23, NULL),
	('d17f9aca-e01f-4057-8a02-135e92b1d3f2', 8, NULL, 26, 'rating', 3, '2026-03-05 10:36:00+00', '2026-03-05 10:36:00+00', 26, NULL),
	('59a54a7b-b1fe-408f-9712-42425051c1cc', 8, NULL, 27, 'rating', 5, '2026-03-05 10:36:00+00', '2026-03-05 10:36:00+00', 27, NULL),
	('019cc12c-6c80-710a-aecb-50830f88080b', 1, NULL, 29, 'rating', 5, '2026-03-06 03:24:00+00', '2026-03-06 03:24:00+00', 29, NULL),
	('019cc161-8640-7b39-a96a-8f204f426dcb', 1, NULL, 29, 'thumbs_down', NULL, '2026-03-06 04:22:00+00', '2026-03-06 04:22:00+00', 29, NULL),
	('019cc4d4-17c0-762c-aacb-34c7e3151288', 2, 1, NULL, 'thumbs_up', NULL, '2026-03-06 20:26:00+00', '2026-03-06 20:26:00+00', 32, NULL),
	('019cc4d4-17c0-758d-bc33-960d05c6af07', 2, 2, NULL, 'click', NULL, '2026-03-06 20:26:00+00', '2026-03-06 20:26:00+00', 33, NULL),
	('019cc880-56e0-765d-baad-1df46415479c', 3, NULL, 35, 'click', NULL, '2026-03-07 13:33:00+00', '2026-03-07 13:33:00+00', 35, NULL),
	('019ccc24-58a0-7e22-b46f-14b6230d977e', 4, NULL, 38, 'thumbs_down', NULL, '2026-03-08 06:31:00+00', '2026-03-08 06:31:00+00', 38, NULL),
	('019ccc24-58a0-76e3-a336-cc17dd2e1609', 4, NULL, 39, 'rating', 3, '2026-03-08 06:31:00+00', '2026-03-08 06:31:00+00', 39, NULL),
	('019ccfd7-0060-726b-aa25-23223b618676', 5, 12, NULL, 'rating', 3, '2026-03-08 23:45:00+00', '2026-03-08 23:45:00+00', 41, NULL),
	('019cd00c-1a20-73bb-9f09-a11f0316909e', 5, NULL, 41, 'thumbs_down', NULL, '2026-03-09 00:43:00+00', '2026-03-09 00:43:00+00', 41, NULL),
	('019cd36a-8760-788d-a707-2abd5e8766ed', 6, NULL, 44, 'rating', 5, '2026-03-09 16:25:00+00', '2026-03-09 16:25:00+00', 44, NULL),
	('019cd36a-8760-790f-bcff-8e70519088f5', 6, NULL, 45, 'thumbs_up', NULL, '2026-03-09 16:25:00+00', '2026-03-09 16:25:00+00', 45, NULL),
	('019cd277-ea00-7202-b6fd-2a2cb0c4312d', 3, 12000, NULL, 'click', NULL, '2026-03-09 12:00:00+00', '2026-03-09 12:00:00+00', NULL, 'unknown_impression'),
	('019cd798-c7c0-7662-86a0-5a0b64e50cad', 2, NULL, 50, 'click', NULL, '2026-03-10 11:54:00+00', '2026-03-10 11:54:00+00', 50, NULL),
	('019cd79a-9c80-77b4-99a0-da21a260cd0b', 3, NULL, 53, 'click', NULL, '2026-03-10 11:56:00+00', '2026-03-10 11:56:00+00', NULL, 'unknown_impression');
INSERT INTO movies VALUES
	(1, 'M1', '[]'),
	(2, 'M2', '[]'),
	(3, 'M3', '[]'),
	(4, 'M4', '[]'),
	(5, 'M5', '[]'),
	(6, 'M6', '[]'),
	(7, 'M7', '[]'),
	(8, 'M8', '[]'),
	(9, 'M9', '[]'),
	(10, 'M10', '[]'),
	(11, 'M11', '[]'),
	(12, 'M12', '[]');
INSERT INTO recommendation_candidates VALUES
	(0, 'svd', '{1,2,3,4,5,6,7,8,9,10,11,12}', '{1,0.92,0.83,0.75,0.67,0.58,0.5,0.42,0.33,0.25,0.17,0.08}', '2026-03-09 12:00:00+00'),
	(0, 'graph', '{12,11,10,9,8,7,6,5,4,3,2,1}', '{1,0.92,0.83,0.75,0.67,0.58,0.5,0.42,0.33,0.25,0.17,0.08}', '2026-03-09 12:00:00+00');
INSERT INTO recommendation_events VALUES
	(4, 2, 7, 'hybrid_control', NULL, 3, '{"time_period": "evening"}', false, NULL, NULL, NULL, NULL, NULL, false, NULL, NULL, NULL, NULL, '2026-03-05 12:00:00+00', NULL, NULL, NULL, NULL, '2026-03-05 12:00:00+00'),
	(1, 1, 550, 'bandit_svd', NULL, NULL, '{"time_period": "evening"}', true, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2025-10-11 20:00:00+00', NULL, NULL, NULL, 'success', '2025-10-11 20:00:00+00'),
	(2, 2, 5, 'bandit_graph', NULL, 1, '{"time_period": "evening"}', true, NULL, NULL, NULL, NULL, NULL, true, NULL, NULL, NULL, NULL, '2026-03-05 12:00:00+00', NULL, NULL, NULL, 'success', '2026-03-05 12:00:00+00'),
	(3, 2, 6, 'bandit_graph', NULL, 2, '{"time_period": "evening"}', false, NULL, NULL, NULL, 4.5, NULL, false, NULL, NULL, NULL, NULL, '2026-03-05 12:00:00+00', NULL, NULL, NULL, 'success', '2026-03-05 12:00:00+00'),
	(6, 1, 2, 'bandit_svd', 0.92, 2, '{"user_type": "cold_start", "context_key": "morning|weekend|cold_start", "day_of_week": "weekend", "time_period": "morning"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-02-28 11:40:00+00', '0ed90475-9531-485d-9d9d-c9f81818e811', 0.5, NULL, 'failure', '2026-03-01 04:56:00+00'),
	(7, 1, 12, 'bandit_graph', 1, 3, '{"user_type": "cold_start", "context_key": "morning|weekend|cold_start", "day_of_week": "weekend", "time_period": "morning"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-02-28 11:40:00+00', '0ed90475-9531-485d-9d9d-c9f81818e811', 0.5, NULL, 'failure', '2026-03-01 04:56:00+00'),
	(5, 1, 1, 'bandit_svd', 1, 1, '{"user_type": "cold_start", "context_key": "morning|weekend|cold_start", "day_of_week": "weekend", "time_period": "morning"}', true, '2026-02-28 11:42:00+00', false, NULL, NULL, NULL, NULL, false, NULL, true, '2026-02-28 12:40:00+00', '2026-02-28 11:40:00+00', '0ed90475-9531-485d-9d9d-c9f81818e811', 0.5, NULL, 'failure', '2026-03-01 04:56:00+00'),
	(11, 3, 12, 'bandit_graph', 1, 1, '{"user_type": "cold_start", "context_key": "evening|weekend|cold_start", "day_of_week": "weekend", "time_period": "evening"}', false, NULL, true, '2026-03-01 21:25:00+00', 3, NULL, NULL, false, NULL, false, NULL, '2026-03-01 21:23:00+00', '2217bead-dbc4-46cb-8e81-973e0becd7b0', 0.5, NULL, 'neutral', '2026-03-02 14:26:00+00'),
	(12, 3, 1, 'bandit_svd', 1, 2, '{"user_type": "cold_start", "context_key": "evening|weekend|cold_start", "day_of_week": "weekend", "time_period": "evening"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-01 21:23:00+00', '2217bead-dbc4-46cb-8e81-973e0becd7b0', 0.5, NULL, 'failure', '2026-03-02 14:26:00+00'),
	(10, 2, 3, 'hybrid_control', 0.5630434782608695, 3, '{"user_type": "cold_start", "context_key": "night|weekend|cold_start", "day_of_week": "weekend", "time_period": "night"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-01 04:56:00+00', 'd3ac94af-0f21-4db6-acad-4a268d116ece', NULL, NULL, 'failure', '2026-03-01 21:23:00+00'),
	(8, 2, 1, 'hybrid_control', 0.6, 1, '{"user_type": "cold_start", "context_key": "night|weekend|cold_start", "day_of_week": "weekend", "time_period": "night"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, true, '2026-03-01 04:58:00+00', '2026-03-01 04:56:00+00', 'd3ac94af-0f21-4db6-acad-4a268d116ece', NULL, NULL, 'failure', '2026-03-01 21:23:00+00'),
	(9, 2, 2, 'hybrid_control', 0.5869565217391305, 2, '{"user_type": "cold_start", "context_key": "night|weekend|cold_start", "day_of_week": "weekend", "time_period": "night"}', false, NULL, true, '2026-03-01 04:58:00+00', 3, NULL, NULL, false, NULL, false, NULL, '2026-03-01 04:56:00+00', 'd3ac94af-0f21-4db6-acad-4a268d116ece', NULL, NULL, 'neutral', '2026-03-01 21:23:00+00'),
	(13, 3, 11, 'bandit_graph', 0.92, 3, '{"user_type": "cold_start", "context_key": "evening|weekend|cold_start", "day_of_week": "weekend", "time_period": "evening"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-01 21:23:00+00', '2217bead-dbc4-46cb-8e81-973e0becd7b0', 0.5, NULL, 'failure', '2026-03-02 14:26:00+00'),
	(17, 5, 12, 'bandit_graph', 1, 1, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, true, '2026-03-03 08:37:00+00', '2026-03-03 07:37:00+00', '6d76b07e-881e-4162-ae2e-b1547f150524', 0.5, NULL, 'failure', '2026-03-04 00:37:00+00'),
	(16, 4, 3, 'hybrid_control', 0.5630434782608695, 3, '{"user_type": "cold_start", "context_key": "afternoon|weekday|cold_start", "day_of_week": "weekday", "time_period": "afternoon"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-02 14:26:00+00', 'ae97ba94-d0ed-482f-8f6d-05584ef8aa38', NULL, NULL, 'failure', '2026-03-03 07:37:00+00'),
	(14, 4, 1, 'hybrid_control', 0.6, 1, '{"user_type": "cold_start", "context_key": "afternoon|weekday|cold_start", "day_of_week": "weekday", "time_period": "afternoon"}', false, NULL, true, '2026-03-02 14:28:00+00', 5, NULL, NULL, false, NULL, false, NULL, '2026-03-02 14:26:00+00', 'ae97ba94-d0ed-482f-8f6d-05584ef8aa38', NULL, NULL, 'success', '2026-03-03 07:37:00+00'),
	(15, 4, 2, 'hybrid_control', 0.5869565217391305, 2, '{"user_type": "cold_start", "context_key": "afternoon|weekday|cold_start", "day_of_week": "weekday", "time_period": "afternoon"}', false, NULL, false, NULL, NULL, NULL, NULL, true, '2026-03-02 14:28:00+00', false, NULL, '2026-03-02 14:26:00+00', 'ae97ba94-d0ed-482f-8f6d-05584ef8aa38', NULL, NULL, 'success', '2026-03-03 07:37:00+00'),
	(18, 5, 11, 'bandit_graph', 0.92, 2, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-03 07:37:00+00', '6d76b07e-881e-4162-ae2e-b1547f150524', 0.5, NULL, 'failure', '2026-03-04 00:37:00+00'),
	(19, 5, 10, 'bandit_graph', 0.83, 3, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-03 07:37:00+00', '6d76b07e-881e-4162-ae2e-b1547f150524', 0.5, NULL, 'failure', '2026-03-04 00:37:00+00'),
	(22, 6, 3, 'hybrid_control', 0.5630434782608695, 3, '{"user_type": "cold_start", "context_key": "night|weekday|cold_start", "day_of_week": "weekday", "time_period": "night"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-04 00:37:00+00', 'c7a2ea20-b2f1-4c94-ae05-319acb5c7427', NULL, NULL, 'failure', '2026-03-04 17:39:00+00'),
	(20, 6, 1, 'hybrid_control', 0.6, 1, '{"user_type": "cold_start", "context_key": "night|weekday|cold_start", "day_of_week": "weekday", "time_period": "night"}', true, '2026-03-04 00:39:00+00', false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-04 00:37:00+00', 'c7a2ea20-b2f1-4c94-ae05-319acb5c7427', NULL, NULL, 'success', '2026-03-04 17:39:00+00'),
	(21, 6, 2, 'hybrid_control', 0.5869565217391305, 2, '{"user_type": "cold_start", "context_key": "night|weekday|cold_start", "day_of_week": "weekday", "time_period": "night"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, true, '2026-03-04 00:39:00+00', '2026-03-04 00:37:00+00', 'c7a2ea20-b2f1-4c94-ae05-319acb5c7427', NULL, NULL, 'failure', '2026-03-04 17:39:00+00'),
	(24, 7, 12, 'bandit_graph', 1, 2, '{"user_type": "cold_start", "context_key": "evening|weekday|cold_start", "day_of_week": "weekday", "time_period": "evening"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-04 17:39:00+00', '5790f82e-c1d3-4cff-aa3a-f4d46b0a18e8', 0.5, NULL, 'failure', '2026-03-05 10:34:00+00'),
	(25, 7, 2, 'bandit_svd', 0.92, 3, '{"user_type": "cold_start", "context_key": "evening|weekday|cold_start", "day_of_week": "weekday", "time_period": "evening"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-04 17:39:00+00', '5790f82e-c1d3-4cff-aa3a-f4d46b0a18e8', 0.5, NULL, 'failure', '2026-03-05 10:34:00+00'),
	(23, 7, 1, 'bandit_svd', 1, 1, '{"user_type": "cold_start", "context_key": "evening|weekday|cold_start", "day_of_week": "weekday", "time_period": "evening"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, true, '2026-03-04 17:41:00+00', '2026-03-04 17:39:00+00', '5790f82e-c1d3-4cff-aa3a-f4d46b0a18e8', 0.5, NULL, 'failure', '2026-03-05 10:34:00+00'),
	(32, 2, 1, 'hybrid_control', 0.6, 1, '{"user_type": "cold_start", "context_key": "evening|weekday|cold_start", "day_of_week": "weekday", "time_period": "evening"}', false, NULL, false, NULL, NULL, NULL, NULL, true, '2026-03-06 20:26:00+00', false, NULL, '2026-03-06 20:24:00+00', 'b774eb52-48db-40af-b215-8370d269a9a5', NULL, NULL, 'success', '2026-03-07 13:31:00+00'),
	(27, 8, 2, 'hybrid_control', 0.5869565217391305, 2, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, true, '2026-03-05 10:36:00+00', 5, NULL, NULL, false, NULL, false, NULL, '2026-03-05 10:34:00+00', '8ede0d7a-c3ba-4a9e-93de-ef86ab1031d0', NULL, NULL, 'success', '2026-03-06 03:22:00+00'),
	(28, 8, 3, 'hybrid_control', 0.5630434782608695, 3, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-05 10:34:00+00', '8ede0d7a-c3ba-4a9e-93de-ef86ab1031d0', NULL, NULL, 'failure', '2026-03-06 03:22:00+00'),
	(26, 8, 1, 'hybrid_control', 0.6, 1, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, true, '2026-03-05 10:36:00+00', 3, NULL, NULL, false, NULL, false, NULL, '2026-03-05 10:34:00+00', '8ede0d7a-c3ba-4a9e-93de-ef86ab1031d0', NULL, NULL, 'neutral', '2026-03-06 03:22:00+00'),
	(30, 1, 1, 'bandit_svd', 1, 2, '{"user_type": "cold_start", "context_key": "night|weekday|cold_start", "day_of_week": "weekday", "time_period": "night"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-06 03:22:00+00', 'aa05e11a-b271-4945-b95e-8229451abd81', 0.5, NULL, 'failure', '2026-03-06 20:24:00+00'),
	(31, 1, 2, 'bandit_svd', 0.92, 3, '{"user_type": "cold_start", "context_key": "night|weekday|cold_start", "day_of_week": "weekday", "time_period": "night"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-06 03:22:00+00', 'aa05e11a-b271-4945-b95e-8229451abd81', 0.5, NULL, 'failure', '2026-03-06 20:24:00+00'),
	(29, 1, 12, 'bandit_graph', 1, 1, '{"user_type": "cold_start", "context_key": "night|weekday|cold_start", "day_of_week": "weekday", "time_period": "night"}', false, NULL, true, '2026-03-06 03:24:00+00', 5, NULL, NULL, false, NULL, true, '2026-03-06 04:22:00+00', '2026-03-06 03:22:00+00', 'aa05e11a-b271-4945-b95e-8229451abd81', 0.5, NULL, 'failure', '2026-03-06 20:24:00+00'),
	(34, 2, 3, 'hybrid_control', 0.5630434782608695, 3, '{"user_type": "cold_start", "context_key": "evening|weekday|cold_start", "day_of_week": "weekday", "time_period": "evening"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-06 20:24:00+00', 'b774eb52-48db-40af-b215-8370d269a9a5', NULL, NULL, 'failure', '2026-03-07 13:31:00+00'),
	(33, 2, 2, 'hybrid_control', 0.5869565217391305, 2, '{"user_type": "cold_start", "context_key": "evening|weekday|cold_start", "day_of_week": "weekday", "time_period": "evening"}', true, '2026-03-06 20:26:00+00', false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-06 20:24:00+00', 'b774eb52-48db-40af-b215-8370d269a9a5', NULL, NULL, 'success', '2026-03-07 13:31:00+00'),
	(36, 3, 1, 'bandit_svd', 1, 2, '{"user_type": "cold_start", "context_key": "afternoon|weekend|cold_start", "day_of_week": "weekend", "time_period": "afternoon"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-07 13:31:00+00', '3f63af83-bd05-41e6-a11c-70cf49952399', 0.5, NULL, 'failure', '2026-03-08 06:29:00+00'),
	(37, 3, 2, 'bandit_svd', 0.92, 3, '{"user_type": "cold_start", "context_key": "afternoon|weekend|cold_start", "day_of_week": "weekend", "time_period": "afternoon"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-07 13:31:00+00', '3f63af83-bd05-41e6-a11c-70cf49952399', 0.5, NULL, 'failure', '2026-03-08 06:29:00+00'),
	(35, 3, 12, 'bandit_graph', 1, 1, '{"user_type": "cold_start", "context_key": "afternoon|weekend|cold_start", "day_of_week": "weekend", "time_period": "afternoon"}', true, '2026-03-07 13:33:00+00', false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-07 13:31:00+00', '3f63af83-bd05-41e6-a11c-70cf49952399', 0.5, NULL, 'success', '2026-03-08 06:29:00+00'),
	(40, 4, 3, 'hybrid_control', 0.5630434782608695, 3, '{"user_type": "cold_start", "context_key": "morning|weekend|cold_start", "day_of_week": "weekend", "time_period": "morning"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-08 06:29:00+00', '4720771f-8ca8-4811-a6d2-287672fdf202', NULL, NULL, 'failure', '2026-03-08 23:43:00+00'),
	(38, 4, 1, 'hybrid_control', 0.6, 1, '{"user_type": "cold_start", "context_key": "morning|weekend|cold_start", "day_of_week": "weekend", "time_period": "morning"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, true, '2026-03-08 06:31:00+00', '2026-03-08 06:29:00+00', '4720771f-8ca8-4811-a6d2-287672fdf202', NULL, NULL, 'failure', '2026-03-08 23:43:00+00'),
	(39, 4, 2, 'hybrid_control', 0.5869565217391305, 2, '{"user_type": "cold_start", "context_key": "morning|weekend|cold_start", "day_of_week": "weekend", "time_period": "morning"}', false, NULL, true, '2026-03-08 06:31:00+00', 3, NULL, NULL, false, NULL, false, NULL, '2026-03-08 06:29:00+00', '4720771f-8ca8-4811-a6d2-287672fdf202', NULL, NULL, 'neutral', '2026-03-08 23:43:00+00'),
	(41, 5, 12, 'bandit_graph', 1, 1, '{"user_type": "cold_start", "context_key": "night|weekend|cold_start", "day_of_week": "weekend", "time_period": "night"}', false, NULL, true, '2026-03-08 23:45:00+00', 3, NULL, NULL, false, NULL, true, '2026-03-09 00:43:00+00', '2026-03-08 23:43:00+00', '2d1c9af0-153e-4c2a-a6a2-c0bd3b1287ff', 0.5, NULL, 'failure', '2026-03-09 16:23:00+00'),
	(42, 5, 11, 'bandit_graph', 0.92, 2, '{"user_type": "cold_start", "context_key": "night|weekend|cold_start", "day_of_week": "weekend", "time_period": "night"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-08 23:43:00+00', '2d1c9af0-153e-4c2a-a6a2-c0bd3b1287ff', 0.5, NULL, 'failure', '2026-03-09 16:23:00+00'),
	(43, 5, 1, 'bandit_svd', 1, 3, '{"user_type": "cold_start", "context_key": "night|weekend|cold_start", "day_of_week": "weekend", "time_period": "night"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-08 23:43:00+00', '2d1c9af0-153e-4c2a-a6a2-c0bd3b1287ff', 0.5, NULL, 'failure', '2026-03-09 16:23:00+00'),
	(46, 6, 3, 'hybrid_control', 0.5630434782608695, 3, '{"user_type": "cold_start", "context_key": "afternoon|weekday|cold_start", "day_of_week": "weekday", "time_period": "afternoon"}', false, NULL, false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-09 16:23:00+00', '6b4013ef-254b-4c4e-810c-4759482c9cbc', NULL, NULL, 'failure', '2026-03-10 12:00:00+00'),
	(44, 6, 1, 'hybrid_control', 0.6, 1, '{"user_type": "cold_start", "context_key": "afternoon|weekday|cold_start", "day_of_week": "weekday", "time_period": "afternoon"}', false, NULL, true, '2026-03-09 16:25:00+00', 5, NULL, NULL, false, NULL, false, NULL, '2026-03-09 16:23:00+00', '6b4013ef-254b-4c4e-810c-4759482c9cbc', NULL, NULL, 'success', '2026-03-10 12:00:00+00'),
	(45, 6, 2, 'hybrid_control', 0.5869565217391305, 2, '{"user_type": "cold_start", "context_key": "afternoon|weekday|cold_start", "day_of_week": "weekday", "time_period": "afternoon"}', false, NULL, false, NULL, NULL, NULL, NULL, true, '2026-03-09 16:25:00+00', false, NULL, '2026-03-09 16:23:00+00', '6b4013ef-254b-4c4e-810c-4759482c9cbc', NULL, NULL, 'success', '2026-03-10 12:00:00+00'),
	(47, 1, 12, 'bandit_graph', 1, 1, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-10 11:52:00+00', 'f3aed0b6-c7ac-4491-9ef8-8334e647cb8f', 0.7, 1, NULL, NULL),
	(48, 1, 11, 'bandit_graph', 0.92, 2, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-10 11:52:00+00', 'f3aed0b6-c7ac-4491-9ef8-8334e647cb8f', 0.7, 1, NULL, NULL),
	(49, 1, 1, 'bandit_svd', 1, 3, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-10 11:52:00+00', 'f3aed0b6-c7ac-4491-9ef8-8334e647cb8f', 0.30000000000000004, 1, NULL, NULL),
	(51, 2, 2, 'hybrid_control', 0.5869565217391305, 2, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-10 11:53:00+00', '65e7e423-6472-41a3-8f2c-6ec8cc4169a3', NULL, NULL, NULL, NULL),
	(52, 2, 3, 'hybrid_control', 0.5630434782608695, 3, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-10 11:53:00+00', '65e7e423-6472-41a3-8f2c-6ec8cc4169a3', NULL, NULL, NULL, NULL),
	(50, 2, 1, 'hybrid_control', 0.6, 1, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', true, '2026-03-10 11:54:00+00', false, NULL, NULL, NULL, NULL, false, NULL, false, NULL, '2026-03-10 11:53:00+00', '65e7e423-6472-41a3-8f2c-6ec8cc4169a3', NULL, NULL, 'success', NULL),
	(53, 3, 1, 'bandit_svd', 1, 1, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-10 11:55:00+00', '1a358ca0-0d75-485d-99c9-4309570dc195', 0.30000000000000004, 1, NULL, NULL),
	(54, 3, 2, 'bandit_svd', 0.92, 2, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-10 11:55:00+00', '1a358ca0-0d75-485d-99c9-4309570dc195', 0.30000000000000004, 1, NULL, NULL),
	(55, 3, 3, 'bandit_svd', 0.83, 3, '{"user_type": "cold_start", "context_key": "morning|weekday|cold_start", "day_of_week": "weekday", "time_period": "morning"}', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-10 11:55:00+00', '1a358ca0-0d75-485d-99c9-4309570dc195', 0.30000000000000004, 1, NULL, NULL);
INSERT INTO recommendation_hours VALUES
	('2026-03-05 12:00:00+00', 'hybrid_control', 'unknown', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	('2026-03-05 12:00:00+00', 'bandit_graph', 'unknown', 2, 1, 1, 4.5, 0, 0, 1, 0, 2, 0),
	('2025-10-11 20:00:00+00', 'bandit_svd', 'unknown', 1, 1, 0, 0, 0, 0, 0, 0, 1, 0),
	('2026-02-28 11:00:00+00', 'bandit_graph', 'morning|weekend|cold_start', 1, 0, 0, 0, 0, 0, 0, 0, 0, 1),
	('2026-02-28 11:00:00+00', 'bandit_svd', 'morning|weekend|cold_start', 2, 1, 0, 0, 0, 1, 0, 0, 0, 2),
	('2026-03-01 04:00:00+00', 'hybrid_control', 'night|weekend|cold_start', 3, 0, 1, 3, 0, 1, 0, 0, 0, 2),
	('2026-03-01 21:00:00+00', 'bandit_graph', 'evening|weekend|cold_start', 2, 0, 1, 3, 0, 0, 0, 0, 0, 1),
	('2026-03-01 21:00:00+00', 'bandit_svd', 'evening|weekend|cold_start', 1, 0, 0, 0, 0, 0, 0, 0, 0, 1),
	('2026-03-02 14:00:00+00', 'hybrid_control', 'afternoon|weekday|cold_start', 3, 0, 1, 5, 1, 0, 0, 0, 2, 1),
	('2026-03-03 07:00:00+00', 'bandit_graph', 'morning|weekday|cold_start', 3, 0, 0, 0, 0, 1, 0, 0, 0, 3),
	('2026-03-04 00:00:00+00', 'hybrid_control', 'night|weekday|cold_start', 3, 1, 0, 0, 0, 1, 0, 0, 1, 2),
	('2026-03-04 17:00:00+00', 'bandit_graph', 'evening|weekday|cold_start', 1, 0, 0, 0, 0, 0, 0, 0, 0, 1),
	('2026-03-04 17:00:00+00', 'bandit_svd', 'evening|weekday|cold_start', 2, 0, 0, 0, 0, 1, 0, 0, 0, 2),
	('2026-03-05 10:00:00+00', 'hybrid_control', 'morning|weekday|cold_start', 3, 0, 2, 8, 0, 0, 0, 0, 1, 1),
	('2026-03-06 03:00:00+00', 'bandit_graph', 'night|weekday|cold_start', 1, 0, 1, 5, 0, 1, 0, 0, 0, 1),
	('2026-03-06 03:00:00+00', 'bandit_svd', 'night|weekday|cold_start', 2, 0, 0, 0, 0, 0, 0, 0, 0, 2),
	('2026-03-06 20:00:00+00', 'hybrid_control', 'evening|weekday|cold_start', 3, 1, 0, 0, 1, 0, 0, 0, 2, 1),
	('2026-03-07 13:00:00+00', 'bandit_graph', 'afternoon|weekend|cold_start', 1, 1, 0, 0, 0, 0, 0, 0, 1, 0),
	('2026-03-07 13:00:00+00', 'bandit_svd', 'afternoon|weekend|cold_start', 2, 0, 0, 0, 0, 0, 0, 0, 0, 2),
	('2026-03-08 06:00:00+00', 'hybrid_control', 'morning|weekend|cold_start', 3, 0, 1, 3, 0, 1, 0, 0, 0, 2),
	('2026-03-08 23:00:00+00', 'bandit_graph', 'night|weekend|cold_start', 2, 0, 1, 3, 0, 1, 0, 0, 0, 2),
	('2026-03-08 23:00:00+00', 'bandit_svd', 'night|weekend|cold_start', 1, 0, 0, 0, 0, 0, 0, 0, 0, 1),
	('2026-03-09 16:00:00+00', 'hybrid_control', 'afternoon|weekday|cold_start', 3, 0, 1, 5, 1, 0, 0, 0, 2, 1);
INSERT INTO users VALUES
	(1),
	(2),
	(3),
	(4),
	(5),
	(6),
	(7),
	(8);
SELECT setval('bandit_posterior_version', 1, true);
SELECT setval('bandit_states_id_seq', 37, true);
SELECT setval('monitor_mails_id_seq', 1, false);
SELECT setval('recommendation_events_id_seq', 55, true);
ALTER TABLE ONLY bandit_migrations
    ADD CONSTRAINT bandit_migrations_pkey PRIMARY KEY (name);
ALTER TABLE ONLY bandit_posteriors
    ADD CONSTRAINT bandit_posteriors_pkey PRIMARY KEY (context_key, algorithm);
ALTER TABLE ONLY bandit_retention
    ADD CONSTRAINT bandit_retention_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY bandit_states
    ADD CONSTRAINT bandit_states_pkey PRIMARY KEY (id);
ALTER TABLE ONLY experiment_days
    ADD CONSTRAINT experiment_days_pkey PRIMARY KEY (day, ab_group, cluster);
ALTER TABLE ONLY experiment_visitors
    ADD CONSTRAINT experiment_visitors_pkey PRIMARY KEY (user_id, ab_group);
ALTER TABLE ONLY feedback_events
    ADD CONSTRAINT feedback_events_pkey PRIMARY KEY (message_id);
ALTER TABLE ONLY monitor_incidents
    ADD CONSTRAINT monitor_incidents_pkey PRIMARY KEY (metric, opened_at);
ALTER TABLE ONLY monitor_mails
    ADD CONSTRAINT monitor_mails_pkey PRIMARY KEY (id);
ALTER TABLE ONLY monitor_reports
    ADD CONSTRAINT monitor_reports_pkey PRIMARY KEY (day, period_days);
ALTER TABLE ONLY movie_popularity
    ADD CONSTRAINT movie_popularity_pkey PRIMARY KEY (movie_id);
ALTER TABLE ONLY movies
    ADD CONSTRAINT movies_pkey PRIMARY KEY (id);
ALTER TABLE ONLY ratings
    ADD CONSTRAINT ratings_pkey PRIMARY KEY (user_id, movie_id);
ALTER TABLE ONLY recommendation_candidates
    ADD CONSTRAINT recommendation_candidates_pkey PRIMARY KEY (user_id, algorithm);
ALTER TABLE ONLY recommendation_events
    ADD CONSTRAINT recommendation_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY recommendation_hours
    ADD CONSTRAINT recommendation_hours_pkey PRIMARY KEY (hour, algorithm, context_key);
ALTER TABLE ONLY users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE INDEX feedback_events_claim ON feedback_events USING btree (claimed_event_id) WHERE (event_id IS NULL);
CREATE INDEX feedback_events_event ON feedback_events USING btree (event_id);
CREATE INDEX feedback_events_pair ON feedback_events USING btree (user_id, movie_id, received_at) WHERE (claimed_event_id IS NULL);
CREATE INDEX idx_bandit_algo ON bandit_states USING btree (algorithm);
CREATE INDEX idx_bandit_context ON bandit_states USING btree (context_key);
CREATE UNIQUE INDEX idx_bandit_context_algo ON bandit_states USING btree (context_key, algorithm);
CREATE INDEX idx_rec_events_clicked ON recommendation_events USING btree (clicked);
CREATE UNIQUE INDEX monitor_incidents_open ON monitor_incidents USING btree (metric) WHERE (closed_at IS NULL);
CREATE INDEX monitor_mails_unsent ON monitor_mails USING btree (id) WHERE (sent_at IS NULL);
CREATE INDEX recommendation_events_created ON recommendation_events USING brin (created_at);
CREATE INDEX recommendation_events_pair ON recommendation_events USING btree (user_id, movie_id, created_at);
CREATE INDEX recommendation_events_unsettled ON recommendation_events USING btree (created_at) WHERE (settled_at IS NULL);
ALTER TABLE ONLY ratings
    ADD CONSTRAINT ratings_movie_id_fkey FOREIGN KEY (movie_id) REFERENCES movies(id);
ALTER TABLE ONLY ratings
    ADD CONSTRAINT ratings_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);
