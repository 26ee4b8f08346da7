"""How the product reaches PostgreSQL, directly or through a pooler, and what a failure there is called."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo

from bandit_selector.errors import DatabaseUnavailable, DatabaseWaking, MissingTable
from bandit_selector.store import session
from bandit_selector.store.address import parts_of

CONNECT_SECONDS: Final = 4.0
WAKING_SECONDS: Final = 60.0
"""A connection to a database that has paused: Aurora takes about 15 seconds to resume, 30 and more after a day."""
PREPARED_AFTER: Final = 5  # runs of a statement, psycopg's own number
NETWORK: Final = {  # a peer that the network has lost is noticed in seconds, not in the kernel's quarter of an hour
    "tcp_user_timeout": "5000",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "client_encoding": "utf8",
    "application_name": "bandit-selector",
}
T = TypeVar("T")


class NoAnswer(psycopg.OperationalError):
    """The server was silent until a deadline: it is frozen, or cannot be reached any more."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that waits for an answer until `deadline` (a monotonic clock's seconds), then closes.

    `pooled` is what each transaction sets for itself, because a pooler gives every transaction another session.
    """

    deadline: float | None = None
    pooled: Mapping[str, str] | None = None
    in_transaction: bool = False

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """psycopg's own, within the deadline."""
        if self.deadline is None:
            return super().wait(gen, interval, timeout)
        left = max(0.0, self.deadline - monotonic())
        try:
            return super().wait(gen, min(interval, left), left)
        except errors._WaitTimeout:  # pyright: ignore[reportPrivateUsage] # psycopg documents it under this name
            self.pgconn.finish()
            raise NoAnswer("it was silent until the deadline of this work") from None

    @contextmanager
    def within(self, deadline: float | None) -> Generator[None]:
        """Every wait inside ends at `deadline`."""
        before, self.deadline = self.deadline, deadline
        try:
            yield
        finally:
            self.deadline = before


def connect(
    url: str,
    *,
    statement_seconds: float = 30,
    plan_once: bool = False,
    pooled: bool = False,
    connect_seconds: float = CONNECT_SECONDS,
    role: str = "",
) -> Connection:
    """An autocommit connection; the server cancels a statement after `statement_seconds`, after 0 never.

    With `plan_once` a statement that comes again is not planned again for its new parameters: for statements whose
    parameters never change the best plan. What `url` itself sets of the network wins. A `pooled` connection is to a
    pooler in transaction mode: it prepares nothing, and its work is done inside `unit`. The session acts as `role`
    where that exists and its user may. Raises InvalidSetting for an address that cannot be read, DatabaseUnavailable
    when the server does not answer within `connect_seconds`.
    """
    parts = {**NETWORK, "connect_timeout": str(max(2, int(connect_seconds))), **parts_of(url)}
    wanted = session.settings(statement_seconds, plan_once=plan_once, role=role)
    try:
        threshold = None if pooled else PREPARED_AFTER
        opened = Connection.connect(make_conninfo("", **parts), autocommit=True, prepare_threshold=threshold)
        if pooled:
            opened.pooled = wanted
            return opened
        with opened.within(monotonic() + connect_seconds):
            session.fix(opened, wanted, for_transaction=False)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"The database cannot be reached: {error}") from error
    return opened


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

    What a statement answers can be read inside, for a round trip, or afterwards, for none. Inside `unit` of a pooled
    connection it is part of that transaction.
    """
    if connection.in_transaction:
        with connection.pipeline():
            yield
        return
    try:
        with connection.pipeline():
            connection.execute("BEGIN")
            yield
            connection.execute("COMMIT")
    except BaseException:
        _give_up(connection)
        raise


def _give_up(connection: Connection) -> None:
    """Rolls back; a connection that cannot do that is of no more use."""
    try:
        if not connection.closed:
            connection.rollback()
    except psycopg.Error:
        connection.close()


@contextmanager
def unit(connection: Connection) -> Generator[None]:
    """One unit of work: on a pooled connection a transaction that sets what it relies on, else nothing at all."""
    if connection.pooled is None or connection.in_transaction:
        yield
        return
    try:
        with connection.pipeline():
            connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE NOT DEFERRABLE")
            session.fix(connection, connection.pooled, for_transaction=True)
        connection.in_transaction = True
        yield
        connection.execute("COMMIT")
    except BaseException:
        _give_up(connection)
        raise
    finally:
        connection.in_transaction = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How a database is used, and for how long.

    `patience`: seconds for one piece of work together with its connection; None is without end. With `prove` the server
    has to answer within CONNECT_SECONDS before each piece of work, for work that may rightly take longer. `role` is
    whose rights a session has, where that role exists; see `connect`. A database that `pauses` is said to be waking up
    when it lets a connection wait.
    """

    statement_seconds: float
    plan_once: bool
    pooled: bool
    patience: float | None
    prove: bool
    role: str
    connect_seconds: float
    pauses: bool


class Database:
    """One connection for a process's whole life, opened when first needed and again when it has broken."""

    def __init__(
        self,
        address: Callable[[], str],
        *,
        statement_seconds: float = 30,
        plan_once: bool = False,
        pooled: bool = False,
        patience: float | None = None,
        prove: bool = False,
        role: str = "",
        connect_seconds: float = WAKING_SECONDS,
        pauses: bool = False,
    ) -> None:
        self._address = address
        self._limits = Limits(statement_seconds, plan_once, pooled, patience, prove, role, connect_seconds, pauses)
        self._connection: Connection | None = None

    def connection(self, deadline: float | None = None) -> Connection:
        """The open connection; raises DatabaseUnavailable, and DatabaseWaking where it pauses."""
        if self._connection is None or self._connection.closed:
            self._connection = self._opened(deadline)
        return self._connection

    def _opened(self, deadline: float | None) -> Connection:
        limits = self._limits
        most = limits.connect_seconds
        try:
            return connect(
                self._address(),
                statement_seconds=limits.statement_seconds,
                plan_once=limits.plan_once,
                pooled=limits.pooled,
                connect_seconds=most if deadline is None else min(most, deadline - monotonic()),
                role=limits.role,
            )
        except DatabaseUnavailable as error:
            if limits.pauses and isinstance(error.__cause__, errors.ConnectionTimeout | NoAnswer):
                raise DatabaseWaking(str(error)) from error
            raise

    def run(self, work: Callable[[Connection], T]) -> T:
        """Does work that may change something, once: a failure is the caller's to answer.

        A server that only reads now was the primary once: its connection is dropped, and the next finds the new one.
        """
        return self._run(work, self._deadline())

    def run_in_steps(self, work: Callable[[Connection], T]) -> T:
        """The same for work that makes each of its steps a `unit`: a lock or a transaction ends with its step."""
        return self._run(work, self._deadline(), in_steps=True)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Does work that changes nothing; if an open connection turns out broken, once more on another."""
        known, deadline = self._connection, self._deadline()
        opened = known if known and not known.closed else None
        try:
            return self._run(work, deadline)
        except DatabaseUnavailable as error:
            if opened is None or not opened.closed or isinstance(error.__cause__, NoAnswer):
                raise
            return self._run(work, deadline)

    def close(self) -> None:
        """Forgets the connection; the next use opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _deadline(self) -> float | None:
        return None if self._limits.patience is None else monotonic() + self._limits.patience

    def _run(self, work: Callable[[Connection], T], deadline: float | None, *, in_steps: bool = False) -> T:
        with named_failures():
            try:
                connection = self.connection(deadline)
                if self._limits.prove:
                    with connection.within(monotonic() + CONNECT_SECONDS):
                        connection.execute("SELECT 1")
                with connection.within(deadline), nullcontext() if in_steps else unit(connection):
                    return work(connection)
            except errors.ReadOnlySqlTransaction:
                self.close()
                raise
