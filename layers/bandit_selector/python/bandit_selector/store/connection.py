"""How the product reaches PostgreSQL, and what a failure there is called."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias, TypeVar

import psycopg
from psycopg import errors

from bandit_selector.errors import DatabaseUnavailable, MissingTable

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

CONNECT_SECONDS: Final = 5
T = TypeVar("T")


def connect(url: str, *, statement_seconds: float = 30, plan_once: bool = False) -> Connection:
    """An autocommit connection; the server cancels a statement after `statement_seconds`, after 0 never.

    With `plan_once` a statement that comes again is not planned again for its new parameters: for statements whose
    parameters never change the best plan. Raises DatabaseUnavailable when nobody answers within five seconds.
    """
    plan = " -c plan_cache_mode=force_generic_plan" if plan_once else ""
    options = f"-c statement_timeout={int(statement_seconds * 1000)}{plan}"
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
    except (psycopg.OperationalError, errors.ReadOnlySqlTransaction) as error:
        raise DatabaseUnavailable(f"The database did not answer: {error}") from error


@contextmanager
def transaction(connection: Connection) -> Generator[None]:
    """One transaction whose BEGIN and COMMIT travel with its statements, so that no lock waits for this process's turn.

    What a statement answers can be read inside, for a round trip, or afterwards, for none.
    """
    try:
        with connection.pipeline():
            connection.execute("BEGIN")
            yield
            connection.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise


class Database:
    """One connection for a process's whole life, opened when first needed and again when it has broken."""

    def __init__(self, address: Callable[[], str], *, statement_seconds: float = 30, plan_once: bool = False) -> None:
        self._address = address
        self._statement_seconds = statement_seconds
        self._plan_once = plan_once
        self._connection: Connection | None = None

    def connection(self) -> Connection:
        """The open connection; raises DatabaseUnavailable."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(
                self._address(), statement_seconds=self._statement_seconds, plan_once=self._plan_once
            )
        return self._connection

    def run(self, work: Callable[[Connection], T]) -> T:
        """Does work that may change something, once: a failure is the caller's to answer.

        A server that only reads now was the primary once: its connection is dropped, and the next finds the new one.
        """
        with named_failures():
            try:
                return work(self.connection())
            except errors.ReadOnlySqlTransaction:
                self.close()
                raise

    def read(self, work: Callable[[Connection], T]) -> T:
        """Does work that changes nothing; on a broken connection it opens another and does the work again."""
        known = self._connection
        try:
            return self.run(work)
        except DatabaseUnavailable:
            if known is None or not known.closed:
                raise
            return self.run(work)

    def close(self) -> None:
        """Forgets the connection; the next use opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
