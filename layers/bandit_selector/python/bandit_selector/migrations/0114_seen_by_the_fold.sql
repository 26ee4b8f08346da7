-- The attribution rule: the impression a message names if it is the sender's, else the newest one of this user and
-- movie shown before the message was received; both within the window. An id that carries another day than
-- `received_at` is refused, because the log is looked through by the times of its ids; so an id that is more than a day
-- older than the list it names names none: whether it was read depended on the other lists of a batch. The caller knows a
-- span of time that has every list which can be meant: as constants, its bounds leave partitions out of the plan.
CREATE OR REPLACE FUNCTION bandit_attribution(
    sender bigint, movie bigint, claimed bigint, received timestamptz, id_time timestamptz,
    attribution_window interval, since timestamptz, until timestamptz
) RETURNS TABLE (event_id bigint, reason text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN verdict.reason IS NULL THEN meant.id END, verdict.reason
    FROM (SELECT) AS one
    LEFT JOIN LATERAL (
        SELECT claimed AS id, l.user_id, l.created_at FROM bandit_lists AS l -- place 0 stands for the whole list
        WHERE l.id = claimed >> 6
            AND l.created_at >= bandit_second(claimed >> 6)
            AND l.created_at < bandit_second(claimed >> 6) + interval '1 second'
            AND l.created_at >= since AND l.created_at < until
            AND (claimed & 63) <= cardinality(l.movie_ids)
        UNION ALL
        SELECT claimed, e.user_id, e.created_at FROM recommendation_events_set_aside AS e
        WHERE e.id = claimed AND bandit_is_old(claimed) AND e.recommendation_id IS NOT NULL
        UNION ALL
        SELECT * FROM (
            SELECT * FROM (
                (
                    SELECT l.id * 64 + array_position(l.movie_ids, movie::integer) AS id, l.user_id, l.created_at
                    FROM bandit_lists AS l
                    WHERE l.user_id = sender AND movie::integer = ANY(l.movie_ids)
                        AND l.created_at BETWEEN received - attribution_window AND received
                        AND l.created_at >= since AND l.created_at < until
                    ORDER BY l.created_at DESC, l.id DESC LIMIT 1
                )
                UNION ALL
                (
                    SELECT e.id, e.user_id, e.created_at FROM recommendation_events_set_aside AS e
                    WHERE e.user_id = sender AND e.movie_id = movie
                        AND e.created_at BETWEEN received - attribution_window AND received
                        AND e.recommendation_id IS NOT NULL
                    ORDER BY e.created_at DESC, e.id DESC LIMIT 1
                )
            ) AS of_pair
            ORDER BY of_pair.created_at DESC, of_pair.id DESC LIMIT 1
        ) AS newest
        WHERE claimed IS NULL -- outside, so that nothing is sorted for a message that names its impression
    ) AS meant ON true
    CROSS JOIN LATERAL (SELECT CASE
        WHEN id_time <> '-infinity' AND abs(extract(epoch FROM id_time - received)) > 86400 THEN 'contradictory_id'
        WHEN meant.id IS NULL OR (claimed IS NOT NULL AND NOT bandit_is_old(claimed) AND id_time <> '-infinity'
            AND id_time < bandit_second(claimed >> 6) - interval '1 day') THEN 'unknown_impression'
        WHEN meant.user_id <> sender THEN 'foreign_impression'
        WHEN received - meant.created_at > attribution_window THEN 'outside_window'
    END AS reason) AS verdict
$$;
