-- Which days are archived, and an impression in the form in which it is archived.

CREATE TABLE bandit_archives (
    day date PRIMARY KEY, -- of UTC
    rows bigint NOT NULL,
    files jsonb NOT NULL, -- [{"key", "rows", "bytes", "sha256"}]
    archived_at timestamptz NOT NULL -- when the files had been read back and compared with the tables
);

CREATE INDEX recommendation_events_set_aside_ours ON recommendation_events_set_aside (created_at)
    WHERE recommendation_id IS NOT NULL; -- finds the oldest day without reading the site's own rows

-- One row an impression; docs/archive.md has the columns. An impression from before lists has no list and no place.
CREATE VIEW bandit_archive_rows AS
SELECT i.event_id, i.list_id, i.user_id, i.movie_id::bigint AS movie_id, i.position, i.place,
    bandit_algorithm(i.arm, i.list_algorithm) AS algorithm, i.arm, i.context_key::text AS context_key,
    i.ab_group::text AS ab_group, i.score::double precision AS score, i.propensity::double precision AS propensity,
    i.posterior_version, i.created_at, i.settled_at, i.seen, i.clicked_at, i.rating_value::double precision AS rating,
    CASE WHEN i.thumbs_up_at IS NOT NULL THEN 'up' WHEN i.thumbs_down_at IS NOT NULL THEN 'down' END AS thumbs,
    (CASE WHEN i.settled_at IS NULL THEN i.said_outcome ELSE i.settled_outcome END)::text AS outcome, i.counts
FROM bandit_impressions AS i
UNION ALL
SELECT e.id, NULL, e.user_id, e.movie_id, e.position, NULL, e.algorithm::text,
    CASE WHEN e.propensity IS NOT NULL THEN substr(e.algorithm, 8) END, e.context->>'context_key',
    nullif(bandit_group(e.algorithm), 'other'), e.recommendation_score, e.propensity, e.posterior_version,
    e.created_at, e.settled_at, false, e.clicked_at, e.rating_value,
    CASE WHEN e.thumbs_up THEN 'up' WHEN e.thumbs_down THEN 'down' END, e.outcome::text, true
FROM recommendation_events_set_aside AS e
WHERE e.recommendation_id IS NOT NULL;
