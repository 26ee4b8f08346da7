-- What a site's own rows tell of each arm, by day (UTC); the algorithms of the site have no propensities.
CREATE TABLE bandit_site_arms (
    day date NOT NULL,
    context_key varchar(200) NOT NULL, -- one of the 24; empty where the row does not tell
    arm varchar(50) NOT NULL,
    successes integer NOT NULL,
    failures integer NOT NULL,
    silent integer NOT NULL, -- shown, and nothing was heard of it
    PRIMARY KEY (day, context_key, arm)
);
ALTER TABLE bandit_site_days ADD COLUMN arms_summed boolean NOT NULL DEFAULT false;

-- What a cell's memory holds of its arm's history: of shadows and of the site's own rows, discounted (HISTORY_WORTH).
ALTER TABLE bandit_posteriors ADD COLUMN history_successes double precision NOT NULL DEFAULT 0;
ALTER TABLE bandit_posteriors ADD COLUMN history_failures double precision NOT NULL DEFAULT 0;
