-- Beside an existing site: what its application says about our impressions, and sums of its own history.

-- What is its own: keys without '|' are the site's, and no rule of ours is about them.
CREATE OR REPLACE VIEW bandit_states_recomputed AS
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
    FROM bandit_unsettled AS u JOIN bandit_tallies AS t ON t.list_id = u.list_id AND t.created_at = u.created_at
    WHERE t.arm IS NOT NULL AND t.said_outcome IS NOT NULL
    UNION ALL
    SELECT e.context->>'context_key', substr(e.algorithm, 8), 1, (e.outcome = 'success')::integer,
        (e.outcome = 'failure')::integer
    FROM bandit_unsettled AS u JOIN recommendation_events_set_aside AS e ON e.id = u.list_id
    WHERE e.propensity IS NOT NULL AND e.outcome IN ('success', 'failure')
) AS part
WHERE position('|' IN context_key) > 0
GROUP BY context_key, algorithm;

-- `bandit_hybrid_fallback` is what the old application logs when its bandit failed: not an arm, and not treatment.
CREATE OR REPLACE FUNCTION bandit_group(algorithm text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN algorithm = 'hybrid_control' THEN 'control'
        WHEN starts_with(algorithm, 'bandit_') AND algorithm <> 'bandit_hybrid_fallback' THEN 'treatment'
        ELSE 'other'
    END
$$;

-- Further actions: what was said can be taken back, and lists of one's own are no outcome but are kept.
DO $$
BEGIN
    EXECUTE (
        SELECT format('ALTER TABLE feedback_events DROP CONSTRAINT %I', conname) FROM pg_constraint
        WHERE conrelid = 'feedback_events'::regclass AND pg_get_constraintdef(oid) LIKE '%thumbs_up%'
    );
END $$;
ALTER TABLE feedback_events ADD CONSTRAINT feedback_events_actions CHECK (action IN (
    'click', 'rating', 'thumbs_up', 'thumbs_down', 'seen', 'click_off', 'rating_off', 'thumbs_off', 'watchlist',
    'watch_off', 'favorite', 'favor_off'
)) NOT VALID; -- every row of before satisfies it; a validation would read them all

-- The folding rule, in one place: what all messages about an impression say together; no row without a message. What is
-- newest counts, except the first click since clicks were last taken back. All impressions were shown at least a day
-- after `logged_since`: a message's id is at most a day older than the moment it was received (bandit_attribution), or
-- carries no time.
CREATE FUNCTION bandit_folded(events bigint[], logged_since timestamptz) RETURNS TABLE (
    event_id bigint, clicked_at timestamptz, rated_at timestamptz, rating_value real, thumbs_up_at timestamptz,
    thumbs_down_at timestamptz, added_to_watchlist boolean, added_to_favorites boolean
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT event_id,
        CASE WHEN unclicked_at IS NULL THEN first_click_at ELSE (
            SELECT min(f.occurred_at) FROM feedback_events AS f
            WHERE f.event_id = said.event_id AND f.action = 'click' AND f.occurred_at > unclicked_at
                AND (f.message_time = '-infinity' OR f.message_time >= logged_since)
        ) END,
        CASE WHEN rating_value IS NOT NULL THEN rated_at END, rating_value,
        CASE WHEN thumb = 'thumbs_up' THEN thumbed_at END, CASE WHEN thumb = 'thumbs_down' THEN thumbed_at END,
        coalesce(watch = 'watchlist', false), coalesce(favor = 'favorite', false)
    FROM (
        SELECT f.event_id,
            min(f.occurred_at) FILTER (WHERE f.action = 'click') AS first_click_at,
            max(f.occurred_at) FILTER (WHERE f.action = 'click_off') AS unclicked_at,
            max(f.occurred_at) FILTER (WHERE f.action = 'rating') AS rated_at,
            (array_agg(f.rating ORDER BY f.occurred_at DESC, f.message_id DESC)
                FILTER (WHERE f.action IN ('rating', 'rating_off')))[1] AS rating_value,
            max(f.occurred_at) FILTER (WHERE f.action IN ('thumbs_up', 'thumbs_down')) AS thumbed_at,
            (array_agg(f.action ORDER BY f.occurred_at DESC, f.message_id DESC)
                FILTER (WHERE f.action IN ('thumbs_up', 'thumbs_down', 'thumbs_off')))[1] AS thumb,
            (array_agg(f.action ORDER BY f.occurred_at DESC, f.message_id DESC)
                FILTER (WHERE f.action IN ('watchlist', 'watch_off')))[1] AS watch,
            (array_agg(f.action ORDER BY f.occurred_at DESC, f.message_id DESC)
                FILTER (WHERE f.action IN ('favorite', 'favor_off')))[1] AS favor
        FROM feedback_events AS f
        WHERE f.event_id = ANY(events)
            AND (f.message_time = '-infinity' OR f.message_time >= logged_since) -- leaves partitions out
        GROUP BY f.event_id
    ) AS said
$$;

-- A message's id made here: version 7, so that it carries its time.
CREATE FUNCTION bandit_message_id(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(id, 14))::uuid
    FROM (SELECT replace(gen_random_uuid()::text, '-', '') AS id) AS random
$$;

-- What the site's application said about an impression of ours and is not in the log yet. The view shows it at once. A
-- part that it did not speak about is null. What the log cannot take (beyond the window; a value that is not a rating)
-- and columns that only the site knows stay here, not pending.
CREATE TABLE bandit_inbox (
    event_id bigint PRIMARY KEY,
    said_at timestamptz NOT NULL,
    pending boolean NOT NULL DEFAULT true,
    clicked boolean,
    clicked_at timestamptz,
    rated boolean,
    rated_at timestamptz,
    rating_value double precision,
    thumb varchar(4) CHECK (thumb IN ('up', 'down', 'off')),
    thumbed_at timestamptz,
    watchlist boolean,
    favorite boolean,
    extra jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 70);
CREATE INDEX bandit_inbox_pending ON bandit_inbox (event_id) WHERE pending;

-- A moment as the site wrote it: with a time zone, or by the clock of `zone`. A moment that is not finite is now.
CREATE FUNCTION bandit_site_moment(written text, zone text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN isfinite(at) THEN at ELSE clock_timestamp() END
    FROM (SELECT CASE WHEN zone IS NULL THEN written::timestamptz ELSE written::timestamp AT TIME ZONE zone END AS at) AS it
$$;

-- Takes what one UPDATE of the view says about an impression of ours: its row as it was and as it becomes.
CREATE FUNCTION bandit_hear(event bigint, was jsonb, becomes jsonb, zone text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    at CONSTANT timestamptz := clock_timestamp();
    changed CONSTANT jsonb := coalesce((
        SELECT jsonb_object_agg(key, value) FROM jsonb_each(becomes) WHERE value IS DISTINCT FROM was->key), '{}');
    recorded CONSTANT text := (
        SELECT min(key) FROM jsonb_object_keys(changed) AS key WHERE key IN ('id', 'user_id', 'movie_id', 'algorithm',
            'recommendation_score', 'position', 'context', 'created_at', 'recommendation_id', 'propensity',
            'posterior_version', 'outcome', 'settled_at', 'seen', 'bandit_event_id'));
    up CONSTANT boolean := coalesce((becomes->>'thumbs_up')::boolean, false);
    down CONSTANT boolean := coalesce((becomes->>'thumbs_down')::boolean, false);
    said bandit_inbox;
BEGIN
    IF recorded IS NOT NULL THEN
        RAISE EXCEPTION 'Column % of row % of recommendation_events is what Bandit Selector recorded, and cannot be changed.',
            recorded, becomes->>'id'
            USING ERRCODE = 'feature_not_supported', HINT = 'Leave out the rows that have a bandit_event_id.';
    END IF;
    IF changed ?| ARRAY['clicked', 'clicked_at'] THEN
        said.clicked := coalesce((becomes->>'clicked')::boolean, false);
        said.clicked_at := coalesce(bandit_site_moment(becomes->>'clicked_at', zone), at);
    END IF;
    IF changed ?| ARRAY['rated', 'rated_at', 'rating_value'] THEN
        said.rating_value := (becomes->>'rating_value')::double precision;
        said.rated := said.rating_value IS NOT NULL AND coalesce((becomes->>'rated')::boolean, true);
        said.rated_at := coalesce(bandit_site_moment(becomes->>'rated_at', zone), at);
    END IF;
    IF changed ?| ARRAY['thumbs_up', 'thumbs_up_at', 'thumbs_down', 'thumbs_down_at'] THEN
        said.thumb := CASE
            WHEN up AND NOT (down AND (was->>'thumbs_up')::boolean) THEN 'up' WHEN down THEN 'down' ELSE 'off' END;
        said.thumbed_at := coalesce(bandit_site_moment(
            CASE said.thumb WHEN 'up' THEN becomes->>'thumbs_up_at' WHEN 'down' THEN becomes->>'thumbs_down_at' END,
            zone), at);
    END IF;
    IF changed ? 'added_to_watchlist' THEN
        said.watchlist := coalesce((becomes->>'added_to_watchlist')::boolean, false);
    END IF;
    IF changed ? 'added_to_favorites' THEN
        said.favorite := coalesce((becomes->>'added_to_favorites')::boolean, false);
    END IF;
    said.extra := changed - ARRAY['clicked', 'clicked_at', 'rated', 'rated_at', 'rating_value', 'thumbs_up',
        'thumbs_up_at', 'thumbs_down', 'thumbs_down_at', 'added_to_watchlist', 'added_to_favorites'];
    INSERT INTO bandit_inbox AS i VALUES (
        event, at, changed <> said.extra, said.clicked, said.clicked_at, said.rated, said.rated_at, said.rating_value,
        said.thumb, said.thumbed_at, said.watchlist, said.favorite, said.extra)
    ON CONFLICT (event_id) DO UPDATE SET
        said_at = excluded.said_at,
        pending = i.pending OR excluded.pending,
        clicked = coalesce(excluded.clicked, i.clicked),
        clicked_at = coalesce(excluded.clicked_at, i.clicked_at),
        rated = coalesce(excluded.rated, i.rated),
        rated_at = coalesce(excluded.rated_at, i.rated_at),
        rating_value = CASE WHEN excluded.rated IS NULL THEN i.rating_value ELSE excluded.rating_value END,
        thumb = coalesce(excluded.thumb, i.thumb),
        thumbed_at = coalesce(excluded.thumbed_at, i.thumbed_at),
        watchlist = coalesce(excluded.watchlist, i.watchlist),
        favorite = coalesce(excluded.favorite, i.favorite),
        extra = i.extra || excluded.extra
    WHERE changed <> '{}';
END $$;

-- The ids under which the site's application knows our impressions: of the type of its own, from its own sequence. Only
-- while that application runs beside ours.
CREATE TABLE bandit_keys (
    event_id bigint NOT NULL,
    id bigint NOT NULL
);
CREATE SEQUENCE bandit_key_number; -- negated, for a site without a sequence
CREATE INDEX bandit_keys_list ON bandit_keys ((event_id >> 6)); -- 30 equal entries are one: smaller than by event

-- The first id that a list of this second can have.
CREATE FUNCTION bandit_first_list(shown timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT (floor(extract(epoch FROM shown))::bigint - 1735689600) << 16
$$;

-- Hides an impression of ours from the view. What it taught stays, as after its retention.
CREATE FUNCTION bandit_hide(event bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM bandit_keys WHERE event_id = event AND event_id >> 6 = event >> 6;
    IF NOT FOUND AND NOT (SELECT beside FROM bandit_site) THEN
        RAISE EXCEPTION 'Impression % is of Bandit Selector, which deletes by KEEP_EVENTS and `./dev forget-user`.', event
            USING ERRCODE = 'feature_not_supported';
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION bandit_hide(bigint), bandit_hear(bigint, jsonb, jsonb, text) FROM PUBLIC;

-- So that a role without rights to create tables can make the partitions of the next weeks.
ALTER FUNCTION bandit_make_partitions(timestamptz, timestamptz) SECURITY DEFINER SET search_path FROM CURRENT;
REVOKE EXECUTE ON FUNCTION bandit_make_partitions(timestamptz, timestamptz) FROM PUBLIC;

-- How the site's `recommendation_events` was set aside. No row: there was none, or none yet.
CREATE TABLE bandit_site (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    zone text NOT NULL, -- of its columns without a time zone (SITE_TIME_ZONE)
    beside boolean NOT NULL, -- whether its application still runs
    shape text NOT NULL, -- of its table, as the view was made for it
    adopted_at timestamptz NOT NULL DEFAULT now()
);

-- Sums of the site's own rows, by day in the background; outside the invariant, because the site changes its rows.
CREATE TABLE bandit_site_days (
    day date PRIMARY KEY,
    summed_at timestamptz NOT NULL
);
CREATE TABLE bandit_site_hours (
    hour timestamptz NOT NULL,
    algorithm text NOT NULL,
    shown integer NOT NULL,
    clicked integer NOT NULL,
    rated integer NOT NULL,
    rating_sum double precision NOT NULL,
    thumbs_up integer NOT NULL,
    thumbs_down integer NOT NULL,
    favorites integer NOT NULL,
    watchlist integer NOT NULL,
    PRIMARY KEY (hour, algorithm)
);
CREATE OR REPLACE VIEW recommendation_activity AS
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
