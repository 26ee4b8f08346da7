-- A visitor's clicks count up to two standard deviations of chance above the rate; it was three, and one of twenty A/A
-- tests was still decided by ten accounts. See evidence/bound.py. Nobody folds meanwhile: each total has one rule.
LOCK TABLE experiment_visitors, experiment_excess IN SHARE ROW EXCLUSIVE MODE;
CREATE OR REPLACE FUNCTION bandit_excess(shown integer, clicked integer, places integer, rate double precision)
RETURNS TABLE (over_shown bigint, over_clicked bigint) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT round(1000 * (shown - weight))::bigint,
        round(1000 * (clicked - least(
            clicked * weight / greatest(shown, 1), weight * (rate + 2 * sqrt(rate * (1 - rate) / greatest(shown, 1)))
        )))::bigint
    FROM (SELECT least(shown, places)::double precision AS weight) AS w
    WHERE places IS NOT NULL
    UNION ALL SELECT 0, 0 WHERE places IS NULL
$$;
DELETE FROM experiment_excess;
INSERT INTO experiment_excess SELECT * FROM experiment_excess_recomputed;
