"""Which columns of the site's `movies` an answer has, by their types. Writes SQL only.

The site may add and drop columns at any time, so the catalog is read with each list, in its round trip.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, LiteralString, NamedTuple

from psycopg import sql

from bandit_selector.jsontext import from_json

LARGEST: Final = 4096  # bytes of a value that is sent without being asked for
NEEDED: Final = ("id", "title", "genres")
SPARE: Final = 8  # levels of nesting by which an answer may be deeper than what is read: it can be written then, too
WHOLE: Final = "to_json(movies.*)::text"
"""A movie with every column; `.*`, because a column may have the table's name."""
GENRES: Final[LiteralString] = """
    CASE WHEN left(to_json(movies.genres)::text, 1) = '"' THEN movies.genres::text ELSE to_json(movies.genres)::text END
"""
"""SQL for a movie's genres as `parse_genres` reads them: a text as it is, an array as a list of JSON."""

COLUMNS: Final = """
    SELECT a.attname::text AS name,
        CASE WHEN t.typlen <> -1 THEN NULL
            WHEN t.typname IN ('text', 'varchar', 'bpchar', 'json') THEN 'octet_length'
            ELSE 'pg_column_size'
        END AS size,
        t.typname NOT IN ('bytea', 'tsvector', 'vector', 'halfvec', 'sparsevec', 'cube', '_float4', '_float8') AS sent
    FROM pg_attribute AS a
    JOIN pg_type AS declared ON declared.oid = a.atttypid
    JOIN pg_type AS t ON t.oid = coalesce(nullif(declared.typbasetype, 0), declared.oid)
    WHERE a.attrelid = to_regclass('movies') AND a.attnum > 0 AND NOT a.attisdropped
        AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
    ORDER BY a.attnum
"""
"""SQL for the columns that this role may read, as the fields of `Column`."""
Columns = tuple[tuple[Any, ...], ...]
"""The rows of that statement."""


class Column(NamedTuple):
    """A column of `movies`; `size` is the SQL function that measures its values, None if they are small.

    `sent` is false for vectors and bytes, which no page reads.
    """

    name: str
    size: str | None
    sent: bool


def movies_of(texts: Mapping[int, str]) -> dict[int, dict[str, Any]]:
    """Each movie's columns, by the texts of the rows; only its id where a value is nested deeper than Python reads."""
    try:
        return dict(zip(texts, _value_of(f"[{','.join(texts.values())}]"), strict=True))
    except RecursionError:
        return {movie_id: _movie_of(movie_id, text) for movie_id, text in texts.items()}


def _movie_of(movie_id: int, text: str) -> dict[str, Any]:
    try:
        return _value_of(text)
    except RecursionError:
        return {"id": movie_id}


def _value_of(text: str) -> Any:
    value = from_json(f"{'[' * SPARE}{text}{']' * SPARE}")
    for _ in range(SPARE):
        (value,) = value
    return value


@lru_cache(64)
def movie_json(columns: Columns, wanted: Sequence[str]) -> str:
    """SQL for the text of one row of `movies`: the `wanted` columns that exist, beside those that are NEEDED.

    Without any wanted: all but vectors and bytes, and null for a value of more than LARGEST bytes.
    """
    if wanted:
        parts = [_plain(column) for column in map(Column._make, columns) if column.name in {*NEEDED, *wanted}]
    else:
        parts = [_bounded(column) for column in map(Column._make, columns) if column.sent]
    return f"(SELECT to_json(m.*)::text FROM (SELECT {', '.join(parts)}) AS m)" if parts else WHOLE  # noqa: S608 # quoted names


def _plain(column: Column) -> str:
    return f"movies.{_quoted(column.name)} AS {_quoted(column.name)}"


def _bounded(column: Column) -> str:
    if column.size is None or column.name in NEEDED:
        return _plain(column)
    value = f"movies.{_quoted(column.name)}"
    measured = f"{value}::text" if column.size == "octet_length" else value
    return f"CASE WHEN {column.size}({measured}) <= {LARGEST} THEN {value} END AS {_quoted(column.name)}"


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string(None).replace("%", "%%")
