-- What acts with the owner's rights looks for a temporary table of its caller's last.
SELECT set_config('search_path', current_setting('search_path') || ', pg_temp', true);
ALTER FUNCTION bandit_hear(bigint, jsonb, jsonb, text) SET search_path FROM CURRENT;
ALTER FUNCTION bandit_hide(bigint) SET search_path FROM CURRENT;
ALTER FUNCTION bandit_make_partitions(timestamptz, timestamptz) SET search_path FROM CURRENT;
ALTER FUNCTION bandit_drop_partition(text, text) SET search_path FROM CURRENT;

-- Jobs of two arms write lists of one visitor at the same time: the second's row had only what its own statement saw.
-- A visitor's row is locked first, so that a statement of its own then sees what the lock's last holder has committed;
-- a row that does not exist is made for that. Popularity changes while no job writes lists (Lock.LISTS).
CREATE OR REPLACE FUNCTION bandit_refresh_candidates(users bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7310113);
    INSERT INTO bandit_candidates SELECT id, '{}', '{}', '{}', '{}', '{}' FROM unnest(users) AS id ORDER BY id
    ON CONFLICT DO NOTHING;
    PERFORM FROM bandit_candidates WHERE user_id = ANY(users) ORDER BY user_id FOR UPDATE;
    WITH list AS (
        SELECT r.user_id, r.algorithm::text AS algorithm, array_agg(entry.movie_id ORDER BY entry.rank) AS movie_ids,
            array_agg(entry.score ORDER BY entry.rank) AS scores,
            array_agg(coalesce(popularity.long_tail, true) ORDER BY entry.rank) AS long_tail
        FROM recommendation_candidates AS r
        CROSS JOIN LATERAL (
            SELECT DISTINCT ON (movie_id) movie_id, score, rank
            FROM unnest(r.movie_ids, r.scores) WITH ORDINALITY AS e (movie_id, score, rank)
            WHERE movie_id > 0 AND score > '-infinity' AND score < 'infinity'
            ORDER BY movie_id, rank
        ) AS entry
        LEFT JOIN movie_popularity AS popularity ON popularity.movie_id = entry.movie_id
        WHERE r.user_id = ANY(users)
        GROUP BY r.user_id, r.algorithm
    ), emptied AS (
        DELETE FROM bandit_candidates AS c
        WHERE c.user_id = ANY(users) AND NOT EXISTS (SELECT FROM list WHERE list.user_id = c.user_id)
    )
    INSERT INTO bandit_candidates AS c (user_id, arms, lengths, movie_ids, scores, long_tail)
    SELECT user_id, array_agg(algorithm ORDER BY algorithm), array_agg(cardinality(movie_ids) ORDER BY algorithm),
        bandit_concatenated(movie_ids ORDER BY algorithm), bandit_concatenated(scores ORDER BY algorithm),
        bandit_concatenated(long_tail ORDER BY algorithm)
    FROM list
    GROUP BY user_id
    ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE
    SET arms = excluded.arms, lengths = excluded.lengths, movie_ids = excluded.movie_ids, scores = excluded.scores,
        long_tail = excluded.long_tail
    WHERE (c.arms, c.lengths, c.movie_ids, c.scores, c.long_tail) IS DISTINCT FROM
        (excluded.arms, excluded.lengths, excluded.movie_ids, excluded.scores, excluded.long_tail);
END $$;

CREATE OR REPLACE FUNCTION bandit_popularity_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movies integer[];
BEGIN
    IF TG_OP = 'INSERT' THEN movies := ARRAY(SELECT movie_id FROM new_rows WHERE NOT long_tail);
    ELSIF TG_OP = 'DELETE' THEN movies := ARRAY(SELECT movie_id FROM old_rows WHERE NOT long_tail);
    ELSE movies := ARRAY(
        SELECT movie_id FROM old_rows FULL JOIN new_rows USING (movie_id)
        WHERE coalesce(old_rows.long_tail, true) <> coalesce(new_rows.long_tail, true));
    END IF;
    IF cardinality(movies) > 0 THEN
        PERFORM pg_advisory_xact_lock(7310113);
        PERFORM bandit_refresh_candidates(ARRAY(SELECT user_id FROM bandit_candidates WHERE movie_ids && movies));
    END IF;
    RETURN NULL;
END $$;

-- A site's job needs rights on the documented tables only, and no search path.
ALTER FUNCTION bandit_candidates_changed() SECURITY DEFINER SET search_path FROM CURRENT;
ALTER FUNCTION bandit_candidates_updated() SECURITY DEFINER SET search_path FROM CURRENT;
ALTER FUNCTION bandit_candidates_truncated() SECURITY DEFINER SET search_path FROM CURRENT;
ALTER FUNCTION bandit_popularity_changed() SECURITY DEFINER SET search_path FROM CURRENT;

-- What jobs at the same time have lost. A list that has a movie twice, or a score that is not finite, is made again, too.
SELECT bandit_refresh_candidates(ARRAY(
    SELECT user_id FROM (
        SELECT user_id, array_agg(algorithm::text ORDER BY algorithm::text) AS arms,
            bandit_concatenated(movie_ids ORDER BY algorithm::text) AS movie_ids,
            bandit_concatenated(scores ORDER BY algorithm::text) AS scores
        FROM recommendation_candidates GROUP BY user_id
    ) AS due FULL JOIN bandit_candidates AS c USING (user_id)
    WHERE (due.arms, due.movie_ids, due.scores) IS DISTINCT FROM (c.arms, c.movie_ids, c.scores)
));
