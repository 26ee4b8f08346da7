-- One row a user for serving, kept equal to `recommendation_candidates`, which stays the way in for the site's jobs.

CREATE TABLE bandit_candidates (
    user_id bigint PRIMARY KEY,
    arms text[] NOT NULL,
    lengths integer[] NOT NULL, -- how many of the movies are each arm's, in the order of `arms`
    movie_ids integer[] NOT NULL, -- per arm from best to worst, one arm after the next
    scores real[] NOT NULL,
    long_tail boolean[] NOT NULL
);
CREATE AGGREGATE bandit_concatenated (anycompatiblearray) (sfunc = array_cat, stype = anycompatiblearray);

-- Each movie stands once per arm, at its best place. An unknown movie id or a score that is not finite is left out.
CREATE FUNCTION bandit_refresh_candidates(users bigint[]) RETURNS void LANGUAGE sql AS $$
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
        (excluded.arms, excluded.lengths, excluded.movie_ids, excluded.scores, excluded.long_tail)
$$;

CREATE FUNCTION bandit_candidates_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bandit_refresh_candidates(ARRAY(SELECT DISTINCT user_id FROM changed));
    RETURN NULL;
END $$;
CREATE FUNCTION bandit_candidates_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bandit_refresh_candidates(ARRAY(SELECT user_id FROM old_rows UNION SELECT user_id FROM new_rows));
    RETURN NULL;
END $$;
CREATE FUNCTION bandit_candidates_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE bandit_candidates;
    RETURN NULL;
END $$;
CREATE TRIGGER bandit_candidates_inserted AFTER INSERT ON recommendation_candidates
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION bandit_candidates_changed();
CREATE TRIGGER bandit_candidates_deleted AFTER DELETE ON recommendation_candidates
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION bandit_candidates_changed();
CREATE TRIGGER bandit_candidates_updated AFTER UPDATE ON recommendation_candidates
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION bandit_candidates_updated();
CREATE TRIGGER bandit_candidates_truncated AFTER TRUNCATE ON recommendation_candidates
    FOR EACH STATEMENT EXECUTE FUNCTION bandit_candidates_truncated();

-- A movie that enters or leaves the long tail: every list that has it.
CREATE FUNCTION bandit_popularity_changed() RETURNS trigger LANGUAGE plpgsql AS $$
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
        PERFORM bandit_refresh_candidates(ARRAY(SELECT user_id FROM bandit_candidates WHERE movie_ids && movies));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER bandit_popularity_inserted AFTER INSERT ON movie_popularity
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION bandit_popularity_changed();
CREATE TRIGGER bandit_popularity_deleted AFTER DELETE ON movie_popularity
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION bandit_popularity_changed();
CREATE TRIGGER bandit_popularity_updated AFTER UPDATE ON movie_popularity
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION bandit_popularity_changed();

SELECT bandit_refresh_candidates(ARRAY(SELECT DISTINCT user_id FROM recommendation_candidates));
