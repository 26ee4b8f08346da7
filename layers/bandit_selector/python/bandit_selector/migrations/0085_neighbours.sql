-- Each movie's neighbours, from which an arm makes a list while the visitor is in a session. The reference builder
-- writes them; a site may write its own.

-- A movie's neighbours as serving reads them, in 12 bytes each; array_send would cost it half a millisecond a list.
CREATE FUNCTION bandit_packed(movie_ids integer[], transitions real[], cosines real[]) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_agg(int4send(movie) || float4send(transition) || float4send(cosine), ''::bytea ORDER BY place)
    FROM unnest(movie_ids, transitions, cosines) WITH ORDINALITY AS n (movie, transition, cosine, place)
$$;
CREATE TABLE movie_neighbours (
    movie_id integer PRIMARY KEY,
    movie_ids integer[] NOT NULL,
    transitions real[] NOT NULL, -- how much more often than by chance visitors rate the neighbour soon after the movie
    cosines real[] NOT NULL, -- how alike the ratings of both are
    packed bytea GENERATED ALWAYS AS (bandit_packed(movie_ids, transitions, cosines)) STORED,
    CHECK ((array_ndims(movie_ids) = 1 AND array_ndims(transitions) = 1 AND array_ndims(cosines) = 1) IS TRUE),
    CHECK (cardinality(movie_ids) = cardinality(transitions) AND cardinality(movie_ids) = cardinality(cosines)),
    CHECK (num_nulls(array_position(movie_ids, NULL), array_position(transitions, NULL), array_position(cosines, NULL)) = 3)
);
-- What serving reads of 300 neighbours stays in the row's page and needs no unpacking; the arrays are kept apart.
ALTER TABLE movie_neighbours SET (toast_tuple_target = 4096);
ALTER TABLE movie_neighbours ALTER movie_ids SET STORAGE EXTERNAL, ALTER transitions SET STORAGE EXTERNAL,
    ALTER cosines SET STORAGE EXTERNAL, ALTER packed SET STORAGE MAIN;
-- The most-rated movies, which are few.
CREATE INDEX movie_popularity_head ON movie_popularity (movie_id) WHERE NOT long_tail;

-- The moment of a site's own column: one without time zone is by the clock of `zone`; any other type tells none.
CREATE FUNCTION bandit_moment(at timestamptz, zone text) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT at
$$;
CREATE FUNCTION bandit_moment(at timestamp, zone text) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT at AT TIME ZONE zone
$$;
CREATE FUNCTION bandit_moment(at anyelement, zone text) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT NULL::timestamptz
$$;
