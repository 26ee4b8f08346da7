-- One row a list. The table that has had a row for each movie shown stays in use until the next step.

-- A list's id is its second since 2025 times 2^16, plus a number. An event's id is its list's times 64, plus its place:
-- below 2^53, which browsers read exactly, and above every id of the table of before.
CREATE SEQUENCE bandit_list_number;
CREATE FUNCTION bandit_list_id(shown timestamptz) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT ((floor(extract(epoch FROM shown))::bigint - 1735689600) << 16) | (nextval('bandit_list_number') & 65535)
$$;
CREATE FUNCTION bandit_second(list_id bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_timestamp((1735689600 + (list_id >> 16))::double precision)
$$;

CREATE FUNCTION bandit_is_old(event_id bigint) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT event_id < 1::bigint << 40 -- ids of the first three days of 2025, which no list has
$$;
CREATE TABLE bandit_lists (
    id bigint NOT NULL,
    created_at timestamptz NOT NULL,
    user_id bigint NOT NULL,
    posterior_version bigint,
    settled_at timestamptz, -- when its silence was over; no index has it, so that settling updates no index
    seen bigint NOT NULL DEFAULT 0, -- bit n stands for place n
    first_position smallint NOT NULL,
    counted_places smallint, -- how many of its first places count for learning and in the test; null means all
    ramp_phase smallint,
    context_key varchar(200) NOT NULL,
    ab_group varchar(9) CHECK (ab_group IN ('treatment', 'control')), -- as assigned; null while there is no test
    silence varchar(5) NOT NULL CHECK (silence IN ('shown', 'seen', 'off')), -- which silence is a failure
    algorithm varchar(50), -- of the whole list; null where each place drew its arm
    seed varchar(64),
    arms text[], -- the different arms that were drawn
    drawn bytea, -- per place, which of `arms`, from 1
    movie_ids integer[] NOT NULL,
    scores real[] NOT NULL,
    propensities real[],
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE bandit_lists_default PARTITION OF bandit_lists DEFAULT WITH (fillfactor = 70);
CREATE INDEX bandit_lists_user ON bandit_lists (user_id, created_at);
CREATE INDEX bandit_lists_created ON bandit_lists USING brin (created_at) WITH (pages_per_range = 32);

-- The id that answers carry: the list's own, in the form of a UUID (version 8, RFC 9562 section 5.8).
CREATE FUNCTION bandit_recommendation_id(list_id bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('00000000-0000-8000-8000-' || lpad(to_hex(list_id), 12, '0'))::uuid
$$;

-- Lists whose silence is not over. For what was set aside, an impression's own id.
CREATE TABLE bandit_unsettled (
    list_id bigint PRIMARY KEY,
    created_at timestamptz NOT NULL
);

-- What its messages say of an impression together, and its outcome by that alone; no row without a message.
CREATE TABLE bandit_reactions (
    event_id bigint NOT NULL,
    shown_at timestamptz NOT NULL, -- bandit_second(event_id >> 6)
    clicked_at timestamptz,
    rated_at timestamptz,
    rating_value real,
    thumbs_up_at timestamptz,
    thumbs_down_at timestamptz,
    added_to_watchlist boolean NOT NULL DEFAULT false,
    added_to_favorites boolean NOT NULL DEFAULT false,
    outcome varchar(7) CHECK (outcome IN ('success', 'failure', 'neutral')),
    PRIMARY KEY (event_id, shown_at)
) PARTITION BY RANGE (shown_at);
CREATE TABLE bandit_reactions_default PARTITION OF bandit_reactions DEFAULT WITH (fillfactor = 80);

-- A page of lists keeps room for the third of them that one transaction settles (TURNS): such an update is HOT.
-- Makes the weekly partitions of a span, and moves into them what waits in the default ones; returns how many it made.
CREATE FUNCTION bandit_make_partitions(since timestamptz, until timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    week timestamptz := date_trunc('week', since, 'UTC');
    parent text; key text; filled text; child text;
    made integer := 0;
BEGIN
    WHILE week < until LOOP
        FOR parent, key, filled IN VALUES
            ('bandit_lists', 'created_at', 'fillfactor = 70'), ('bandit_reactions', 'shown_at', 'fillfactor = 80'),
            ('feedback_events', 'message_time', 'fillfactor = 100')
        LOOP
            child := format('%s_%s', parent, to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD'));
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            EXECUTE format(
                'CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (%s)', child, parent, filled);
            EXECUTE format(
                'WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
                parent || '_default', key, week, key, week + interval '7 days', child);
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                parent, child, week, week + interval '7 days');
            made := made + 1;
        END LOOP;
        week := week + interval '7 days';
    END LOOP;
    RETURN made;
END $$;
SELECT bandit_make_partitions(now(), now() + interval '8 days'); -- the archive makes further ones every night

-- The arm that was drawn for a place.
CREATE FUNCTION bandit_arm(arms text[], drawn bytea, place integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT arms[get_byte(drawn, place - 1)]
$$;
-- The only place that makes the names under which drawn arms are known outside.
CREATE FUNCTION bandit_algorithm(arm text, algorithm text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(algorithm, 'bandit_' || arm)
$$;
CREATE OR REPLACE FUNCTION bandit_group(algorithm text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN starts_with(algorithm, 'bandit_') THEN 'treatment'
        WHEN algorithm = 'hybrid_control' THEN 'control'
        ELSE 'other'
    END
$$;
CREATE FUNCTION bandit_cluster(user_id bigint) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (hashint8(user_id) & 127)::smallint -- equal to hashint4 for what fits into an integer
$$;
-- The folding rule, in one place: what all messages about an impression say together; no row without a message. All
-- impressions were shown at least a day after `logged_since`: a message's id is at most a day older than the moment it
-- was received (bandit_attribution), or carries no time.
CREATE FUNCTION bandit_fold(events bigint[], logged_since timestamptz) RETURNS TABLE (
    event_id bigint, clicked_at timestamptz, rated_at timestamptz, rating_value real, thumbs_up_at timestamptz,
    thumbs_down_at timestamptz
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT event_id, clicked_at, rated_at, rating_value,
        CASE WHEN thumb = 'thumbs_up' THEN thumbed_at END, CASE WHEN thumb = 'thumbs_down' THEN thumbed_at END
    FROM (
        SELECT f.event_id,
            min(f.occurred_at) FILTER (WHERE f.action = 'click') AS clicked_at,
            max(f.occurred_at) FILTER (WHERE f.action = 'rating') AS rated_at,
            (array_agg(f.rating ORDER BY f.occurred_at DESC, f.message_id DESC)
                FILTER (WHERE f.action = 'rating'))[1] AS rating_value,
            max(f.occurred_at) FILTER (WHERE f.action IN ('thumbs_up', 'thumbs_down')) AS thumbed_at,
            (array_agg(f.action ORDER BY f.occurred_at DESC, f.message_id DESC)
                FILTER (WHERE f.action IN ('thumbs_up', 'thumbs_down')))[1] AS thumb
        FROM feedback_events AS f
        WHERE f.event_id = ANY(events)
            AND (f.message_time = '-infinity' OR f.message_time >= logged_since) -- leaves partitions out
        GROUP BY f.event_id
    ) AS said
$$;
