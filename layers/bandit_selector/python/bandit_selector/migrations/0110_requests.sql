-- What the brake compares of the groups' requests: how many each process has answered, failed and slow ones among them.
-- A row comes with a list, at most every ten seconds of a process; those of former days are deleted.
CREATE TABLE bandit_requests (
    at timestamptz NOT NULL, -- of the list that the row came with
    ab_group varchar(50) NOT NULL,
    number integer NOT NULL, -- of requests since the process's last row
    failed integer NOT NULL, -- answered with an error of ours, the visitor's group being known
    slow integer NOT NULL, -- took longer than BRAKE_LATENCY
    failed_of bigint NOT NULL, -- whose they were: bit n stands for visitors whose id is n modulo 63
    slow_of bigint NOT NULL
);
CREATE INDEX bandit_requests_at ON bandit_requests (at);
