-- The log of messages by weeks, so that old ones are dropped and not deleted.

-- Before anything else: what would stop a later step must leave the installation as it was.
DO $$
BEGIN
    IF to_regclass('recommendation_events_set_aside') IS NOT NULL THEN
        RETURN; -- a new installation: 0001 made the table
    END IF;
    IF EXISTS (SELECT FROM recommendation_events WHERE id >= 1::bigint << 40) THEN
        RAISE EXCEPTION 'recommendation_events has ids of 2^40 and more, where new ids begin; renumber them first.';
    END IF;
END $$;

-- Ids of version 7 carry their time; an id of another version has none, and its message stays in the default partition.
-- The time must follow from the id alone: then two deliveries of one message meet in one partition.
CREATE FUNCTION bandit_message_time(message_id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN substr(message_id::text, 15, 1) = '7'
        THEN to_timestamp(('x' || translate(substr(message_id::text, 1, 13), '-', ''))::bit(48)::bigint / 1000.0)
        ELSE '-infinity'
    END
$$;

-- From here to the end of the next steps the former consumer fails, so that its messages are delivered again.
ALTER TABLE feedback_events RENAME TO feedback_events_before;
ALTER INDEX feedback_events_pkey RENAME TO feedback_events_before_pkey;
DROP INDEX feedback_events_event, feedback_events_pair, feedback_events_claim;

CREATE TABLE feedback_events (
    message_id uuid NOT NULL,
    message_time timestamptz NOT NULL, -- bandit_message_time(message_id)
    user_id bigint NOT NULL,
    movie_id bigint,
    claimed_event_id bigint,
    action varchar(11) NOT NULL CHECK (action IN ('click', 'rating', 'thumbs_up', 'thumbs_down', 'seen')),
    rating real CHECK ((rating IS NOT NULL) = (action = 'rating')),
    seen bigint CHECK ((seen IS NOT NULL) = (action = 'seen')), -- bit n stands for place n of the list
    occurred_at timestamptz NOT NULL, -- by the visitor's clock: orders changes of mind
    received_at timestamptz NOT NULL, -- by the service's clock: decides which impression is meant
    event_id bigint, -- the impression it counts for; for `seen` the list's id times 64
    reason varchar(20) CHECK ((reason IS NULL) = (event_id IS NOT NULL)),
    PRIMARY KEY (message_time, message_id),
    CHECK (movie_id IS NOT NULL OR claimed_event_id IS NOT NULL)
) PARTITION BY RANGE (message_time);
CREATE TABLE feedback_events_default PARTITION OF feedback_events DEFAULT;

-- One impression's feedback; then what an impression that becomes visible late may claim; then windows of time.
CREATE INDEX feedback_events_event ON feedback_events (event_id);
CREATE INDEX feedback_events_pair ON feedback_events (user_id, received_at) WHERE claimed_event_id IS NULL;
CREATE INDEX feedback_events_claim ON feedback_events (claimed_event_id) WHERE event_id IS NULL;
CREATE INDEX feedback_events_received ON feedback_events USING brin (received_at) WITH (pages_per_range = 32);

-- Messages that a queue could still deliver again, or whose impression can still change; 90 days are beyond both.
INSERT INTO feedback_events
    (message_id, message_time, user_id, movie_id, claimed_event_id, action, rating, occurred_at, received_at, event_id,
     reason)
SELECT message_id, bandit_message_time(message_id), user_id, movie_id, claimed_event_id, action, rating, occurred_at,
    received_at, event_id, reason
FROM feedback_events_before WHERE received_at > now() - interval '90 days';
DROP TABLE feedback_events_before;
