"""A database that has paused: connections hang while it resumes, and callers over HTTP are told to wait."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from bandit_selector.errors import DatabaseUnavailable, DatabaseWaking
from bandit_selector.settings import Settings
from bandit_selector.store.connection import WAKING_SECONDS, Database
from bandit_selector.telemetry import Telemetry
from bandit_selector.web import Event, HttpAnswer, answers_problems

from functions.feedback import handler as consumer
from functions.feedback import settle
from functions.monitor import analytics
from functions.select import handler as select
from tests.integration.events import context, http_event

RESPONDS: dict[str, tuple[Callable[[Event, Settings, Database], HttpAnswer], Event]] = {
    "select": (select.respond, http_event({"user_id": "1"})),
    "analytics": (analytics.respond, http_event(scope="analytics", route="GET /analytics/bandit/stats")),
}


@pytest.fixture
def asleep() -> Iterator[str]:
    """The address of a server that takes connections and says nothing, as Aurora does while it resumes."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listening:
        yield f"postgresql://bandit@127.0.0.1:{listening.getsockname()[1]}/movies"


def database(url: str, pauses: bool) -> Database:
    return Database(lambda: url, statement_seconds=1, connect_seconds=1, patience=3, pauses=pauses)


def answered(name: str, its: Database) -> HttpAnswer:
    respond, event = RESPONDS[name]
    telemetry = Telemetry(f"waking-{name}")

    @telemetry.handling
    @answers_problems(telemetry.logger)
    def handler(event: Event, _context: object) -> HttpAnswer:
        return respond(event, Settings(), its)

    return handler(event, context())


@pytest.mark.parametrize("name", RESPONDS)
def test_a_caller_over_http_is_told_that_the_database_is_waking_up(asleep: str, name: str) -> None:
    began = time.monotonic()
    with closing(database(asleep, pauses=True)) as its:
        said = answered(name, its)
    assert time.monotonic() - began < 10  # API Gateway would wait for thirty seconds
    assert (said["statusCode"], said["headers"]["retry-after"]) == (503, "15")
    problem = json.loads(said["body"])
    assert problem["title"] == "The database is waking up"
    assert problem["detail"].endswith("try again in 15 seconds.")


def test_a_database_that_never_pauses_is_not_said_to_wake_up(asleep: str) -> None:
    with closing(database(asleep, pauses=False)) as its:
        said = answered("select", its)
    assert (said["statusCode"], said["headers"]["retry-after"]) == (503, "5")
    assert "waking" not in said["body"]


def test_only_a_connection_that_hangs_means_waking(asleep: str) -> None:
    refused = asleep.replace(asleep.rpartition(":")[2], "1/movies")  # nothing listens at port 1
    for url, expected in ((asleep, DatabaseWaking), (refused, DatabaseUnavailable)):
        with closing(database(url, pauses=True)) as its, pytest.raises(DatabaseUnavailable) as found:
            its.read(lambda connection: connection.execute("SELECT 1"))
        assert found.type is expected


def test_what_does_not_answer_http_waits_for_a_minute() -> None:
    """Aurora takes about fifteen seconds to resume; migrate names the same time itself."""
    for its in (consumer.DATABASE, settle.DATABASE):
        assert its._limits.connect_seconds == WAKING_SECONDS == 60  # pyright: ignore[reportPrivateUsage]
