"""Brings a database's tables to the newest form: forward only, each step once, one process at a time."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib.resources import files
from time import sleep
from typing import Final

from psycopg import errors

from bandit_selector.errors import DatabaseUnavailable
from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock

TRIES: Final = 90
LOCK_WAIT: Final = "1s"
PAUSE_SECONDS: Final = 1.0


def migrate(connection: Connection) -> list[str]:
    """Applies what is missing, in order; returns the names of those applied.

    Each step is a transaction of its own: a failure undoes that step and keeps those before, and the next run goes on
    from there. Another process that migrates is awaited.
    """
    with _alone(connection):
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bandit_migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {name for (name,) in connection.execute("SELECT name FROM bandit_migrations").fetchall()}
        missing = [step for step in steps() if step not in done]
        for step in missing:
            _apply(connection, step)
    return missing


def steps() -> list[str]:
    """The names of all migrations, oldest first."""
    return sorted(entry.name for entry in (files("bandit_selector") / "migrations").iterdir())


@contextmanager
def _alone(connection: Connection) -> Generator[None]:
    """Holds the lock of the session, because one of a transaction would end with the first step."""
    connection.execute("SELECT pg_advisory_lock(%s)", [Lock.MIGRATE])
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [Lock.MIGRATE])


def _apply(connection: Connection, step: str) -> None:
    """Raises DatabaseUnavailable if a table that the step changes is in use at each of TRIES tries.

    It waits for a lock only shortly, because all later statements on that table queue behind it.
    """
    for _ in range(TRIES):
        try:
            with connection.transaction():
                _run(connection, step)
        except errors.LockNotAvailable:
            sleep(PAUSE_SECONDS)
        else:
            return
    raise DatabaseUnavailable(
        f"The migration {step} found its tables in use at each of {TRIES} tries; try again later."
    )


def _run(connection: Connection, step: str) -> None:
    connection.execute(
        "SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', %s, true)", [LOCK_WAIT]
    )
    connection.execute((files("bandit_selector") / "migrations" / step).read_bytes())
    connection.execute("INSERT INTO bandit_migrations (name) VALUES (%s)", [step])
