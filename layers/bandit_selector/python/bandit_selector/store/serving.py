"""What a recommendation reads and records: one round trip each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Any

from bandit_selector.lists.names import arm_of
from bandit_selector.lists.slate import ArmList, Place
from bandit_selector.store.connection import Connection

EVERYBODY = 0
"""The user whose candidate lists are for everybody without lists of their own."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What is known of one arm in one context: its learned counts, and what was last published, if anything was."""

    arm: str
    alpha: float
    beta: float
    probability: float | None
    version: int | None


@dataclass(frozen=True, slots=True)
class Visitor:
    """Everything a list for one user is made of; `rated` has the movies not to show again."""

    exists: bool
    rated: Sequence[int]
    beliefs: Mapping[str, Sequence[Belief]]
    own: Mapping[str, ArmList]
    everybodys: Mapping[str, ArmList]


@dataclass(frozen=True, slots=True)
class Showing:
    """What is recorded of a list beside its places; see bandit_lists."""

    user_id: int
    context_key: str
    ab_group: str | None
    silence: str
    seed: str | None
    version: int | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A list as it was recorded: its id, and per place the given place's index and the movie's own columns."""

    list_id: int
    movies: list[tuple[int, dict[str, Any]]]


def read_visitor(connection: Connection, user_id: int, context_keys: Sequence[str]) -> Visitor:
    """Reads a user, what is believed in these contexts, and the user's and everybody's lists: one round trip."""
    with connection.pipeline():
        user = _user(connection, user_id)
        believed = _beliefs(connection, context_keys)
        listed = _candidates(connection, user_id)
    exists, rated = user.fetchone() or (False, ())
    beliefs: dict[str, list[Belief]] = {}
    for context_key, *belief in believed:
        beliefs.setdefault(context_key, []).append(Belief(*belief))
    lists = {owner: _arm_lists(*columns) for owner, *columns in listed}
    return Visitor(exists, rated, beliefs, lists.get(user_id, {}), lists.get(EVERYBODY, {}))


def record_list(connection: Connection, places: Sequence[Place], showing: Showing, now: datetime) -> Recorded | None:
    """Records a list of those places whose movie exists; None when there is none. One statement."""
    arms = sorted({arm for place in places if (arm := arm_of(place.algorithm)) is not None})
    rows = connection.execute(
        """
        WITH place AS MATERIALIZED (
            SELECT row_number() OVER (ORDER BY p.index)::integer AS number, p.*, movie.text AS movie
            FROM unnest(%(movie_ids)s::integer[], %(scores)s::real[], %(drawn)s::integer[], %(propensities)s::real[])
                WITH ORDINALITY AS p (movie_id, score, drawn, propensity, index)
            CROSS JOIN LATERAL ( -- each by its index
                SELECT to_json(movies)::text AS text FROM movies WHERE movies.id = p.movie_id LIMIT 1
            ) AS movie
        ), list AS (
            INSERT INTO bandit_lists
                (id, created_at, user_id, posterior_version, first_position, context_key, ab_group, silence, seed,
                 algorithm, arms, drawn, movie_ids, scores, propensities)
            SELECT bandit_list_id(%(now)s), %(now)s, %(user_id)s, %(version)s, %(first_position)s, %(context_key)s,
                %(ab_group)s, %(silence)s, %(seed)s, %(algorithm)s::text, %(arms)s::text[],
                decode(string_agg(lpad(to_hex(drawn), 2, '0'), '' ORDER BY number), 'hex'),
                array_agg(movie_id ORDER BY number), array_agg(score ORDER BY number),
                CASE WHEN %(algorithm)s::text IS NULL THEN array_agg(propensity ORDER BY number) END
            FROM place HAVING count(*) > 0
            RETURNING id, created_at
        ), unsettled AS (
            INSERT INTO bandit_unsettled (list_id, created_at) SELECT id, created_at FROM list
        )
        SELECT list.id, place.index - 1, place.movie FROM list CROSS JOIN place ORDER BY place.number
        """,
        {
            "movie_ids": [place.movie_id for place in places],
            "scores": [place.score for place in places],
            "drawn": [arms.index(arm) + 1 if (arm := arm_of(place.algorithm)) else None for place in places],
            "propensities": [place.propensity for place in places],
            "now": now,
            "user_id": showing.user_id,
            "version": showing.version,
            "first_position": places[0].position if places else 1,
            "context_key": showing.context_key,
            "ab_group": showing.ab_group,
            "silence": showing.silence,
            "seed": showing.seed,
            "algorithm": None if arms or not places else places[0].algorithm,
            "arms": arms or None,
        },
    ).fetchall()
    movies = [(index, json.loads(movie)) for _, index, movie in rows]
    return Recorded(rows[0][0], movies) if rows else None


def _user(connection: Connection, user_id: int) -> Any:
    return connection.execute(
        """
        SELECT EXISTS (SELECT FROM users WHERE id = %(user)s),
            ARRAY(SELECT movie_id FROM ratings WHERE user_id = %(user)s)
        """,
        {"user": user_id},
        binary=True,
    )


def _beliefs(connection: Connection, context_keys: Sequence[str]) -> Any:
    return connection.execute(
        """
        SELECT context_key, algorithm, alpha, beta, probability, version
        FROM bandit_posteriors WHERE context_key = ANY(%(keys)s)
        UNION ALL -- as learned, before anything is published
        SELECT context_key, algorithm, alpha, beta, NULL, NULL
        FROM bandit_states
        WHERE context_key = ANY(%(keys)s)
            AND NOT EXISTS (SELECT FROM bandit_posteriors WHERE context_key = ANY(%(keys)s))
        """,
        {"keys": list(context_keys)},
        binary=True,
    )


def _candidates(connection: Connection, user_id: int) -> Any:
    return connection.execute(
        """
        SELECT user_id, arms, lengths, movie_ids, scores, long_tail FROM bandit_candidates
        WHERE user_id = ANY(ARRAY[%(everybody)s, %(user)s]::bigint[])
        """,
        {"everybody": EVERYBODY, "user": user_id},
        binary=True,
    )


def _arm_lists(
    arms: Sequence[str],
    lengths: Sequence[int],
    movie_ids: Sequence[int],
    scores: Sequence[float],
    long_tail: Sequence[bool],
) -> dict[str, ArmList]:
    bounds = pairwise(accumulate(lengths, initial=0))
    return {
        arm: ArmList(movie_ids[start:end], scores[start:end], long_tail[start:end])
        for arm, (start, end) in zip(arms, bounds, strict=True)
    }
