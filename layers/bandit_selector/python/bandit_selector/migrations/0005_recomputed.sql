-- The impressions that count in bandit_states, and what each adds there; the only place that says so for all of them.
CREATE VIEW bandit_outcomes AS
SELECT id, context->>'context_key' AS context_key, substr(algorithm, 8) AS algorithm,
    (outcome = 'success')::int AS success, (outcome = 'failure')::int AS failure
FROM recommendation_events_set_aside WHERE propensity IS NOT NULL AND outcome IS NOT NULL;

-- What every cell must be: its outcomes, and those whose events are gone.
CREATE VIEW bandit_states_recomputed AS
SELECT context_key, algorithm,
    coalesce(s.archived_pulls, 0) + coalesce(o.pulls, 0) AS pulls,
    coalesce(s.archived_successes, 0) + coalesce(o.successes, 0) AS successes,
    coalesce(s.archived_failures, 0) + coalesce(o.failures, 0) AS failures
FROM bandit_states AS s
FULL JOIN (
    SELECT context_key, algorithm, count(*) AS pulls, sum(success) AS successes, sum(failure) AS failures
    FROM bandit_outcomes GROUP BY context_key, algorithm
) AS o USING (context_key, algorithm);
