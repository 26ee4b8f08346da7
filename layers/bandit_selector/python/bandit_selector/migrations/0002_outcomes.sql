-- Feedback as it was received, once per message, with the impression it counts for or the reason why for none.
CREATE TABLE feedback_events (
    message_id uuid PRIMARY KEY,
    user_id integer NOT NULL,
    movie_id integer,
    claimed_event_id bigint,
    action varchar(11) NOT NULL CHECK (action IN ('click', 'rating', 'thumbs_up', 'thumbs_down')),
    rating real CHECK ((rating IS NOT NULL) = (action = 'rating')),
    occurred_at timestamptz NOT NULL, -- by the visitor's clock: orders changes of mind
    received_at timestamptz NOT NULL, -- by the service's clock: decides which impression is meant
    event_id bigint,
    reason varchar(20) CHECK ((reason IS NULL) = (event_id IS NOT NULL)),
    CHECK (movie_id IS NOT NULL OR claimed_event_id IS NOT NULL)
);
-- One impression's feedback; then what an impression that becomes visible late may claim.
CREATE INDEX feedback_events_event ON feedback_events (event_id);
CREATE INDEX feedback_events_pair ON feedback_events (user_id, movie_id, received_at) WHERE claimed_event_id IS NULL;
CREATE INDEX feedback_events_claim ON feedback_events (claimed_event_id) WHERE event_id IS NULL;

CREATE INDEX recommendation_events_pair ON recommendation_events_set_aside (user_id, movie_id, created_at);
CREATE INDEX recommendation_events_unsettled ON recommendation_events_set_aside (created_at) WHERE settled_at IS NULL;
CREATE INDEX recommendation_events_created ON recommendation_events_set_aside USING brin (created_at);
-- Outcomes are updates: room on the page keeps them out of the indexes.
ALTER TABLE recommendation_events_set_aside SET (fillfactor = 70);

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

-- The attribution rule, in one place: the impression a message names if it is the sender's, else the newest one
-- of this user and movie shown before the message was received; both within the window.
CREATE FUNCTION bandit_attribution(
    sender integer, movie integer, claimed bigint, received timestamptz, attribution_window interval
) RETURNS TABLE (event_id bigint, reason text) LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN verdict.reason IS NULL THEN e.id END, verdict.reason
    FROM (SELECT coalesce(claimed, (
        SELECT newest.id FROM recommendation_events_set_aside AS newest
        WHERE claimed IS NULL AND newest.user_id = sender AND newest.movie_id = movie
            AND newest.created_at BETWEEN received - attribution_window AND received
        ORDER BY newest.created_at DESC, newest.id DESC LIMIT 1
    )) AS id) AS meant
    LEFT JOIN recommendation_events_set_aside AS e ON e.id = meant.id
    CROSS JOIN LATERAL (SELECT CASE
        WHEN e.id IS NULL THEN 'unknown_impression'
        WHEN e.user_id <> sender THEN 'foreign_impression'
        WHEN received - e.created_at > attribution_window THEN 'outside_window'
    END AS reason) AS verdict
$$;

-- From which moment on events are complete; what happened before has been pruned, in part or whole.
CREATE TABLE bandit_retention (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    complete_from timestamptz NOT NULL
);
INSERT INTO bandit_retention (complete_from) VALUES ('-infinity');
