"""Whatever the database's session settings are, and with or without a pooler: the same lists, counts and figures."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from bandit_selector.errors import MissingTable
from bandit_selector.settings import Settings
from bandit_selector.store import session
from bandit_selector.store.connection import Database, connect, unit
from bandit_selector.store.migrate import migrate
from bandit_selector.store.verification import first_difference
from psycopg import sql

from functions.feedback.handler import consume
from functions.feedback.settle import settle_due
from functions.monitor import analytics
from functions.select.handler import respond
from infra.local.candidates import build_watched
from infra.local.postgres import Postgres
from tests.integration.activity import copy_database
from tests.integration.events import NOW, http_event, load_site, queue_event
from tests.integration.pooler import pooler

SETTINGS: Final = Settings()
ODD: Final = [
    ("DateStyle", "SQL, DMY"),
    ("DateStyle", "German"),
    ("IntervalStyle", "iso_8601"),
    ("TimeZone", "America/St_Johns"),
    ("search_path", "elsewhere"),
    ("search_path", ""),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_isolation", "repeatable read"),
    ("default_transaction_read_only", "on"),
    ("default_transaction_deferrable", "on"),
    ("lock_timeout", "40"),
    ("statement_timeout", "40"),
    ("idle_in_transaction_session_timeout", "40"),
    ("transaction_timeout", "40"),
    ("extra_float_digits", "-15"),
    ("bytea_output", "escape"),
    ("standard_conforming_strings", "off"),
    ("array_nulls", "off"),
    ("client_encoding", "LATIN1"),
    ("client_min_messages", "debug1"),
    ("plan_cache_mode", "force_custom_plan"),
]
FIXED: Final = [name.lower() for name in session.FIXED]
STATISTICS: Final = ("/analytics/bandit/stats", "/analytics/performance", "/analytics/timeline")


@pytest.fixture(scope="module")
def pooled(server: Postgres, open_folder: Callable[[], Path]) -> Iterator[str]:
    with pooler(server.url, open_folder()) as url:
        yield url


def lived(url: str, *, pooled: bool) -> list[Any]:
    """A list, clicks on it, silence and figures, through the functions' own code; without ids that depend on time."""
    with closing(Database(lambda: url, plan_once=True, pooled=pooled, patience=4)) as database:
        movies = _list(database)
        clicks = [_click(number, movie["event_id"]) for number, movie in enumerate(movies[::2])]
        consume(queue_event(*clicks), database, SETTINGS)
        settle_due(NOW + timedelta(hours=1), SETTINGS, database, lambda: True)
        figures = [_figures(database, route) for route in STATISTICS]
        wrong = database.read(first_difference)
    return [[(movie["id"], movie["algorithm"], movie["propensity"]) for movie in movies], figures, wrong]


def _list(database: Database) -> list[dict[str, Any]]:
    return json.loads(respond(http_event({"user_id": "1", "limit": "10", "seed": "s"}), SETTINGS, database)["body"])


def _click(number: int, event_id: int) -> str:
    at = (NOW + timedelta(minutes=1)).isoformat()
    about = {"message_id": f"00000000-0000-7000-8000-{number:012}", "action": "click", "user_id": 1}
    return json.dumps({**about, "event_id": event_id, "occurred_at": at, "received_at": at})


def _figures(database: Database, route: str) -> Any:
    event = http_event(scope="analytics", at=NOW + timedelta(hours=1)) | {"routeKey": f"GET {route}"}
    return json.loads(analytics.respond(event, SETTINGS, database)["body"])


@pytest.fixture(scope="module")
def site(server: Postgres, template: str) -> str:
    """A database with a small site, to be copied."""
    url = copy_database(server, template, "sessions")
    with connect(url) as connection:
        load_site(connection)
    return "sessions"


@pytest.fixture(scope="module")
def expected(server: Postgres, site: str) -> list[Any]:
    found = lived(copy_database(server, site, "sessions_usual"), pooled=False)
    assert found[2] is None
    return found


def alter(url: str, chosen: list[tuple[str, str]]) -> str:
    """Makes these the settings of every new session of a database, those that its version has; returns its address."""
    with connect(url) as connection:
        database = sql.Identifier(url.rpartition("/")[2])
        connection.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(database))
        known = {name for (name,) in connection.execute("SELECT lower(name) FROM pg_settings")}
        for name, value in (setting for setting in chosen if setting[0].lower() in known):
            change = sql.SQL("ALTER DATABASE {} SET {} = {}")
            connection.execute(change.format(database, sql.Identifier(name.lower()), sql.Literal(value)))
    return url


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("through", ["directly", "pooled"])
def test_the_databases_own_settings_do_not_matter(
    server: Postgres, site: str, expected: list[Any], request: pytest.FixtureRequest, last: bool, through: str
) -> None:
    chosen = dict(ODD if last else reversed(ODD))
    name = f"session_{last}_{through}".lower()
    url = alter(copy_database(server, site, name), list(chosen.items()))
    front: str = request.getfixturevalue("pooled") if through == "pooled" else ""
    assert lived(f"{front}/{name}" if front else url, pooled=bool(front)) == expected


@pytest.mark.parametrize("through", ["directly", "pooled"])
def test_each_setting_is_fixed(server: Postgres, site: str, request: pytest.FixtureRequest, through: str) -> None:
    name = f"fixed_{through}"
    url = copy_database(server, site, name)
    front: str = request.getfixturevalue("pooled") if through == "pooled" else ""
    for odd in ODD:
        alter(url, [odd])
        address = f"{front}/{name}" if front else url
        with connect(address, pooled=bool(front)) as connection, unit(connection):
            known = connection.execute("SELECT name FROM pg_settings WHERE lower(name) = ANY(%s)", [FIXED]).fetchall()
            shown = {one: connection.execute("SELECT current_setting(%s)", [one]).fetchone() for (one,) in known}
            assert connection.execute("SELECT count(*) FROM users").fetchone() == (3,), odd
        path = shown.pop("search_path")
        assert path
        assert path[0].endswith("public")
        assert shown == {one: (value,) for one, value in session.FIXED.items() if one in shown}, odd
        assert len(shown) >= len(FIXED) - 2  # without search_path, and transaction_timeout before PostgreSQL 17


def test_every_setting_that_is_fixed_is_tried() -> None:
    assert {name for name, _ in ODD} >= session.FIXED.keys()


def test_through_a_pooler_the_whole_of_an_installation_works(pooled: str, server: Postgres, template: str) -> None:
    copy_database(server, template, "through_pooler")
    with connect(f"{pooled}/through_pooler", pooled=True) as connection:
        with unit(connection):
            migrate(connection)
        with unit(connection):
            load_site(connection)
        with unit(connection):
            build_watched(connection, NOW)
        with unit(connection):
            lists = connection.execute("SELECT count(*) FROM recommendation_candidates").fetchone()
    assert lists
    assert lists[0] > 0


def test_a_failure_through_a_pooler_is_rolled_back_and_the_connection_goes_on(pooled: str, site: str) -> None:
    with closing(Database(lambda: f"{pooled}/{site}", pooled=True)) as database:
        with pytest.raises(MissingTable):
            database.run(lambda connection: connection.execute("INSERT INTO users VALUES (77); SELECT * FROM nothing"))
        found = database.read(lambda connection: connection.execute("SELECT FROM users WHERE id = 77").fetchall())
    assert found == []


def test_nothing_is_left_in_the_poolers_sessions(pooled: str, site: str) -> None:
    with closing(Database(lambda: f"{pooled}/{site}", pooled=True, statement_seconds=7)) as database:
        for _ in range(4):
            database.read(lambda connection: connection.execute("SELECT 1"))
    with connect(f"{pooled}/{site}", pooled=True) as plain:
        shown = {plain.execute("SHOW statement_timeout").fetchone() for _ in range(4)}
    assert shown == {("0",)}
