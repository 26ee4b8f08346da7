"""What needs no database opens no connection: whoever asks for it takes nothing from visitors or from the team."""

import subprocess
import sys

from bandit_selector.settings import Settings

from functions.monitor.open_routes import respond
from infra.service import FUNCTIONS, ROUTES

NO_DATABASE = Settings(database_url="")


def test_health_says_that_the_service_answers_without_a_database() -> None:
    found = respond({"routeKey": "GET /health", "requestContext": {}}, NO_DATABASE)
    assert (found["statusCode"], found["body"]) == (200, '{"status":"ok"}')


def test_no_open_route_reaches_the_database() -> None:
    with_database = {function.name for function in FUNCTIONS if "database" in function.uses}
    assert not [route for route in ROUTES if route.access == "open" and route.function in with_database]


def test_the_function_never_loads_the_database_driver() -> None:
    loaded = "import sys, functions.monitor.open_routes; print('psycopg' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True).strip() == "False"


def test_what_strangers_and_the_team_ask_for_is_bounded_apart_from_visitors() -> None:
    assert all(route.per_second for route in ROUTES if route.access in {"open", "analytics"})
    assert not [route.path for route in ROUTES if route.access == "visitor" and route.per_second]
