"""Version 1.0: what a recommendation reads and records: one round trip each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bandit_selector.lists.slate import Place
from bandit_selector.store.connection import Connection
from bandit_selector.store.serving import Belief
from psycopg.types.json import Jsonb

from benchmarks.former.slate import Candidate


@dataclass(frozen=True, slots=True)
class Visitor:
    """Everything a list for one user is made of."""

    exists: bool
    ratings: int
    beliefs: Mapping[str, Sequence[Belief]]
    candidates: Mapping[str, Sequence[Candidate]]


def read_visitor(connection: Connection, user_id: int, context_keys: Sequence[str], arms: Sequence[str]) -> Visitor:
    """Reads a user, what is believed in these contexts, and the arms' unrated movies: one round trip."""
    with connection.pipeline():
        user = _user(connection, user_id)
        believed = _beliefs(connection, context_keys)
        listed = _candidates(connection, user_id, arms)
    exists, ratings = user.fetchone() or (False, 0)
    beliefs: dict[str, list[Belief]] = {}
    for context_key, *belief in believed:
        beliefs.setdefault(context_key, []).append(Belief(*belief))
    candidates = {arm: [Candidate(*movie) for movie in zip(*movies, strict=True)] for arm, *movies in listed}
    return Visitor(exists, ratings, beliefs, candidates)


def record_slate(
    connection: Connection,
    recommendation_id: UUID,
    user_id: int,
    places: Sequence[Place],
    context: Mapping[str, str],
    version: int | None,
    now: datetime,
) -> list[tuple[int, dict[str, Any]]]:
    """Records every place as an impression; returns (event id, the movie's own columns) in order of position."""
    return connection.execute(
        """
        WITH shown AS (
            INSERT INTO recommendation_events
                (recommendation_id, user_id, context, posterior_version, created_at,
                 algorithm, movie_id, position, recommendation_score, propensity)
            SELECT %s, %s, %s, %s, %s, place.*
            FROM unnest(%s::text[], %s::int[], %s::int[], %s::float8[], %s::float8[]) AS place
            RETURNING id, movie_id, position
        )
        SELECT shown.id, to_jsonb(movie) FROM shown JOIN movies AS movie ON movie.id = shown.movie_id
        ORDER BY shown.position
        """,
        [
            recommendation_id,
            user_id,
            Jsonb(dict(context)),
            version,
            now,
            [place.algorithm for place in places],
            [place.movie_id for place in places],
            [place.position for place in places],
            [place.score for place in places],
            [place.propensity for place in places],
        ],
    ).fetchall()  # type: ignore[return-value]


def _user(connection: Connection, user_id: int) -> Any:
    return connection.execute(
        """
        SELECT EXISTS (SELECT FROM users WHERE id = %(user)s),
            (SELECT count(*) FROM ratings WHERE user_id = %(user)s)
        """,
        {"user": user_id},
    )


def _beliefs(connection: Connection, context_keys: Sequence[str]) -> Any:
    return connection.execute(
        """
        SELECT context_key, algorithm, coalesce(state.alpha, 1), coalesce(state.beta, 1),
            posterior.probability, posterior.version
        FROM (SELECT * FROM bandit_states WHERE context_key = ANY(%(keys)s)) AS state
        FULL JOIN (SELECT * FROM bandit_posteriors WHERE context_key = ANY(%(keys)s)) AS posterior
            USING (context_key, algorithm)
        """,
        {"keys": list(context_keys)},
    )


def _candidates(connection: Connection, user_id: int, arms: Sequence[str]) -> Any:
    """The user's own lists, or user 0's for an arm that has none for the user; rated and vanished movies left out."""
    return connection.execute(
        """
        WITH list AS (
            SELECT DISTINCT ON (algorithm) algorithm, movie_ids, scores
            FROM recommendation_candidates
            WHERE user_id IN (0, %(user)s) AND algorithm = ANY(%(arms)s)
            ORDER BY algorithm, user_id DESC
        )
        SELECT list.algorithm,
            array_agg(entry.movie_id ORDER BY entry.rank),
            array_agg(entry.score ORDER BY entry.rank),
            array_agg(coalesce(popularity.long_tail, true) ORDER BY entry.rank)
        FROM list
        CROSS JOIN LATERAL unnest(list.movie_ids, list.scores) WITH ORDINALITY AS entry (movie_id, score, rank)
        JOIN movies ON movies.id = entry.movie_id
        LEFT JOIN movie_popularity AS popularity ON popularity.movie_id = entry.movie_id
        WHERE NOT EXISTS (
            SELECT FROM ratings WHERE ratings.user_id = %(user)s AND ratings.movie_id = entry.movie_id
        )
        GROUP BY list.algorithm
        """,
        {"user": user_id, "arms": list(arms)},
    )
