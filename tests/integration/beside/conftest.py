"""Fixtures: a site with its old application's tables and history, before Bandit Selector and beside it."""

import itertools
from collections.abc import Iterator

import pytest
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate
from psycopg.sql import SQL, Identifier
from sqlalchemy.orm import Session

from infra.local.postgres import Postgres
from tests.integration.activity import copy_database
from tests.integration.beside import old_application

_numbers = itertools.count()


@pytest.fixture(scope="session")
def site_template(server: Postgres) -> str:
    url = copy_database(server, "template1", "site")
    with connect(url) as connection:
        old_application.install(connection, 2_000)
    return url


@pytest.fixture(scope="session")
def adopted_template(server: Postgres, site_template: str) -> str:
    url = copy_database(server, name_of(site_template), "site_adopted")
    with connect(url) as connection:
        migrate(connection)
    return url


@pytest.fixture
def site_url(server: Postgres, site_template: str) -> Iterator[str]:
    """The address of a site as it is before Bandit Selector."""
    yield from _copy(server, site_template)


@pytest.fixture
def adopted_url(server: Postgres, adopted_template: str) -> Iterator[str]:
    """The address of the site with Bandit Selector beside its application."""
    yield from _copy(server, adopted_template)


@pytest.fixture
def site(site_url: str) -> Iterator[Connection]:
    with connect(site_url) as opened:
        yield opened


@pytest.fixture
def adopted(adopted_url: str) -> Iterator[Connection]:
    with connect(adopted_url) as opened:
        yield opened


@pytest.fixture
def application(adopted_url: str) -> Iterator[Session]:
    """The old application's session in the adopted database."""
    with old_application.opened(adopted_url) as session:
        yield session


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def _copy(server: Postgres, template: str) -> Iterator[str]:
    name = f"{name_of(template)}_{next(_numbers)}"
    yield copy_database(server, name_of(template), name)
    with connect(server.url) as admin:
        admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
