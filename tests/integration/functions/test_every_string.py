"""Every string through every parameter of every route: answered in JSON, never with a fault of the service."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any, Final

import pytest
from aws_lambda_powertools import Logger
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Database, connect
from bandit_selector.web import answers_problems
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.feedback import ingest
from functions.monitor import analytics, open_routes, page
from functions.select import handler as select
from infra.local.postgres import Postgres
from infra.service import ROUTES, Route
from tests.integration.activity import copy_database
from tests.integration.events import http_event, load_site

ANSWERED: Final = {200, 202, 304, 403, 404, 413, 422} | ({200} if page.BUILT.is_dir() else {503})
ANYTHING: Final = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
STRINGS: Final = st.text(st.characters(), max_size=30) | st.sampled_from(
    ["\0", "a\0", "\ud800", "NaN", "1e999", "0", "-1", "9" * 400, "٣", "America", "../UTC", "[]", "null", "%00", "\\"]
)
"""Every character, halves of surrogate pairs too, and texts that have broken such services."""
QUERIES: Final = {
    "GET /movies/recommendations": ("user_id", "limit", "offset", "seed", "use_bandit", "time_zone", "other"),
    "GET /analytics/bandit/stats": ("context_key",),
    "GET /analytics/performance": ("days",),
    "GET /analytics/recommendations/stats": ("days",),
    "GET /analytics/timeline": ("days", "resolution", "context_key"),
    "GET /analytics/health": ("days",),
    "GET /analytics/reports": ("days",),
    "GET /dashboard": ("asset",),
    "GET /docs": ("asset",),
    "GET /openapi.json": ("asset",),
    "GET /health": ("verbose",),
}
PATHS: Final = {
    "GET /dashboard/{asset}": "asset",
    "GET /docs/{asset}": "asset",
    "GET /analytics/reports/{day}": "day",
    "POST /analytics/track/{action}": "action",
}
BODIES: Final = {
    "POST /analytics/track/{action}": ("user_id", "movie_id", "event_id", "rating", "occurred_at"),
    "POST /analytics/track": ("user_id", "reactions"),
    "POST /movies/recommendations": ("user_id", "limit", "seed", "use_bandit", "time_zone", "candidates"),
    "POST /selections": ("user_id", "places", "arms", "use_bandit", "time_zone", "other"),
}
NEEDS_AWS: Final = {"GET /analytics/queue"}


@pytest.fixture(scope="module")
def database(server: Postgres, template: str) -> Iterator[Database]:
    url = copy_database(server, template, "strings")
    with connect(url) as connection:
        load_site(connection)
    with closing(Database(lambda: url)) as opened:
        yield opened


def ask(database: Database, route: Route, event: dict[str, Any]) -> int:
    """The status of an answer, whose body must be JSON or a file of the dashboard."""
    answer = answers_problems(Logger(service="strings", level="CRITICAL"))(
        lambda asked, _: responders(database)[route.function](asked)
    )(event | {"routeKey": f"{route.method} {route.path}"}, None)
    if answer["headers"]["content-type"].endswith("json") and not answer.get("isBase64Encoded"):
        json.loads(answer["body"], parse_constant=pytest.fail)
    return answer["statusCode"]


def responders(database: Database) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    return {
        "select": partial(select.respond, settings=Settings(), database=database),
        "analytics": partial(analytics.respond, settings=Settings(), database=database),
        "page": partial(open_routes.respond, settings=Settings()),
        "ingest": lambda event: ingest.respond(event, lambda _message: None),
    }


def test_every_route_is_asked() -> None:
    names = {f"{route.method} {route.path}" for route in ROUTES}
    assert names == {*QUERIES, *PATHS, *BODIES, *NEEDS_AWS}


def cases(table: dict[str, tuple[str, ...]]) -> list[Any]:
    known = {f"{route.method} {route.path}": route for route in ROUTES}
    return [pytest.param(known[name], one, id=f"{name} {one}") for name, all_of in table.items() for one in all_of]


@pytest.mark.parametrize(("route", "name"), cases(QUERIES))
@ANYTHING
@given(value=STRINGS)
def test_a_query(database: Database, route: Route, name: str, value: str) -> None:
    query = {"user_id": "1", name: value} if route.function == "select" else {name: value}
    assert ask(database, route, http_event(query, subject="x", scope="service analytics")) in ANSWERED


@pytest.mark.parametrize(("route", "name"), cases({route: (name,) for route, name in PATHS.items()}))
@ANYTHING
@given(value=STRINGS)
def test_a_path(database: Database, route: Route, name: str, value: str) -> None:
    assert ask(database, route, http_event(path={name: value}, body={})) in ANSWERED


@pytest.mark.parametrize(("route", "name"), cases(BODIES))
@ANYTHING
@given(value=STRINGS | st.floats() | st.integers() | st.lists(STRINGS, max_size=2) | st.none() | st.booleans())
def test_a_field_of_a_body(database: Database, route: Route, name: str, value: object) -> None:
    told: dict[str, object] = {"user_id": 1, "movie_id": 1, "rating": 4, "reactions": [{"action": "click"}]}
    body: dict[str, object] = {**told, "places": 1, "candidates": {"svd": []}, name: value}
    for action in ("click", "rating"):
        event = http_event(path={"action": action}, body=body, scope="service")
        assert ask(database, route, event) in ANSWERED


@ANYTHING
@given(subject=STRINGS, scope=STRINGS)
def test_a_token(database: Database, subject: str, scope: str) -> None:
    for route in ROUTES[:6]:
        event = http_event({"user_id": "1"}, subject, scope, {"user_id": 1, "movie_id": 1}, {"action": "click"})
        assert ask(database, route, event) in ANSWERED


@ANYTHING
@given(body=STRINGS)
def test_a_body_of_any_text(database: Database, body: str) -> None:
    event = http_event(path={"action": "click"}) | {"body": body}
    for route in ROUTES[1:5]:
        assert ask(database, route, event) in ANSWERED
