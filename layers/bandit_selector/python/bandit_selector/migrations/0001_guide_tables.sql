-- The table of learned counts, as the deployment guide has it, and impressions of before lists.
-- A site that has a `bandit_states` keeps its rows, types and indexes: it gains columns with constant defaults, which
-- rewrites nothing. Its `recommendation_events` is not touched here (docs/decisions/0012).
DO $$
BEGIN
    IF to_regclass('bandit_states') IS NOT NULL THEN
        ALTER TABLE bandit_states
            ADD COLUMN IF NOT EXISTS prior_alpha double precision NOT NULL DEFAULT 1.0,
            ADD COLUMN IF NOT EXISTS prior_beta double precision NOT NULL DEFAULT 1.0,
            ADD COLUMN IF NOT EXISTS archived_pulls integer NOT NULL DEFAULT 0,
            ADD COLUMN IF NOT EXISTS archived_successes integer NOT NULL DEFAULT 0,
            ADD COLUMN IF NOT EXISTS archived_failures integer NOT NULL DEFAULT 0;
        -- Ours alone: a site may have two rows for one of its own cells.
        CREATE UNIQUE INDEX IF NOT EXISTS bandit_states_own ON bandit_states (context_key, algorithm)
            WHERE position('|' IN context_key) > 0;
        RETURN;
    END IF;
    CREATE TABLE bandit_states (
        id serial PRIMARY KEY,
        context_key varchar(200) NOT NULL,
        algorithm varchar(50) NOT NULL,
        alpha double precision NOT NULL DEFAULT 1.0,
        beta double precision NOT NULL DEFAULT 1.0,
        total_pulls integer NOT NULL DEFAULT 0,
        total_successes integer NOT NULL DEFAULT 0,
        total_failures integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        prior_alpha double precision NOT NULL DEFAULT 1.0,
        prior_beta double precision NOT NULL DEFAULT 1.0,
        -- Outcomes whose events are gone (pruned, forgotten) or were learned before this migration.
        archived_pulls integer NOT NULL DEFAULT 0,
        archived_successes integer NOT NULL DEFAULT 0,
        archived_failures integer NOT NULL DEFAULT 0
    );
    CREATE UNIQUE INDEX idx_bandit_context_algo ON bandit_states (context_key, algorithm);
    CREATE INDEX idx_bandit_context ON bandit_states (context_key);
    CREATE INDEX idx_bandit_algo ON bandit_states (algorithm);
END $$;

CREATE TABLE recommendation_events_set_aside (
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
    created_at timestamptz NOT NULL DEFAULT now(),
    recommendation_id uuid,
    -- Set only on what the bandit drew: such a row, and no other, counts in bandit_states.
    propensity double precision,
    posterior_version bigint,
    outcome varchar(10) CHECK (outcome IN ('success', 'failure', 'neutral')),
    -- When the clock visited the row: from then on silence is a failure.
    settled_at timestamptz
);
