-- The two tables of the deployment guide, made where they are missing and adopted where they are there.
-- Existing rows stay: their learned counts become archived counts, which `verify` adds to those of the events.
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

UPDATE bandit_states
SET total_pulls = coalesce(total_pulls, 0),
    total_successes = coalesce(total_successes, 0),
    total_failures = coalesce(total_failures, 0)
WHERE total_pulls IS NULL OR total_successes IS NULL OR total_failures IS NULL;

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

UPDATE bandit_states
SET prior_alpha = alpha - total_successes,
    prior_beta = beta - total_failures,
    archived_pulls = total_pulls,
    archived_successes = total_successes,
    archived_failures = total_failures;

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

DO $$
DECLARE sequence text := pg_get_serial_sequence('recommendation_events', 'id');
BEGIN
    IF sequence IS NOT NULL THEN EXECUTE format('ALTER SEQUENCE %s AS bigint', sequence); END IF;
END $$;

-- Every row of before is past its silence; nothing of it is ever learned here.
UPDATE recommendation_events SET settled_at = created_at;
