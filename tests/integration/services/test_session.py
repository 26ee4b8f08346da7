"""Lists that follow from what the visitor has just rated or clicked, on a real database."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from bandit_selector.feedback import Message
from bandit_selector.services.asked import Request
from bandit_selector.services.recommend import draft
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.outcomes import apply
from bandit_selector.store.recent import Asked, read_recent
from bandit_selector.store.verification import first_difference
from psycopg import errors

from functions.select.handler import respond
from tests.builders import RULE
from tests.integration.events import NOW, http_event, load_site

GRAPH_ONLY = {"arms": "graph", "control_weights": "graph=1", "min_long_tail_share": 0}
NOTHING: Mapping[str, str] = MappingProxyType({})
NEAR = [41, 42, 43, 44, 45]  # the neighbours of movie 30, nearest first
NIGHTLY = [15, 16, 17, 18, 19]  # how everybody's list of the arm `graph` begins


@pytest.fixture
def database(connection: Connection, database_url: str) -> Iterator[Database]:
    load_site(connection)
    connection.execute(
        "INSERT INTO movie_neighbours VALUES (30, %s, '{.9,.8,.7,.6,.5}', '{.9,.8,.7,.6,.5}'),"
        " (31, '{50, 51, 52, 53, 54}', '{.9,.8,.7,.6,.5}', '{.9,.8,.7,.6,.5}')",
        [NEAR],
    )
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def ask(database: Database, at: datetime = NOW, use_bandit: str = "true", **settings: Any) -> list[dict[str, Any]]:
    query = {"user_id": "1", "limit": "5", "use_bandit": use_bandit}
    answer = respond(http_event(query, at=at), Settings.model_validate(GRAPH_ONLY | settings), database)
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])


def context(database: Database, use_bandit: str, said: Mapping[str, str] = NOTHING, **changed: str) -> str:
    query = {"user_id": "1", "limit": "5", "use_bandit": use_bandit, **said}
    settings = Settings.model_validate(GRAPH_ONLY | {"context_factors": "in_session:yes"} | changed)
    return respond(http_event(query, at=NOW), settings, database)["headers"]["x-context-key"]


def shown(database: Database, at: datetime = NOW, use_bandit: str = "true", **settings: Any) -> list[int]:
    return [movie["id"] for movie in ask(database, at, use_bandit, **settings)]


def rate(connection: Connection, movie: int, at: datetime) -> None:
    connection.execute("INSERT INTO ratings VALUES (1, %s, 4, %s)", [movie, at])


def click(connection: Connection, event_id: int, at: datetime) -> None:
    about = {"message_id": UUID(int=1), "occurred_at": at, "received_at": at, "action": "click", "user_id": 1}
    apply(connection, [Message.model_validate({**about, "event_id": event_id})], RULE, at)


def test_in_a_session_the_arm_goes_on_from_the_last_rating(database: Database, connection: Connection) -> None:
    rate(connection, 30, NOW - timedelta(minutes=29))
    assert shown(database) == NEAR


def test_the_newest_of_two_ratings_counts_most(database: Database, connection: Connection) -> None:
    rate(connection, 31, NOW - timedelta(minutes=2))
    rate(connection, 30, NOW - timedelta(minutes=1))
    assert shown(database) == [41, 42, 50, 43, 51]


def test_a_movie_that_was_rated_again_and_again_is_one_of_the_last(database: Database, connection: Connection) -> None:
    connection.execute("ALTER TABLE ratings DROP CONSTRAINT ratings_pkey")
    rate(connection, 31, NOW - timedelta(minutes=2))
    for second in range(20):
        rate(connection, 30, NOW - timedelta(seconds=second))
    assert shown(database) == [41, 42, 50, 43, 51]


@pytest.mark.parametrize(
    ("age", "settings"),
    [
        (timedelta(minutes=31), {}),
        (timedelta(minutes=-1), {}),
        (timedelta(minutes=11), {"session_gap": "10m"}),
        (timedelta(minutes=1), {"session_gap": "off"}),
    ],
)
def test_outside_a_session_the_nightly_list_is_shown(
    database: Database, connection: Connection, age: timedelta, settings: dict[str, str]
) -> None:
    rate(connection, 30, NOW - age)
    assert [movie["id"] for movie in ask(database, NOW, "true", **settings)] == NIGHTLY


def test_the_control_list_knows_no_session(database: Database, connection: Connection) -> None:
    rate(connection, 30, NOW - timedelta(minutes=1))
    assert shown(database, use_bandit="false") == NIGHTLY


@pytest.mark.parametrize("use_bandit", ["true", "false"])
def test_a_session_makes_the_context_where_it_is_a_factor(
    database: Database, connection: Connection, use_bandit: str
) -> None:
    assert context(database, use_bandit).endswith("|other")
    assert context(database, use_bandit, {"in_session": "yes"}).endswith("|other")  # the service knows it by itself
    rate(connection, 30, NOW - timedelta(minutes=1))
    assert context(database, use_bandit).endswith("|yes")
    assert context(database, use_bandit, {"in_session": "no"}).endswith("|yes")


def test_a_session_makes_the_context_of_a_site_without_the_session_s_arm(
    database: Database, connection: Connection
) -> None:
    rate(connection, 30, NOW - timedelta(minutes=1))
    assert context(database, "true", arms="svd,item_cf", control_weights="svd=1").endswith("|yes")
    made = ask(database, context_factors="in_session:yes", arms="svd,item_cf", control_weights="svd=1")
    assert {movie["algorithm"] for movie in made} <= {"bandit_svd", "bandit_item_cf"}


def test_a_movie_without_neighbours_leaves_the_nightly_list(database: Database, connection: Connection) -> None:
    rate(connection, 32, NOW - timedelta(minutes=1))
    assert shown(database) == NIGHTLY


def test_a_click_begins_a_session(database: Database, connection: Connection) -> None:
    connection.execute("UPDATE recommendation_candidates SET movie_ids = '{30, 22, 23}', scores = '{3, 2, 1}'")
    clicked = next(movie for movie in ask(database) if movie["id"] == 30)
    at = NOW + timedelta(minutes=1)
    click(connection, clicked["event_id"], at)
    assert shown(database, at + timedelta(minutes=1)) == NEAR
    assert shown(database, at + timedelta(minutes=31))[:3] == [30, 22, 23]
    assert first_difference(connection) is None


def test_a_draft_is_the_list_of_its_group_and_leaves_no_trace(database: Database, connection: Connection) -> None:
    rate(connection, 30, NOW - timedelta(minutes=1))
    settings, refused = Settings.model_validate(GRAPH_ONLY), list[Exception]()
    for use_bandit, expected in (("true", NEAR), ("false", NIGHTLY)):
        request = Request.model_validate({"user_id": 1, "limit": 5, "use_bandit": use_bandit})
        places = draft(database, request, settings, NOW, Random(1), refused.append)
        assert [place.movie_id for place in places] == expected
    assert not refused
    assert connection.execute("SELECT count(*) FROM bandit_lists").fetchone() == (0,)


@pytest.mark.parametrize(
    ("column", "value", "zone", "expected"),
    [
        ("timestamp with time zone", "2026-06-01 19:20Z", "UTC", NEAR),
        ("timestamp", "2026-06-01 21:20", "Europe/Berlin", NEAR),
        ("timestamp", "2026-06-01 21:20", "UTC", NIGHTLY),
        ("bigint", "1780341600", "UTC", NIGHTLY),
        ("text", "2026-06-01 19:20Z", "UTC", NIGHTLY),
        (None, None, "UTC", NIGHTLY),
    ],
)
def test_whatever_column_a_site_has_a_list_is_answered(
    database: Database, connection: Connection, column: str | None, value: str | None, zone: str, expected: list[int]
) -> None:
    connection.execute("ALTER TABLE ratings RENAME TO ratings_before")
    if column is None:
        connection.execute("CREATE TABLE ratings AS SELECT 1 AS user_id, 30 AS movie_id, 4 AS rating")
    else:
        connection.execute(
            f"CREATE TABLE ratings AS SELECT 1 AS user_id, 30 AS movie_id, 4 AS rating, '{value}'::{column} AS"
            ' "timestamp"'.encode()
        )
    try:
        assert shown(database, site_time_zone=zone) == expected
    finally:
        connection.execute("DROP TABLE ratings")
        connection.execute("ALTER TABLE ratings_before RENAME TO ratings")


@pytest.mark.parametrize(
    "row", [([41, None], [1, 1], [1, 1]), ([41, 42], [1, None], [1, 1]), ([41], [1, 1], [1]), ([], [], [])]
)
def test_neighbours_that_cannot_be_read_are_refused(connection: Connection, row: tuple[list[Any], ...]) -> None:
    with pytest.raises(errors.CheckViolation):
        connection.execute("INSERT INTO movie_neighbours VALUES (33, %s::int[], %s::real[], %s::real[])", row)


def test_a_weight_that_is_not_a_number_costs_no_list(database: Database, connection: Connection) -> None:
    connection.execute("UPDATE movie_neighbours SET transitions[1] = 'NaN', cosines[2] = 'Infinity'")
    rate(connection, 30, NOW - timedelta(minutes=1))
    assert sorted(shown(database)) == NEAR


def test_what_others_did_today_is_not_read(database: Database, connection: Connection, database_url: str) -> None:
    click(connection, ask(database)[0]["event_id"], NOW)
    with closing(connect(database_url, plan_once=True)) as own:
        asked = Asked(1, NOW + timedelta(minutes=1), timedelta(minutes=30), ZoneInfo("UTC"))
        own.execute("SET enable_nestloop = off")  # the planner prefers other ways where it can
        react(connection, 300)
        with own.transaction():
            before = reactions_read(own)
            assert len(read_recent(own, asked).fetchall()) == 1
            assert reactions_read(own) - before <= 5


def react(connection: Connection, number: int) -> None:
    """Reactions of others, whose lists are not here."""
    connection.execute(
        "INSERT INTO bandit_reactions (event_id, shown_at, clicked_at)"
        " SELECT bandit_list_id(%(now)s) * 64 + 1, %(now)s, %(now)s FROM generate_series(1, %(number)s)",
        {"now": NOW, "number": number},
    )


def reactions_read(connection: Connection) -> int:
    """Rows of reactions that this transaction has read."""
    row = connection.execute(
        "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname LIKE 'bandit_reactions%'"
    ).fetchone()
    return int(row[0]) if row else 0
