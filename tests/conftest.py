"""Fixtures of every test: a real PostgreSQL, and a new migrated database in it for each test."""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate
from hypothesis import settings
from psycopg import sql
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from infra.local import postgres, site

UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60")
_numbers = itertools.count()
settings.register_profile("untimed", settings.default, deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")


class ByFile(LoadFileScheduling):
    """Gives a file's tests to one process, so that what they share starts once; all of tests/infra to one, too.

    The mark `xdist_group` does nothing: pytest-xdist 3.8 writes it where pytest 9.2 no longer reads it.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "tests/infra" if nodeid.startswith("tests/infra/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the tests' measurements (`record_property`) from all processes."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Callable[[], Path]]:
    """Makes folders that PostgreSQL's own user can enter, unlike pytest's; removes them at the end."""
    with ExitStack() as stack:

        def make() -> Path:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bandit-tests-")))
            folder.chmod(0o711)
            return folder

        yield make


@pytest.fixture(scope="session")
def server(open_folder: Callable[[], Path]) -> Iterator[postgres.Postgres]:
    """One server per test process."""
    running = postgres.start(open_folder() / "postgres", UNSAFE_BUT_FAST)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of AWS on this machine. A test process has one account, with the resources of all its tests."""
    from moto.server import ThreadedMotoServer  # half a second, for the tests that need it

    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture(scope="session")
def template(server: postgres.Postgres) -> str:
    """A database with the site's own tables and ours, empty."""
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE template_bandit")
    url = _url(server, "template_bandit")
    with connect(url) as connection:
        site.create_tables(connection)
        migrate(connection)
    return "template_bandit"


@pytest.fixture
def empty_database_url(server: postgres.Postgres) -> Iterator[str]:
    """The address of an empty database."""
    yield from _database(server, "template1")


@pytest.fixture
def database_url(server: postgres.Postgres, template: str) -> Iterator[str]:
    """The address of a migrated database for this test only."""
    yield from _database(server, template)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to `database_url`, in autocommit as the functions use it."""
    with connect(database_url) as opened:
        yield opened


@pytest.fixture
def movielens() -> Path:
    """The folder of real ratings; without one the test is skipped."""
    if "MOVIELENS_DIR" not in os.environ:
        pytest.skip("MOVIELENS_DIR names no folder of real ratings")
    return Path(os.environ["MOVIELENS_DIR"])


def _database(server: postgres.Postgres, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        yield _url(server, name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _url(server: postgres.Postgres, database: str) -> str:
    return f"{server.url.rpartition('/')[0]}/{database}"
