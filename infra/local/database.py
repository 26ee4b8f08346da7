"""The database of a command: DATABASE_URL, else the running service's, else this checkout's own, started for it."""

from collections.abc import Generator
from contextlib import contextmanager, nullcontext

from bandit_selector.settings import read_settings
from bandit_selector.store.connection import Connection, connect, named_failures, unit

from infra.local import lock, postgres, site
from infra.local.installation import LOCAL, running


@contextmanager
def open_database(*, in_steps: bool = False) -> Generator[Connection]:
    """An autocommit connection for one command; a server started for it is stopped afterwards.

    Through a pooler the command is one transaction, unless it makes each of its steps a `unit`.

    Raises DatabaseUnavailable, or PostgresFailed if the embedded server does not start.
    """
    pooled = read_settings().database_pooled
    with (
        named_failures(),
        database_url() as url,
        connect(url, statement_seconds=0, pooled=pooled) as connection,
        nullcontext() if in_steps else unit(connection),
    ):
        yield connection


@contextmanager
def database_url() -> Generator[str]:
    """The address behind `open_database`."""
    service = running()
    if url := read_settings().database_url or (service[1].database if service else ""):
        yield url
        return
    with lock.held(LOCAL / "serve"):
        server = postgres.start(LOCAL / "serve" / "postgres")
        try:
            with connect(server.url) as connection:
                site.create_tables(connection)
            yield server.url
        finally:
            server.stop()
