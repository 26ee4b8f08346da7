-- Visitors who were forgotten, and when: a message of theirs from before is dropped when a queue delivers it again.
CREATE TABLE bandit_forgotten (
    user_id bigint PRIMARY KEY,
    forgotten_at timestamptz NOT NULL
);
