"""The candidates' builder's reads and its one write. Knows PostgreSQL and the tables; scores nothing."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, LiteralString

import numpy as np
from numpy.typing import NDArray

from bandit_selector.health.genres import parse_genres
from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock

# COPY's binary form of two integers and two double precisions: a 19-byte header, then rows of one width.
_HEADER: Final = 19
_TRAILER: Final = 2
_ROW: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("l1", ">i4"),
        ("user", ">i4"),
        ("l2", ">i4"),
        ("movie", ">i4"),
        ("l3", ">i4"),
        ("rating", ">f8"),
        ("l4", ">i4"),
        ("seconds", ">f8"),
    ]
)

USABLE: Final[LiteralString] = """
    user_id BETWEEN 1 AND 2147483647 AND movie_id BETWEEN 1 AND 2147483647
    AND rating::double precision BETWEEN 0.5 AND 5
"""
"""A row of ratings that the algorithms can learn from: NULL, NaN, other scales and ids beyond 2³¹ − 1 are left out."""

UNUSABLE: Final[LiteralString] = f"SELECT count(*) FROM ratings WHERE ({USABLE}) IS NOT TRUE"  # noqa: S608 # a constant

RatingColumns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]
CandidateRow = tuple[int, str, Sequence[int], Sequence[float]]
NeighbourRow = tuple[int, Sequence[int], Sequence[float], Sequence[float]]
"""A movie, its neighbours, and per neighbour the transition and the cosine."""


def read_ratings(connection: Connection) -> RatingColumns:
    """(user ids, movie ids, ratings, seconds since 1970) of every usable row of the site's table, 36 bytes a rating.

    The seconds are NaN where the rating has no moment: a NULL, or no column `timestamp` of that type.
    """
    # Where `ratings` has no such column, its name is the outer one's.
    columns = """
        SELECT r.* FROM (SELECT NULL::timestamptz AS "timestamp") AS absent CROSS JOIN LATERAL (
            SELECT user_id::integer, movie_id::integer, rating::double precision,
                coalesce(extract(epoch FROM bandit_moment("timestamp", 'UTC'))::double precision, 'NaN')
            FROM ratings WHERE """
    with connection.cursor().copy("COPY (" + columns + USABLE + ") AS r) TO STDOUT (FORMAT binary)") as copy:
        content = b"".join(copy)
    rows = np.frombuffer(content, _ROW, offset=_HEADER, count=(len(content) - _HEADER - _TRAILER) // _ROW.itemsize)
    movies, seconds = rows["movie"].astype(np.int64), rows["seconds"].astype(np.float64)
    return rows["user"].astype(np.int64), movies, rows["rating"].astype(np.float64), seconds


def unusable_ratings(connection: Connection) -> int:
    """How many rows of the site's ratings are left out; 0 where the site has no such table."""
    known = connection.execute("SELECT to_regclass('ratings') IS NOT NULL").fetchone()
    if known is None or not known[0]:
        return 0
    row = connection.execute(UNUSABLE).fetchone()
    return row[0] if row else 0


def read_movies(connection: Connection) -> list[tuple[int, tuple[str, ...]]]:
    """(id, genres) of every movie with a usable id, by id."""
    rows = connection.execute(
        "SELECT id::integer, genres::text FROM movies WHERE id BETWEEN 1 AND 2147483647 ORDER BY id"
    )
    return [(movie, parse_genres(genres)) for movie, genres in rows]


def replace_candidates(
    connection: Connection,
    algorithms: Sequence[str],
    lists: Iterable[CandidateRow],
    popularity: Iterable[tuple[int, int, bool]],
    now: datetime,
    neighbours: Iterable[NeighbourRow] | None = None,
) -> int:
    """Put new lists of these algorithms in place of all old ones, and (movie id, ratings, long tail) likewise.

    The neighbours of all movies are replaced, too; None leaves those that are there.
    One transaction: a reader sees all of the old or all of the new. The lists are taken one by one and never held;
    if taking one fails, nothing has changed. Lists of other algorithms stay. Returns how many lists were written.
    """
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.CANDIDATES])
        _arrive(connection, lists, now)
        connection.execute("DELETE FROM recommendation_candidates WHERE algorithm = ANY(%s)", [list(algorithms)])
        # Popularity while there are no lists: a movie that enters the long tail changes every list that has it.
        connection.execute("DELETE FROM movie_popularity")
        with connection.cursor().copy("COPY movie_popularity (movie_id, ratings, long_tail) FROM STDIN") as copy:
            for row in popularity:
                copy.write_row(row)
        if neighbours is not None:
            _replace_neighbours(connection, neighbours)
        written = connection.execute(
            "INSERT INTO recommendation_candidates (user_id, algorithm, movie_ids, scores, updated_at)"
            " SELECT user_id, algorithm, movie_ids, scores, updated_at FROM arriving_candidates"
        ).rowcount
    connection.execute("ANALYZE recommendation_candidates, bandit_candidates, movie_popularity, movie_neighbours")
    return written


def _replace_neighbours(connection: Connection, neighbours: Iterable[NeighbourRow]) -> None:
    connection.execute("DELETE FROM movie_neighbours")
    statement = "COPY movie_neighbours (movie_id, movie_ids, transitions, cosines) FROM STDIN"
    with connection.cursor().copy(statement) as copy:
        for movie, *columns in neighbours:
            copy.write_row((movie, *map(list, columns)))


def _arrive(connection: Connection, lists: Iterable[CandidateRow], now: datetime) -> None:
    connection.execute("CREATE TEMPORARY TABLE arriving_candidates (LIKE recommendation_candidates) ON COMMIT DROP")
    statement = "COPY arriving_candidates (user_id, algorithm, movie_ids, scores, updated_at) FROM STDIN"
    with connection.cursor().copy(statement) as copy:
        for user_id, algorithm, movie_ids, scores in lists:
            copy.write_row((user_id, algorithm, list(movie_ids), list(scores), now))
