"""Brings a database's tables to the newest form: forward only, each step once, one process at a time."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from time import monotonic, sleep
from typing import Final

from psycopg import errors

from bandit_selector.errors import DatabaseUnavailable, SiteRefused
from bandit_selector.store import adoption, inventory, site
from bandit_selector.store.adoption import Wish
from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock
from bandit_selector.store.roles import grant_roles, open_functions

PATIENCE_SECONDS: Final = 600.0
LOCK_WAIT: Final = "300ms"
PAUSE_SECONDS: Final = 1.0
ADOPTED: Final = "the view recommendation_events"


def migrate(
    connection: Connection,
    wish: Wish | None = None,
    *,
    patience: float = PATIENCE_SECONDS,
    statement_seconds: float = 0,
) -> list[str]:
    """Applies what is missing, in order; returns the names of those applied.

    Each step is a transaction of its own: a failure undoes that step and keeps those before, and the next run goes on
    from there. Another process that migrates is awaited. Everything is made in the schema where the site's tables are.
    The last step sets a site's own `recommendation_events` aside. Roles are granted at the end, as every step may make
    tables. Raises SiteRefused if that cannot be done, before anything is changed; DatabaseUnavailable if a table is in
    use at each try for `patience` seconds; TableDropped.

    With `statement_seconds` the server itself ends a statement after that time, and the session of a process that is
    silent for so long: a process that is stopped half-way leaves no lock behind.
    """
    if statement_seconds:
        _bound(connection, statement_seconds)
    with alone(connection, patience), site.home(connection):
        missing, wanted = pending(connection), wish or Wish("UTC")
        if reasons := list(refusals(connection, missing, wanted)):
            raise SiteRefused(reasons)
        if missing:
            _prepare(connection)
        for step in missing:
            in_use(connection, step, lambda step=step: _run(connection, step), patience, statement_seconds)
        inventory.check(connection)
        if due := adoption.statements(connection, wanted):
            in_use(connection, ADOPTED, lambda: _adopt(connection, due), patience, statement_seconds)
            missing.append(ADOPTED)
        connection.execute(open_functions().encode())
        grant_roles(connection)
    return missing


def _bound(connection: Connection, seconds: float) -> None:
    """Lets the server close this session when its process is silent, between statements or in a transaction."""
    silent = f"{int(seconds * 1000)}ms"
    limits = {
        "idle_in_transaction_session_timeout": silent,
        "idle_session_timeout": silent,
        "client_connection_check_interval": "5s",
    }
    connection.execute(
        "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS l (name, value)",
        [list(limits), list(limits.values())],
    )


def steps() -> list[str]:
    """The names of all migrations, oldest first."""
    return sorted(entry.name for entry in (files("bandit_selector") / "migrations").iterdir())


def pending(connection: Connection) -> list[str]:
    """The names of the migrations that this database lacks."""
    if site.kind_of(connection, "bandit_migrations") is None:
        return steps()
    done = {name for (name,) in connection.execute("SELECT name FROM bandit_migrations").fetchall()}
    return [step for step in steps() if step not in done]


def refusals(connection: Connection, missing: Sequence[str], wish: Wish) -> Iterator[str]:
    """Each reason why the `missing` steps and the view cannot be made here, as a sentence with the remedy."""
    if steps()[0] in missing or adoption.is_due(connection):
        yield from adoption.refusals(connection)
    if missing or adoption.statements(connection, wish):
        yield from adoption.unentitled(connection)


def script(step: str) -> str:
    """A step's SQL, as one transaction runs it."""
    return (files("bandit_selector") / "migrations" / step).read_text()


def _prepare(connection: Connection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS bandit_migrations"
        " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
    )


@contextmanager
def alone(connection: Connection, patience: float) -> Generator[None]:
    """Holds the lock of the session, because one of a transaction would end with the first step."""
    deadline = monotonic() + patience
    while connection.execute("SELECT pg_try_advisory_lock(%s)", [Lock.MIGRATE]).fetchone() != (True,):
        if monotonic() > deadline:
            raise DatabaseUnavailable(f"Another migration has run for {patience:.0f} seconds; wait for it, or end it.")
        sleep(0.1)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [Lock.MIGRATE])


def in_use(
    connection: Connection, step: str, work: Callable[[], None], patience: float, statement_seconds: float = 0
) -> None:
    """Raises DatabaseUnavailable, with the blocker's name, if a table is in use at each try for `patience` seconds.

    It waits for a lock only shortly, because all later statements on that table queue behind it.
    """
    deadline = monotonic() + patience
    while True:
        try:
            with connection.transaction():
                connection.execute(
                    "SELECT set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)",
                    [f"{int(statement_seconds * 1000)}ms", LOCK_WAIT],
                )
                work()
        except errors.LockNotAvailable:
            if monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The migration stopped before {step}: its tables were in use at each try for {patience:.0f}"
                    f" seconds, {_blocker(connection)}. Wait for it or end it, then run the migration again; it goes"
                    " on from there."
                ) from None
            sleep(PAUSE_SECONDS)
        else:
            return


def _run(connection: Connection, step: str) -> None:
    connection.execute(script(step).encode())
    connection.execute("INSERT INTO bandit_migrations (name) VALUES (%s)", [step])


def _adopt(connection: Connection, statements: list[str]) -> None:
    """In one message: the site's table is locked meanwhile, and each way to the server and back would be added."""
    connection.execute(";\n".join(statements).encode())


def _blocker(connection: Connection) -> str:
    """Who has used one of our or the site's tables for longest, as far as this role may see it."""
    row = connection.execute(
        """
        SELECT format('last by process %s (user %s, application %s, %s since %s: %s)', a.pid, a.usename,
            coalesce(nullif(a.application_name, ''), 'without a name'), a.state, a.xact_start::timestamptz(0),
            left(coalesce(a.query, '?'), 80))
        FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
        WHERE l.granted AND l.pid <> pg_backend_pid() AND l.relation IN (
            SELECT oid FROM pg_class WHERE relnamespace = (
                SELECT relnamespace FROM pg_class WHERE oid = to_regclass('bandit_migrations')))
        ORDER BY a.xact_start LIMIT 1
        """
    ).fetchone()
    return row[0] if row else "by a process that has ended since"
