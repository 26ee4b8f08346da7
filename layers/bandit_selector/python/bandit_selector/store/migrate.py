"""Brings a database's tables to the newest form: forward only, each step once, one process at a time."""

from importlib.resources import files

from bandit_selector.store.connection import Connection
from bandit_selector.store.locks import Lock


def migrate(connection: Connection) -> list[str]:
    """Applies what is missing, in order, all in one transaction; returns the names of those applied."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [Lock.MIGRATE])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bandit_migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {name for (name,) in connection.execute("SELECT name FROM bandit_migrations").fetchall()}
        missing = [step for step in steps() if step not in done]
        connection.execute("SET LOCAL statement_timeout = 0")
        for step in missing:
            connection.execute((files("bandit_selector") / "migrations" / step).read_bytes())
            connection.execute("INSERT INTO bandit_migrations (name) VALUES (%s)", [step])
    return missing


def steps() -> list[str]:
    """The names of all migrations, oldest first."""
    return sorted(entry.name for entry in (files("bandit_selector") / "migrations").iterdir())
