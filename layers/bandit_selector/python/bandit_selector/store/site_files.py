"""Filling the site's own tables from files, where the database is new. Never used on tables that a site writes."""

from collections.abc import Iterable
from typing import Final, LiteralString

from psycopg.sql import SQL, Identifier

from bandit_selector.errors import InvalidRequest
from bandit_selector.store.connection import Connection

COLUMNS: Final[dict[str, LiteralString]] = {
    "users": "id integer PRIMARY KEY",
    "movies": "id integer PRIMARY KEY, title text NOT NULL, genres json",
    "ratings": "user_id integer NOT NULL, movie_id integer NOT NULL, rating real NOT NULL"
    ' CHECK (rating BETWEEN 0.5 AND 5), "timestamp" timestamptz NOT NULL DEFAULT now(),'
    " PRIMARY KEY (user_id, movie_id)",
}


def load_rows(connection: Connection, table: str, content: Iterable[bytes]) -> int:
    """Appends a CSV file, whose first line names the columns, to one of the site's tables; returns how many rows.

    A missing table is made with the columns that the service needs. One transaction; raises InvalidRequest for a table
    that is none of the site's, and what PostgreSQL says of a row that it refuses.
    """
    if table not in COLUMNS:
        raise InvalidRequest([{"field": "table", "message": f"must be one of {', '.join(COLUMNS)}", "value": table}])
    chunks = iter(content)
    first = next(chunks, b"")
    head, _, _ = first.partition(b"\n")
    names = [name.strip() for name in head.decode("utf-8-sig").strip().split(",")]
    name, columns = Identifier(table), SQL(", ").join(map(Identifier, names))
    with connection.transaction():
        connection.execute(SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(name, SQL(COLUMNS[table])))
        cursor = connection.cursor()
        with cursor.copy(SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER)").format(name, columns)) as copy:
            copy.write(first)
            for chunk in chunks:
                copy.write(chunk)
    connection.execute(SQL("ANALYZE {}").format(name))
    return cursor.rowcount
