-- What the monitor has found and told: one report per day and window, what is broken, and the mails about it.
CREATE TABLE monitor_reports (
    day date NOT NULL,
    period_days integer NOT NULL,
    report jsonb NOT NULL,
    made_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    stored_at timestamptz, -- null while the bucket has not taken it
    PRIMARY KEY (day, period_days)
);

CREATE TABLE monitor_incidents (
    metric text NOT NULL,
    check_name text NOT NULL,
    headline text NOT NULL,
    severity varchar(8) NOT NULL,
    opened_at timestamptz NOT NULL,
    mailed_at timestamptz NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (metric, opened_at)
);
CREATE UNIQUE INDEX monitor_incidents_open ON monitor_incidents (metric) WHERE closed_at IS NULL;

-- Written with the incident in one transaction, sent afterwards, as often as it takes.
CREATE TABLE monitor_mails (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind varchar(8) NOT NULL,
    metric text NOT NULL,
    subject varchar(100) NOT NULL,
    body text NOT NULL,
    written_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz
);
CREATE INDEX monitor_mails_unsent ON monitor_mails (id) WHERE sent_at IS NULL;
