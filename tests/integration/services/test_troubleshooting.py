"""Each entry of the guide's troubleshooting, made to happen; then its advice is followed (docs/adopting.md)."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from bandit_selector.services.publish import publish
from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.connection import Connection, Database, connect
from bandit_selector.store.migrate import migrate
from bandit_selector.web import answers_problems

from functions.feedback.handler import consume
from functions.select.handler import respond
from infra.local import site
from tests.builders import learn_cell, message
from tests.integration.events import NOW, http_event, load_site, queue_event
from tests.integration.services.monitored import NINE, Service

ASKED = http_event({"user_id": "1", "limit": "6"})


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def ask(database: Database) -> tuple[int, Any]:
    told = answers_problems(Logger(service="test"))(lambda event, _: respond(event, Settings(), database))(ASKED, None)
    return told["statusCode"], json.loads(told["body"])


def test_a_bandit_table_that_does_not_exist(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection, closing(Database(lambda: empty_database_url)) as database:
        site.create_tables(connection)
        connection.execute("INSERT INTO users VALUES (1)")
        status, problem = ask(database)
        assert (status, problem["title"]) == (500, "The database is not migrated")
        assert "./dev migrate" in problem["detail"]
        migrate(connection)
        assert ask(database) == (200, [])
        assert connection.execute("SELECT to_regclass('bandit_states') IS NOT NULL").fetchone() == (True,)


def test_all_recommendations_use_the_same_algorithm(connection: Connection) -> None:
    for part in ("morning", "afternoon", "evening", "night"):
        for day in ("weekday", "weekend"):
            for user in ("cold_start", "regular", "power_user"):
                for arm in GUIDE_ARMS:
                    learn_cell(connection, arm, *((900, 100) if arm == "svd" else (10, 990)), f"{part}|{day}|{user}")
    publish(connection, Settings())
    rows = connection.execute("SELECT algorithm, avg(probability), min(probability) FROM bandit_posteriors GROUP BY 1")
    shares = {arm: (share, least) for arm, share, least in rows}
    assert 0.6 < shares["svd"][0] <= 0.70
    assert all(least >= 0.001 for _, least in shares.values())
    assert sum(share for share, _ in shares.values()) == pytest.approx(1)


def test_monitoring_alerts_that_do_not_trigger(service: Service) -> None:
    too_few = {"min_ctr": 0.9, "min_lists": 1_000_000}
    service.at(NINE, **too_few)
    assert service.mails() == []
    service.at(NINE.replace(day=11), min_ctr=0.9)
    assert [subject for subject, _ in service.mails()] != []


def test_a_bandit_state_that_does_not_update(connection: Connection, database: Database) -> None:
    load_site(connection, movies=20)
    _, movies = ask(database)
    shown = movies[0]
    unseen = next(number for number in range(1, 21) if number not in {movie["id"] for movie in movies})
    for user, movie_id, event_id in ((1, unseen, None), (2, None, shown["event_id"])):
        about = {"movie_id": movie_id} if movie_id else {"event_id": event_id}
        said = message(user, "thumbs_up", at=NOW, user_id=user, **about)
        consume(queue_event(said.model_dump_json()), database, Settings())
    learned = "SELECT count(*) FROM bandit_states WHERE alpha > 1"
    assert connection.execute(learned.encode()).fetchone() == (0,)
    reasons = connection.execute("SELECT reason FROM feedback_events ORDER BY message_id").fetchall()
    assert reasons == [("unknown_impression",), ("foreign_impression",)]
    contexts = connection.execute("SELECT context, algorithm FROM recommendation_events LIMIT 5").fetchall()
    assert all(context["context_key"] and algorithm.startswith("bandit_") for context, algorithm in contexts)
    heard = message(3, "thumbs_up", at=NOW, user_id=1, movie_id=shown["id"])
    consume(queue_event(heard.model_dump_json()), database, Settings())
    arm = shown["algorithm"].removeprefix("bandit_")
    assert connection.execute(
        "SELECT alpha, total_successes FROM bandit_states WHERE algorithm = %s AND alpha > 1", [arm]
    ).fetchone() == (2.0, 1)
