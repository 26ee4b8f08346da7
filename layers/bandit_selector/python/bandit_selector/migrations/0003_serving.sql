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
