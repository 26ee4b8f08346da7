"""What a recommendation reads and records: one round trip each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from bandit_selector.lists.names import arm_of
from bandit_selector.lists.session import Session
from bandit_selector.lists.shadow import Shadow
from bandit_selector.lists.slate import ArmList, Place, as_recorded
from bandit_selector.lists.windows import Shown
from bandit_selector.store.connection import Connection
from bandit_selector.store.feedback_rule import numbers
from bandit_selector.store.movies import COLUMNS as OF_MOVIES
from bandit_selector.store.movies import Columns, movies_of
from bandit_selector.store.recent import Asked, read_recent, session_of
from bandit_selector.store.shadows import of_list
from bandit_selector.store.showing import COLUMNS, UNCHANGED, Showing, parameters, recording, values

EVERYBODY = 0
"""The user whose candidate lists are for everybody without lists of their own."""
_KEPT: Final[WeakKeyDictionary[Connection, tuple[str, Mapping[str, ArmList]]]] = WeakKeyDictionary()
"""The version of everybody's row that a connection read last, and its lists: they are sent again when it changes."""


class Belief(NamedTuple):
    """What is known of one arm in one context: its learned counts, and what was last published, if anything was."""

    arm: str
    alpha: float
    beta: float
    probability: float | None
    version: int | None


@dataclass(frozen=True, slots=True)
class Visitor:
    """Everything a list for one user is made of; `rated` has the movies not to show again.

    `shared` is the newest plan of treatment's share and that share, (plan, share); None before the first.
    """

    exists: bool
    rated: Sequence[int]
    beliefs: Mapping[str, Sequence[Belief]]
    own: Mapping[str, ArmList]
    everybodys: Mapping[str, ArmList]
    columns: Columns = ()  # those of the site's movies
    shared: tuple[str, float] | None = None
    session: Session | None = None  # what the visitor has just reacted to


Answered = tuple[Shown, dict[str, Any]]
"""A recorded place, and its movie's own columns."""


Rows = Sequence[tuple[Any, ...]]


_BELIEFS: Final = """
    SELECT context_key, algorithm, alpha, beta, probability, version
    FROM bandit_posteriors WHERE context_key = ANY(%(keys)s)
    UNION ALL -- as learned, before anything is published
    SELECT context_key, algorithm, alpha, beta, NULL, NULL
    FROM bandit_states
    WHERE context_key = ANY(%(keys)s)
        AND NOT EXISTS (SELECT FROM bandit_posteriors WHERE context_key = ANY(%(keys)s))
"""
"""SQL for what is known of the arms in the contexts `keys`, as the fields of `Belief` behind their context."""


class Offer(Protocol):
    """A movie that an arm would show, with the arm's own score."""

    @property
    def movie_id(self) -> int: ...
    @property
    def score(self) -> float: ...


def read_visitor(connection: Connection, user_id: int, context_keys: Sequence[str]) -> Visitor:
    """Reads a user, what is believed in these contexts, and the user's and everybody's lists: one round trip."""
    return read_visitor_and(connection, user_id, context_keys, None)[0]


def read_visitor_and(
    connection: Connection,
    user_id: int,
    context_keys: Sequence[str],
    more: Callable[[Connection], Any] | None,
    sent: Mapping[str, Sequence[Offer]] | None = None,
    recent: Asked | None = None,
) -> tuple[Visitor, Rows]:
    """The same, and the rows of one more statement, in the same round trip; with `recent` also the visitor's session.

    Lists that were `sent`, per arm from best to worst, take the place of all stored ones.
    """
    with connection.pipeline():
        known = _known(connection, user_id, context_keys)
        listed = _candidates(connection, user_id) if sent is None else _sent(connection, user_id, sent)
        said = read_recent(connection, recent) if recent else None
        asked = more(connection) if more else None
    exists, rated, plan, share, *facts = known.fetchone()
    lists = {owner: _lists_of(connection, owner, *columns) for owner, *columns in listed}
    columns = tuple(_rows(facts[:3]))
    beliefs: dict[str, list[Belief]] = {}
    for context_key, *belief in _rows(facts[3:]):
        beliefs.setdefault(context_key, []).append(Belief(*belief))
    own, everybodys = lists.get(user_id, {}), lists.get(EVERYBODY, {})
    in_force = None if plan is None or share is None else (plan, share)
    session = session_of(said.fetchall()) if said else None
    visitor = Visitor(exists, rated, beliefs, own, everybodys, columns, in_force, session)
    return visitor, asked.fetchall() if asked else ()


def record_list(
    connection: Connection, places: Sequence[Place], showing: Showing, now: datetime, shadow: Shadow | None = None
) -> list[Answered]:
    """Records a list of those places whose movie exists, with its shadow, and returns them. One round trip."""
    with recording(connection, showing, now):
        row = record_statement(connection, places, showing, now, shadow)
    return answered(row.fetchone(), places)


def answered(row: tuple[int, list[int], list[str]] | None, places: Sequence[Place]) -> list[Answered]:
    """What `record_statement` answers, place by place; positions count on where a movie was left out."""
    if row is None:
        return []
    list_id, indices, texts = row
    kept = [places[index] for index in indices]
    movies = movies_of({place.movie_id: text for place, text in zip(kept, texts, strict=True)})
    return [
        (Shown(place.at(places[0].position + at), list_id * 64 + at + 1), movies[place.movie_id])
        for at, place in enumerate(kept)
    ]


def record_statement(
    connection: Connection, places: Sequence[Place], showing: Showing, now: datetime, shadow: Shadow | None = None
) -> Any:
    """Records a list unless its seed has other lists than the `known`.

    One row: the list's id, the indices of the places whose movie exists, and the movies' texts; none if nothing was
    recorded.
    """
    drawn = [arm_of(place.algorithm) for place in places]
    arms = sorted({arm for arm in drawn if arm is not None})
    number: dict[str | None, int] = {arm: at for at, arm in enumerate(arms, start=1)}
    beside, of_shadow = of_list(shadow)
    return connection.execute(
        f"""
        WITH place AS MATERIALIZED (
            SELECT row_number() OVER (ORDER BY p.index)::integer AS number, p.*, movie.text AS movie
            FROM unnest(
                %(movie_ids)s::integer[], %(scores)s::real[], %(drawn)s::integer[], %(propensities)s::real[],
                %(whole)s::boolean[]
            ) WITH ORDINALITY AS p (movie_id, score, drawn, propensity, whole, index)
            CROSS JOIN LATERAL ( -- each by its index
                SELECT {showing.movie} AS text FROM movies WHERE movies.id = p.movie_id LIMIT 1
            ) AS movie
        ), list AS (
            INSERT INTO bandit_lists
                ({COLUMNS}, first_position, seed, algorithm, arms, drawn, movie_ids, scores, propensities, dropped_out)
            SELECT {values("count(*)")},
                %(first_position)s, %(seed)s::text, %(algorithm)s::text, %(arms)s::text[],
                decode(string_agg(lpad(to_hex(drawn), 2, '0'), '' ORDER BY number), 'hex'),
                array_agg(movie_id ORDER BY number), array_agg(score ORDER BY number),
                CASE WHEN %(algorithm)s::text IS NULL THEN array_agg(propensity ORDER BY number) END,
                bit_or(1::bigint << number) FILTER (WHERE NOT whole)
            FROM place
            HAVING count(*) > 0 AND {UNCHANGED}
            RETURNING id, created_at
        ), unsettled AS (
            INSERT INTO bandit_unsettled (list_id, created_at) SELECT id, created_at FROM list
        ){beside}
        SELECT list.id, array_agg(place.index - 1 ORDER BY place.number), array_agg(place.movie ORDER BY place.number)
        FROM list CROSS JOIN place GROUP BY list.id
        """.encode(),  # noqa: S608 # quoted names
        {
            **parameters(showing, now),
            "movie_ids": numbers([place.movie_id for place in places]),
            "scores": numbers([as_recorded(place.score) for place in places]),
            "drawn": numbers([number.get(arm) for arm in drawn]),
            "propensities": numbers([place.propensity for place in places]),
            "whole": numbers([place.whole for place in places]),
            "first_position": places[0].position if places else 1,
            "seed": showing.seed,
            "algorithm": None if arms or not places else places[0].algorithm,
            "arms": arms or None,
            "known": showing.known,
            **of_shadow,
        },
        binary=True,
    )


def _known(connection: Connection, user_id: int, context_keys: Sequence[str]) -> Any:
    """One row: the user, the newest plan of the share, and column by column those of `movies` and the beliefs."""
    return connection.execute(
        f"""
        SELECT EXISTS (SELECT FROM users WHERE id = %(user)s),
            ARRAY(SELECT movie_id FROM ratings WHERE user_id = %(user)s), newest.plan, newest.share,
            described.*, believed.*
        FROM (
            SELECT array_agg(name), array_agg(size), array_agg(sent) FROM ({OF_MOVIES}) AS c
        ) AS described
        CROSS JOIN (
            SELECT array_agg(context_key), array_agg(algorithm), array_agg(alpha), array_agg(beta),
                array_agg(probability), array_agg(version)
            FROM ({_BELIEFS}) AS b
        ) AS believed
        LEFT JOIN (SELECT plan, share FROM bandit_shares ORDER BY id DESC LIMIT 1) AS newest ON true
        """.encode(),  # noqa: S608 # our own SQL
        {"user": user_id, "keys": list(context_keys)},
        binary=True,
    )


def _rows(columns: Sequence[Sequence[Any] | None]) -> Iterator[tuple[Any, ...]]:
    """The rows of these columns, as array_agg answers them: NULL if there is none."""
    return zip(*(column or () for column in columns), strict=True)


def _candidates(connection: Connection, user_id: int) -> Any:
    return connection.execute(
        """
        SELECT c.user_id, c.xmin::text, news.*
        FROM bandit_candidates AS c
        LEFT JOIN LATERAL (SELECT c.arms, c.lengths, c.movie_ids, c.scores, c.long_tail) AS news
            ON c.user_id <> %(everybody)s OR c.xmin::text <> %(kept)s
        WHERE c.user_id = ANY(ARRAY[%(everybody)s, %(user)s]::bigint[])
        """,
        {"everybody": EVERYBODY, "user": user_id, "kept": _KEPT.get(connection, ("", {}))[0]},
        binary=True,
    )


def _sent(connection: Connection, user_id: int, sent: Mapping[str, Sequence[Offer]]) -> Any:
    """Lists that came with the request, in the form of stored ones: what is long tail is known here only."""
    offers = [offer for arm in sent for offer in sent[arm]]
    return connection.execute(
        """
        SELECT %(user)s::bigint, '', %(arms)s::text[], %(lengths)s::integer[], %(movie_ids)s::integer[],
            %(scores)s::float8[], ARRAY(
                SELECT coalesce(p.long_tail, true)
                FROM unnest(%(movie_ids)s::integer[]) WITH ORDINALITY AS m (movie_id, place)
                LEFT JOIN movie_popularity AS p ON p.movie_id = m.movie_id
                ORDER BY m.place
            )
        """,
        {
            "user": user_id,
            "arms": list(sent),
            "lengths": [len(sent[arm]) for arm in sent],
            "movie_ids": [offer.movie_id for offer in offers],
            "scores": [offer.score for offer in offers],
        },
        binary=True,
    )


def _lists_of(
    connection: Connection, owner: int, version: str, arms: Sequence[str] | None, *columns: Any
) -> Mapping[str, ArmList]:
    """The lists of a row; those that this connection has kept where it is the same row as then."""
    if arms is None:
        return _KEPT[connection][1]
    lists = _arm_lists(arms, *columns)
    if owner == EVERYBODY:
        _KEPT[connection] = version, lists
    return lists


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
