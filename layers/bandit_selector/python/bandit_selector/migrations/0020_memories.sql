-- Learning's memories. A cell is written when something happens in it; its memories are as they were at its ages, in
-- half-lives of the service, and are aged when they are read. `discounted_*` are the long memory.
ALTER TABLE bandit_posteriors ADD COLUMN short_successes double precision NOT NULL DEFAULT 0;
ALTER TABLE bandit_posteriors ADD COLUMN short_failures double precision NOT NULL DEFAULT 0;
ALTER TABLE bandit_posteriors ADD COLUMN short_squares double precision NOT NULL DEFAULT 0;
ALTER TABLE bandit_posteriors ADD COLUMN short_cross double precision NOT NULL DEFAULT 0;
ALTER TABLE bandit_posteriors ADD COLUMN traffic double precision NOT NULL DEFAULT 0;
ALTER TABLE bandit_posteriors ADD COLUMN long_age double precision NOT NULL DEFAULT 0;
ALTER TABLE bandit_posteriors ADD COLUMN short_age double precision NOT NULL DEFAULT 0;
ALTER TABLE bandit_posteriors ADD COLUMN traffic_age double precision NOT NULL DEFAULT 0;
-- What was learned before there were memories counts as recent traffic, until newer traffic replaces it.
UPDATE bandit_posteriors SET traffic = discounted_successes + discounted_failures;

CREATE TABLE bandit_memory (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    long_age double precision NOT NULL DEFAULT 0,
    short_age double precision NOT NULL DEFAULT 0,
    traffic_age double precision NOT NULL DEFAULT 0,
    aged_at timestamptz -- null before the first publication
);
INSERT INTO bandit_memory (aged_at) SELECT max(published_at) FROM bandit_posteriors;

-- When older evidence about an arm was forgotten, because newer outcomes refuted it; rates are successes per place.
CREATE TABLE bandit_forgettings (
    at timestamptz NOT NULL,
    arm varchar(50) NOT NULL,
    z double precision NOT NULL,
    before double precision NOT NULL,
    after double precision NOT NULL,
    PRIMARY KEY (at, arm)
);
