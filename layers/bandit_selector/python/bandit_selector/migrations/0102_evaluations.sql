-- What `./dev evaluate` answered about this database, for the dashboard and the report: the newest counts.
CREATE TABLE bandit_evaluations (
    made_at timestamptz PRIMARY KEY,
    answer jsonb NOT NULL
);
