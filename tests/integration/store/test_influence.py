"""A visitor's places beyond MAX_PLACES_PER_VISITOR in a UTC day are served and recorded, and count for nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from bandit_selector.errors import TooManyRequests
from bandit_selector.quota import FAR_BEYOND, Quota
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.verification import first_difference

from functions.select.handler import respond
from tests.integration.events import NOW, http_event, load_site

BOUND = 25
SETTINGS = Settings(max_places_per_visitor=BOUND)
SELECTION: dict[str, dict[str, Any]] = {"POST /selections": {"places": 10}}


@pytest.fixture
def database(connection: Connection, database_url: str) -> Iterator[Database]:
    load_site(connection)
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def ask(database: Database, user: int = 1, at: datetime = NOW, settings: Settings = SETTINGS, **query: str) -> Any:
    event = http_event({"user_id": str(user), "limit": "10", **query}, subject=str(user), at=at)
    return respond(event, settings, database)


def counted(connection: Connection) -> list[tuple[int, int | None]]:
    return connection.execute(
        "SELECT cardinality(movie_ids), counted_places FROM bandit_lists ORDER BY created_at, id"
    ).fetchall()


def counting_places(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) FROM bandit_impressions WHERE counts").fetchone()
    return row[0] if row else 0


@pytest.mark.parametrize("use_bandit", ["true", "false"])
def test_the_first_places_of_a_day_count_whatever_group_shows_them(
    database: Database, connection: Connection, use_bandit: str
) -> None:
    for _ in range(4):
        assert len(ask(database, use_bandit=use_bandit)["body"]) > 1000
    assert counted(connection) == [(10, None), (10, None), (10, 5), (10, 0)]
    assert counting_places(connection) == BOUND


def test_a_fallback_counts_as_a_list_does(database: Database, connection: Connection) -> None:
    connection.execute("UPDATE bandit_states SET alpha = 'NaN'")
    broken = SETTINGS.model_copy(update={"prior_alpha": float("nan")})
    for _ in range(3):
        ask(database, settings=broken)
    assert connection.execute("SELECT DISTINCT algorithm FROM bandit_lists").fetchall() == [("hybrid_fallback",)]
    assert counted(connection) == [(10, None), (10, None), (10, 5)]


def test_each_utc_day_and_each_visitor_begins_again(database: Database, connection: Connection) -> None:
    for at in (NOW, NOW.replace(hour=23, minute=59), NOW + timedelta(hours=4, minutes=30)):
        ask(database, at=at, limit="20")
    ask(database, user=2, at=NOW + timedelta(hours=5), limit="20")
    assert [places for _, places in counted(connection)] == [None, 5, None, None]


def test_the_pages_of_a_seed_are_one_list(database: Database, connection: Connection) -> None:
    for offset in ("0", "20", "10", "0"):  # the last one was shown before: it is neither recorded nor counted again
        ask(database, seed="s", offset=offset)
    assert counted(connection) == [(10, None), (10, None), (10, 5)]


def test_each_way_of_asking_uses_the_same_bound(database: Database, connection: Connection) -> None:
    own = {"svd": [{"movie_id": movie, "score": 1} for movie in range(1, 31)]}
    ask(database)
    for route, body in {"POST /movies/recommendations": {"limit": 10, "candidates": own}, **SELECTION}.items():
        respond(http_event(route=route, body={"user_id": 1, **body}, scope="service"), SETTINGS, database)
    assert counted(connection) == [(10, None), (10, None), (10, 5)]
    assert counting_places(connection) == BOUND


@pytest.mark.parametrize("route", ["GET /movies/recommendations", *SELECTION])
def test_a_visitor_far_beyond_the_bound_is_refused_and_a_service_is_not(database: Database, route: str) -> None:
    def asked(scope: str) -> int:
        query, body = {"user_id": "1", "limit": "10"}, {"user_id": 1, "places": 10}
        return respond(http_event(query, route=route, body=body, scope=scope), SETTINGS, database, quota)["statusCode"]

    quota = Quota(BOUND)
    quota.take("1", BOUND * FAR_BEYOND - 1, NOW)
    assert asked("") == 200
    with pytest.raises(TooManyRequests):
        asked("")
    assert asked("service") == 200


@pytest.mark.usefixtures("database")
def test_lists_asked_for_at_the_same_moment_share_one_bound(connection: Connection, database_url: str) -> None:
    def one(_: int) -> None:
        with closing(Database(lambda: database_url)) as own:
            ask(own)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(16)))
    assert len(counted(connection)) == 16
    assert counting_places(connection) == BOUND


def test_without_a_bound_every_place_counts(database: Database, connection: Connection) -> None:
    for _ in range(4):
        ask(database, settings=Settings.model_validate({"max_places_per_visitor": "off"}))
    assert counted(connection) == [(10, None)] * 4


def test_what_does_not_count_is_understood_by_verify(database: Database, connection: Connection) -> None:
    for _ in range(4):
        ask(database)
    assert first_difference(connection) is None
