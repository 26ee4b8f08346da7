-- Treatment's share of visitors: the newest row is in force. A step that was planned adds one, and so does the brake.
CREATE TABLE bandit_shares (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan text NOT NULL, -- the settings that planned it; under other settings the row is not in force
    share double precision NOT NULL,
    braked boolean NOT NULL,
    why text NOT NULL,
    at timestamptz NOT NULL,
    counts_from date NOT NULL -- the first UTC day whose lists all have this share
);

-- When the brake last looked: one row.
CREATE TABLE bandit_looks (looked_at timestamptz NOT NULL);
INSERT INTO bandit_looks VALUES ('-infinity');
