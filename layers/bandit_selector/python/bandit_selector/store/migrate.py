"""Brings a database's tables to the newest form: forward only, each step once, one process at a time."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib.resources import files

from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock


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
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute((files("bandit_selector") / "migrations" / step).read_bytes())
        connection.execute("INSERT INTO bandit_migrations (name) VALUES (%s)", [step])
