"""The candidates' builder's reads and its one write. Knows PostgreSQL and the tables; scores nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import sql
from psycopg.types.numeric import Int4

from bandit_selector.health.genres import parse_genres
from bandit_selector.store.columns import integers, reals
from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock
from bandit_selector.store.movies import GENRES

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

ANALYZED: Final[LiteralString] = """
    ANALYZE recommendation_candidates (user_id, algorithm), bandit_candidates (user_id), movie_popularity,
        movie_neighbours (movie_id)
"""
"""Keys only: no plan asks what is in the arrays, and to count their elements takes seconds."""

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
        "SELECT id::integer, " + GENRES + " FROM movies WHERE id BETWEEN 1 AND 2147483647 ORDER BY id"  # noqa: S608 # a constant
    )
    return [(movie, parse_genres(genres)) for movie, genres in rows]


@dataclass(frozen=True, slots=True)
class Replaced:
    """How many lists there are now, and how many of them differed from the old ones and were written."""

    lists: int
    written: int


def replace_candidates(
    connection: Connection,
    algorithms: Sequence[str],
    lists: Iterable[CandidateRow],
    popularity: Iterable[tuple[int, int, bool]],
    now: datetime,
    neighbours: Iterable[NeighbourRow] | None = None,
) -> Replaced:
    """Put new lists of these algorithms in place of all old ones, and (movie id, ratings, long tail) likewise.

    The neighbours of all movies are replaced, too; None leaves those that are there. All ids are below 2³¹, as those of
    `read_ratings` are. One transaction: a reader sees all of the old or all of the new. The lists are taken one by one
    and never held; if taking one fails, nothing has changed. Lists of other algorithms stay. A row that stays equal is
    not written; those of user 0 always are, so that the newest `updated_at` is that of the last build.
    """
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.CANDIDATES])
        dated = ((Int4(user), name, integers(ids), reals(scores), now) for user, name, ids, scores in lists)
        arrived = _arrive(connection, LISTS, dated)
        # Popularity first: a movie that enters the long tail changes every list that has it.
        _arrive(connection, POPULARITY, ((Int4(movie), Int4(rated), tail) for movie, rated, tail in popularity))
        _put(connection, POPULARITY)
        if neighbours is not None:
            near = ((Int4(movie), integers(ids), reals(by), reals(alike)) for movie, ids, by, alike in neighbours)
            _arrive(connection, NEIGHBOURS, near)
            _put(connection, NEIGHBOURS)
        written = _put(connection, LISTS, sql.SQL("algorithm = ANY({})").format(list(algorithms)), EVERYBODYS)
    connection.execute(ANALYZED)
    return Replaced(arrived, written)


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is replaced: its key, the columns that make a row another one, and those that do not."""

    name: str
    key: tuple[str, ...]
    compared: tuple[str, ...]
    more: tuple[str, ...] = ()

    @property
    def arriving(self) -> sql.Identifier:
        """The temporary table of the new rows."""
        return sql.Identifier(f"arriving_{self.name}")


LISTS: Final = Table("recommendation_candidates", ("user_id", "algorithm"), ("movie_ids", "scores"), ("updated_at",))
POPULARITY: Final = Table("movie_popularity", ("movie_id",), ("ratings", "long_tail"))
NEIGHBOURS: Final = Table("movie_neighbours", ("movie_id",), ("movie_ids", "transitions", "cosines"))
EVERY: Final = sql.SQL("true")
NONE: Final = sql.SQL("false")
EVERYBODYS: Final = sql.SQL("user_id = 0")


def _arrive(connection: Connection, table: Table, rows: Iterable[tuple[object, ...]]) -> int:
    """Copies rows of (key, compared, more), each of its column's type, into the temporary table; returns how many."""
    columns = _names(table.key + table.compared + table.more)
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            table.arriving, columns, sql.Identifier(table.name)
        )
    )
    number = 0
    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(table.arriving)) as copy:
        for number, row in enumerate(rows, 1):  # noqa: B007 # the last number is how many
            copy.write_row(row)
    connection.execute(sql.SQL("ANALYZE {} ({})").format(table.arriving, _names(table.key)))
    return number


def _put(connection: Connection, table: Table, scope: sql.Composable = EVERY, always: sql.Composable = NONE) -> int:
    """Makes the rows of `scope` those that arrived; writes none that stays equal but `always`, and returns how many."""
    parts = {
        "table": sql.Identifier(table.name),
        "arriving": table.arriving,
        "columns": _names(table.key + table.compared + table.more),
        "key": _names(table.key),
        "same_key": _same(table.key),
        "same": _same(table.key + table.compared),
        "sets": sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in table.compared + table.more
        ),
        "scope": scope,
        "always": always,
    }
    gone = "DELETE FROM {table} AS old WHERE {scope} AND NOT EXISTS (SELECT FROM {arriving} AS new WHERE {same_key})"
    connection.execute(sql.SQL(gone).format(**parts))
    changed = (
        "INSERT INTO {table} ({columns}) SELECT {columns} FROM {arriving} AS new"
        " WHERE {always} OR NOT EXISTS (SELECT FROM {table} AS old WHERE {same})"
        " ON CONFLICT ({key}) DO UPDATE SET {sets}"
    )
    return connection.execute(sql.SQL(changed).format(**parts)).rowcount


def _same(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(" AND ").join(sql.SQL("old.{0} = new.{0}").format(sql.Identifier(name)) for name in columns)


def _names(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
