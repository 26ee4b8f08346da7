"""Every setting that a function reads is one that the service gives to it; else it would have its default in AWS."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from random import Random
from typing import Any, ClassVar

import pytest
from bandit_selector.feedback import Message, new_message_id
from bandit_selector.services.daily import make_due
from bandit_selector.services.publish import publish
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database

from functions.feedback.handler import consume
from functions.feedback.settle import absorb_inbox, settle_due, sum_history
from functions.monitor.analytics import READINGS
from functions.monitor.analytics import respond as analyse
from functions.select.handler import respond
from infra.service import FUNCTIONS
from tests.integration.activity import live
from tests.integration.events import NOW, http_event, load_site, queue_event

SHADOW: dict[str, Any] = {"bandit": "shadow"}
RAMP: dict[str, Any] = {"assignment": "server", "treatment_share": 0.25}
Work = Callable[[Database, Settings], object]


class Watched(Settings):
    """Settings that remember which of their fields were read."""

    read: ClassVar[set[str]] = set()

    def __getattribute__(self, name: str) -> Any:
        if name in Settings.model_fields:
            Watched.read.add(name.upper())
        return super().__getattribute__(name)


def analytics(database: Database, settings: Settings) -> None:
    for route in READINGS:
        event = http_event({"days": "7"}, scope="analytics", path={"day": str(NOW.date())}, route=route)
        analyse(event, settings, database)


def monitor(database: Database, settings: Settings) -> None:
    make_due(database.connection(), NOW, 7, settings, 0)


def select(database: Database, settings: Settings) -> None:
    body = {"user_id": 1, "candidates": {"svd": [{"movie_id": 5, "score": 0.9}]}}
    respond(http_event({"user_id": "1"}), settings, database)
    respond(http_event({"user_id": "2", "use_bandit": "false", "seed": "a"}, subject="2"), settings, database)
    respond(http_event(body=body, scope="service", route="POST /movies/recommendations"), settings, database)
    asked = {"user_id": 1, "places": 3}
    respond(http_event(body=asked, scope="service", route="POST /selections"), settings, database)


def feedback(database: Database, settings: Settings) -> None:
    click = Message(
        message_id=new_message_id(NOW, Random(1)),
        action="click",
        user_id=1,
        movie_id=5,
        occurred_at=NOW,
        received_at=NOW,
    )
    consume(queue_event(click.model_dump_json()), database, settings)
    publish(database.connection(), settings)


def settle(database: Database, settings: Settings) -> None:
    later = NOW + timedelta(hours=1)
    absorb_inbox(later, settings, database, lambda: True)
    settle_due(later, settings, database, lambda: True)
    sum_history(later, settings, database, lambda: True)
    publish(database.connection(), settings)


@pytest.fixture
def database(connection: Connection, database_url: str) -> Iterator[Database]:
    load_site(connection)
    live(connection, NOW, impressions=300, days=2)
    connection.execute(
        "INSERT INTO bandit_shadow_days VALUES (%s, 800, 4, 1, 800, 8000, 900, 3000, .8, 2.5, now())", [NOW]
    )
    connection.execute("INSERT INTO bandit_shadow_arms VALUES (%s, 'k', 'svd', 8000, 8000, 1300, 900, 60, 500)", [NOW])
    with closing(Database(lambda: database_url)) as opened:
        make_due(connection, NOW, 7, Settings(), 0)
        yield opened


@pytest.mark.parametrize("values", [{}, SHADOW, RAMP])
@pytest.mark.parametrize("work", [analytics, monitor, select, feedback, settle])
def test_a_function_reads_no_setting_that_it_does_not_get(
    database: Database, work: Work, values: dict[str, Any]
) -> None:
    settings = Watched(**values)
    (function,) = [one for one in FUNCTIONS if one.name == work.__name__]
    Watched.read.clear()
    work(database, settings)
    assert Watched.read - {"DATABASE_URL"} <= set(function.settings), work.__name__
