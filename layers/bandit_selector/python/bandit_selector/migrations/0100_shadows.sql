-- Shadow (BANDIT=shadow): treatment's list, drawn beside the control list of the same id and shown to nobody. It is
-- outside recommendation_events, the sums and bandit_states.
CREATE TABLE bandit_shadows (
    id bigint NOT NULL, -- of the list that was shown
    created_at timestamptz NOT NULL,
    user_id bigint NOT NULL,
    posterior_version bigint,
    milliseconds real NOT NULL, -- that drawing it took
    places smallint NOT NULL, -- of the list that was shown
    same smallint NOT NULL, -- places at which both lists have the same movie
    common smallint NOT NULL, -- movies that are on both lists
    context_key varchar(200) NOT NULL,
    arms text[] NOT NULL, -- all that could be drawn
    drawn bytea NOT NULL, -- per place, which of `arms`, from 1
    movie_ids integer[], -- null where the site fills the places
    propensities real[] NOT NULL,
    stocked smallint[] NOT NULL, -- per arm, at how many of the shown list's places it had a movie
    agreed_places smallint[] NOT NULL, -- with agreed_arms: at this place of the shown list, this arm (from 1) would have
    agreed_arms smallint[] NOT NULL, -- put the same movie there
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE bandit_shadows_default PARTITION OF bandit_shadows DEFAULT;
CREATE INDEX bandit_shadows_user ON bandit_shadows (user_id, created_at);
CREATE INDEX bandit_shadows_created ON bandit_shadows USING brin (created_at) WITH (pages_per_range = 32);

-- The weekly partitions, those of shadows among them.
CREATE OR REPLACE FUNCTION bandit_make_partitions(since timestamptz, until timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    week timestamptz := date_trunc('week', since, 'UTC');
    parent text; key text; filled text; child text;
    made integer := 0;
BEGIN
    WHILE week < until LOOP
        FOR parent, key, filled IN VALUES
            ('bandit_lists', 'created_at', 'fillfactor = 70'), ('bandit_reactions', 'shown_at', 'fillfactor = 80'),
            ('feedback_events', 'message_time', 'fillfactor = 100'),
            ('bandit_shadows', 'created_at', 'fillfactor = 100')
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

-- Sums of a day's shadows (UTC), of every `one_in`-th settled list; they stay when the shadows are dropped.
CREATE TABLE bandit_shadow_days (
    day date PRIMARY KEY,
    lists integer NOT NULL, -- shown while shadows were drawn, each of them
    undrawn integer NOT NULL, -- of these, those whose shadow failed
    one_in integer NOT NULL,
    sampled integer NOT NULL,
    places bigint NOT NULL,
    same bigint NOT NULL,
    common bigint NOT NULL,
    median_ms double precision, -- that drawing took
    slow_ms double precision, -- 95 % took less
    summed_at timestamptz NOT NULL
);
CREATE TABLE bandit_shadow_arms (
    day date NOT NULL,
    context_key varchar(200) NOT NULL,
    arm varchar(50) NOT NULL,
    places bigint NOT NULL, -- of the shown lists
    stocked bigint NOT NULL, -- for which the arm had a movie
    drawn bigint NOT NULL, -- by the shadows
    agreed bigint NOT NULL, -- at which the arm would have put the movie that was shown
    successes bigint NOT NULL, -- outcomes of these
    failures bigint NOT NULL,
    PRIMARY KEY (day, context_key, arm)
);
