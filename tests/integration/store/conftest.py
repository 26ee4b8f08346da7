"""Fixtures: an installation of the version before lists, as it was and migrated."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate
from psycopg.sql import SQL, Identifier

from infra.local.postgres import Postgres
from tests.integration.activity import copy_database
from tests.integration.store.former import Former, dump_at

_numbers = itertools.count()


@pytest.fixture(scope="session")
def installation(server: Postgres) -> Former:
    url = copy_database(server, "template1", "former")
    dump, now = dump_at(datetime.now(UTC))
    with connect(url) as connection:
        connection.execute(dump.encode())
    return Former(url, now)


@pytest.fixture
def now(installation: Former) -> datetime:
    """The moment that the installation shows, within the last day."""
    return installation.now


@pytest.fixture
def former(server: Postgres, installation: Former) -> Iterator[Connection]:
    """The installation, before its migration."""
    yield from _copy(server, installation.url)


@pytest.fixture(scope="session")
def migrated_url(server: Postgres, installation: Former) -> str:
    url = copy_database(server, installation.url.rpartition("/")[2], "former_migrated")
    with connect(url) as connection:
        migrate(connection)
    return url


@pytest.fixture
def carried(server: Postgres, migrated_url: str) -> Iterator[Connection]:
    """The installation, migrated."""
    yield from _copy(server, migrated_url)


def _copy(server: Postgres, url: str) -> Iterator[Connection]:
    name = f"former_{next(_numbers)}"
    with connect(copy_database(server, url.rpartition("/")[2], name)) as opened:
        yield opened
    with connect(server.url) as admin:
        admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
