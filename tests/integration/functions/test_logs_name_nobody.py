"""Whatever fails, no log line names the user while LOG_USER_IDS is off."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import count
from typing import Any

import psycopg
import pytest
from bandit_selector.errors import QueueUnavailable
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database
from bandit_selector.telemetry import Telemetry
from bandit_selector.web import Event, HttpAnswer, answers_problems

from functions.feedback.handler import consume
from functions.feedback.ingest import respond as take
from functions.select.handler import respond as select
from tests.integration.events import http_event, load_site, queue_event

USER = 918_273_645
SUBJECT = f"{USER}"
SETTINGS = Settings()
NUMBERS = count()  # a logger of its own for each test writes to that test's output
CLICK = {"user_id": USER, "movie_id": 2}


@pytest.fixture
def database(connection: Connection, database_url: str) -> Iterator[Database]:
    load_site(connection)
    connection.execute("INSERT INTO users VALUES (%s)", [USER])
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def refuse(_: object) -> None:
    raise QueueUnavailable("The queue is away.")


def asked(event: Event) -> Callable[[Database], object]:
    return lambda database: select(event, SETTINGS, database)


def tracked(event: Event) -> Callable[[Database], object]:
    return lambda _: take(event, refuse)


def constrained(database: Database) -> None:
    database.connection().execute("ALTER TABLE bandit_lists ADD CHECK (user_id < 1000) NOT VALID")
    select(http_event({"user_id": SUBJECT}, subject=SUBJECT), SETTINGS, database)


def applied(body: str) -> Callable[[Database], object]:
    return lambda database: consume(queue_event(body), database, SETTINGS)


@pytest.mark.parametrize(
    "work",
    [
        asked(http_event({"user_id": SUBJECT}, subject=SUBJECT)),
        asked(http_event({"user_id": SUBJECT}, subject="2")),
        asked(http_event({"user_id": "2"}, subject=SUBJECT)),
        asked(http_event({"user_id": f"{USER + 1}"}, subject=f"{USER + 1}")),
        asked(http_event({"user_id": f"{SUBJECT}x"}, subject=SUBJECT)),
        asked(http_event({"user_id": SUBJECT, "limit": SUBJECT}, subject=SUBJECT)),
        tracked(http_event(body=CLICK, path={"action": "click"}, subject="2")),
        tracked(http_event(body=CLICK, path={"action": "click"}, subject=SUBJECT)),
        tracked(http_event(body=CLICK | {"user_id": f"{USER}!"}, path={"action": "click"}, subject=SUBJECT)),
        tracked(http_event(body=CLICK, path={"action": "rating"}, subject=SUBJECT)),
        applied(json.dumps(CLICK)),
        applied(f"not JSON {USER}"),
        constrained,
    ],
)
def test_no_line_names_the_user(
    database: Database, work: Callable[[Database], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    @answers_problems(Telemetry(f"test-{next(NUMBERS)}").logger)
    def handler(_event: Event, _context: object) -> HttpAnswer:
        work(database)
        return {"statusCode": 200, "headers": {}}

    with suppress(psycopg.Error):
        handler(http_event(), None)
    said = capsys.readouterr()
    assert f"{USER}"[:-1] not in said.out + said.err
    assert work is not constrained or "DETAIL: (left out)" in said.out


def test_the_same_failure_is_told_to_its_caller(database: Database) -> None:
    @answers_problems(Telemetry(f"test-{next(NUMBERS)}").logger)
    def handler(event: Event, _context: object) -> HttpAnswer:
        return select(event, SETTINGS, database)

    assert SUBJECT in handler(http_event({"user_id": SUBJECT}, subject="2"), None)["body"]
