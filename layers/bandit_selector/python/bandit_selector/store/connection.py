"""How the product reaches PostgreSQL, and what a failure there is called."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import errors

from bandit_selector.errors import DatabaseUnavailable, MissingTable

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

CONNECT_SECONDS: Final = 5


def connect(url: str, *, statement_seconds: float = 30) -> Connection:
    """An autocommit connection; a statement that runs longer than `statement_seconds` is cancelled by the server.

    Raises DatabaseUnavailable when nobody answers within five seconds.
    """
    options = f"-c statement_timeout={int(statement_seconds * 1000)}"
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS, options=options)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"The database cannot be reached: {error}") from error


@contextmanager
def named_failures() -> Generator[None]:
    """Turns what psycopg raises into the product's own errors; what is neither outage nor missing table passes."""
    try:
        yield
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction) as error:
        raise MissingTable(error.diag.message_primary or str(error)) from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"The database did not answer: {error}") from error
