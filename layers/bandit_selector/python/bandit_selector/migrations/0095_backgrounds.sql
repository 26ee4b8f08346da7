-- What was known of visitors when they came sharpens the test (evidence/background.py). Read once for each visitor.

-- Movies shown and clicked before the test, weighed by the bound of single visitors, in thousandths of a place; and the
-- time of day of the first list.
CREATE TABLE experiment_backgrounds (
    user_id bigint NOT NULL,
    phase smallint NOT NULL,
    ab_group varchar(9) NOT NULL,
    shown bigint NOT NULL,
    clicked bigint NOT NULL,
    period varchar(9) NOT NULL,
    PRIMARY KEY (user_id, phase, ab_group)
);
CREATE TABLE experiment_background_sums (
    phase smallint NOT NULL,
    ab_group varchar(9) NOT NULL,
    cluster smallint NOT NULL,
    visitors integer NOT NULL,
    shown bigint NOT NULL,
    clicked bigint NOT NULL,
    morning integer NOT NULL,
    afternoon integer NOT NULL,
    evening integer NOT NULL,
    PRIMARY KEY (phase, ab_group, cluster)
);
CREATE VIEW experiment_background_sums_recomputed AS
SELECT phase, ab_group, bandit_cluster(user_id) AS cluster, count(*)::integer AS visitors, sum(shown)::bigint AS shown,
    sum(clicked)::bigint AS clicked, count(*) FILTER (WHERE period = 'morning')::integer AS morning,
    count(*) FILTER (WHERE period = 'afternoon')::integer AS afternoon,
    count(*) FILTER (WHERE period = 'evening')::integer AS evening
FROM experiment_backgrounds GROUP BY 1, 2, 3;

-- What the lift in CTR is adjusted for, decided once: none where too few visitors are saved.
CREATE TABLE bandit_adjustments (
    salt text NOT NULL,
    started timestamptz NOT NULL,
    covariates text[] NOT NULL,
    saved double precision NOT NULL,
    fixed_at timestamptz NOT NULL,
    PRIMARY KEY (salt, started)
);
