-- Feedback as it was received, once per message, with the impression it counts for or the reason why for none.
CREATE TABLE feedback_events (
    message_id uuid PRIMARY KEY,
    user_id integer NOT NULL,
    movie_id integer,
    claimed_event_id bigint,
    action varchar(11) NOT NULL CHECK (action IN ('click', 'rating', 'thumbs_up', 'thumbs_down')),
    rating real CHECK ((rating IS NOT NULL) = (action = 'rating')),
    occurred_at timestamptz NOT NULL,
    event_id bigint,
    reason varchar(20) CHECK ((reason IS NULL) = (event_id IS NOT NULL)),
    CHECK (movie_id IS NOT NULL OR claimed_event_id IS NOT NULL)
);
-- One impression's feedback; then what an impression that becomes visible late may claim.
CREATE INDEX feedback_events_event ON feedback_events (event_id);
CREATE INDEX feedback_events_pair ON feedback_events (user_id, movie_id, occurred_at) WHERE claimed_event_id IS NULL;
CREATE INDEX feedback_events_claim ON feedback_events (claimed_event_id) WHERE event_id IS NULL;

CREATE INDEX recommendation_events_pair ON recommendation_events (user_id, movie_id, created_at);
CREATE INDEX recommendation_events_unsettled ON recommendation_events (created_at) WHERE settled_at IS NULL;
CREATE INDEX recommendation_events_created ON recommendation_events USING brin (created_at);
-- Outcomes are updates: room on the page keeps them out of the indexes.
ALTER TABLE recommendation_events SET (fillfactor = 70);

-- The outcome rule, in one place: an explicit dislike beats everything, a like beats a lukewarm rating.
CREATE FUNCTION bandit_outcome(
    clicked boolean, rating double precision, thumbs_up boolean, thumbs_down boolean,
    success_rating double precision, failure_rating double precision
) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN thumbs_down OR rating <= failure_rating THEN 'failure'
        WHEN clicked OR thumbs_up OR rating >= success_rating THEN 'success'
        WHEN rating IS NOT NULL THEN 'neutral'
    END
$$;
