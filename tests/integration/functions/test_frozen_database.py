"""A database that freezes: its processes stand still, its sockets stay open. Each route answers 503 within 5 s."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any, Final

import pytest
from aws_lambda_powertools import Logger
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database
from bandit_selector.web import answers_problems

from functions.monitor import analytics
from functions.select import handler as select
from infra.local.postgres import Postgres
from tests.integration.events import http_event, load_site

SETTINGS: Final = Settings()
LIST: Final = http_event({"user_id": "1"}, scope="analytics") | {"routeKey": "GET /movies/recommendations"}
FIGURES: Final = LIST | {"routeKey": "GET /analytics/bandit/stats"}
LIMIT: Final = 5.0
Ask = Callable[[], dict[str, Any]]


@contextmanager
def frozen(server: Postgres) -> Generator[None]:
    """Nothing of the server runs until the block ends."""
    main = int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    processes = [main, *_children(main)]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def _children(process: int) -> list[int]:
    with open(f"/proc/{process}/task/{process}/children") as children:
        return [int(child) for child in children.read().split()]


def asking(database: Database, event: dict[str, Any]) -> Ask:
    respond = select.respond if event is LIST else analytics.respond
    logger = Logger(service="frozen", level="CRITICAL")
    return lambda: answers_problems(logger)(lambda asked, _: respond(asked, SETTINGS, database))(event, None)


def timed(ask: Ask) -> tuple[dict[str, Any], float]:
    began = time.monotonic()
    return ask(), time.monotonic() - began


def like(database: Database, url: str) -> Database:
    """A database with the limits of a function's own."""
    copy = Database(lambda: url)
    vars(copy)["_limits"] = vars(database)["_limits"]
    return copy


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_every_route_answers_in_time_and_goes_on_afterwards(
    server: Postgres, connection: Connection, database_url: str
) -> None:
    load_site(connection)
    with (
        closing(like(select.DATABASE, database_url)) as warm,
        closing(like(select.DATABASE, database_url)) as cold,
        closing(like(analytics.DATABASE, database_url)) as figures,
        ThreadPoolExecutor() as threads,
    ):
        known, asks = [asking(warm, LIST), asking(figures, FIGURES)], [asking(cold, LIST)]
        assert [ask()["statusCode"] for ask in known] == [200, 200]
        with frozen(server):
            answers = [one for _ in range(2) for one in threads.map(timed, known + asks)]  # the second connects again
        for answer, seconds in answers:
            assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "5")
            assert "did not answer" in json.loads(answer["body"])["detail"]
            assert seconds < LIMIT
        assert [ask()["statusCode"] for ask in known + asks] == [200, 200, 200]
