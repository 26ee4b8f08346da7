"""Pages of one seed are windows of one recorded list, whatever happens between them."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from time import sleep
from typing import Any

import pytest
from bandit_selector.services.meter import Meter
from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.connection import Connection, Database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.select.handler import respond
from tests.builders import truncate
from tests.integration.events import NOW, http_event, load_site

SAME_DATABASE = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
SERVED = Settings(assignment="server", treatment_share=1.0)
MOVIES = 30


@pytest.fixture
def database(connection: Connection, database_url: str) -> Iterator[Database]:
    load_site(connection, movies=MOVIES)
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def ask(
    database: Database, offset: int, limit: int, after: timedelta = timedelta(), **more: str
) -> list[dict[str, Any]]:
    query = {"user_id": "1", "seed": "s", "offset": str(offset), "limit": str(limit), **more}
    answer = respond(http_event(query, at=NOW + after), Settings(), database)
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])


windows = st.tuples(st.integers(0, 35), st.integers(1, 12))
events = st.one_of(
    windows,
    st.sampled_from(("rate", "publish", "delete", "candidates")).flatmap(
        lambda what: st.tuples(st.just(what), st.integers(1, MOVIES))
    ),
)


@SAME_DATABASE
@given(history=st.lists(events, min_size=1, max_size=10), use_bandit=st.sampled_from(("true", "false")))
def test_no_page_repeats_or_skips_what_another_shows(
    connection: Connection, database: Database, history: list[tuple[Any, int]], use_bandit: str
) -> None:
    truncate(connection)
    connection.execute("TRUNCATE ratings, bandit_posteriors, movies CASCADE")
    connection.execute("INSERT INTO movies (id, title) SELECT n, 'M' FROM generate_series(1, %s) AS n", [MOVIES])
    shown: dict[int, tuple[int, int]] = {}
    deleted: set[int] = set()
    for what, number in history:
        if not isinstance(what, int):
            happen(connection, what, number)
            deleted |= {number} if what == "delete" else set()
            continue
        for movie in ask(database, what, number, use_bandit=use_bandit):
            assert what < movie["position"] <= what + number
            known = shown.setdefault(movie["position"], (movie["event_id"], movie["id"]))
            assert known == (movie["event_id"], movie["id"])
    assert len({event for event, _ in shown.values()}) == len({movie for _, movie in shown.values()}) == len(shown)
    recorded = connection.execute("SELECT id, movie_id, position FROM recommendation_events").fetchall()
    assert {(position, (event, movie)) for event, movie, position in recorded} == set(shown.items())


def happen(connection: Connection, what: str, number: int) -> None:
    """Something that changes what a new list would be."""
    if what == "rate":
        connection.execute(
            "INSERT INTO ratings SELECT 1, id, 4, now() FROM movies WHERE id = %s ON CONFLICT DO NOTHING", [number]
        )
    elif what == "delete":
        connection.execute("DELETE FROM movies WHERE id = %s AND id NOT IN (SELECT movie_id FROM ratings)", [number])
    elif what == "candidates":
        connection.execute("UPDATE recommendation_candidates SET movie_ids = movie_ids[2:] || movie_ids[1]")
    else:
        for arm in GUIDE_ARMS:
            connection.execute(
                "INSERT INTO bandit_posteriors (context_key, algorithm, alpha, beta, probability, version,"
                " published_at, discounted_successes, discounted_failures, seen_successes, seen_failures)"
                " VALUES ('evening|weekday|cold_start', %s, 1, 1, %s, %s, now(), 0, 0, 0, 0)"
                " ON CONFLICT (context_key, algorithm) DO UPDATE SET version = excluded.version",
                [arm, 0.9 if arm == "svd" else 0.02, number],
            )


def test_a_page_whose_movies_are_all_gone_is_empty_and_not_an_outage(
    connection: Connection, database: Database
) -> None:
    shown = ask(database, 0, 5)
    connection.execute("DELETE FROM movies WHERE id <> ALL(%s)", [[movie["id"] for movie in shown]])
    assert ask(database, 5, 5) == []
    assert ask(database, 0, 10) == shown


def test_an_hour_later_a_seed_names_another_list(database: Database) -> None:
    first = ask(database, 0, 5)
    assert ask(database, 0, 5, timedelta(minutes=59)) == first
    later = ask(database, 0, 5, timedelta(minutes=61))
    assert {movie["event_id"] for movie in later}.isdisjoint({movie["event_id"] for movie in first})


def test_a_page_goes_on_in_the_group_that_the_list_began_in(database: Database) -> None:
    ask(database, 0, 5, use_bandit="false")
    assert {movie["algorithm"] for movie in ask(database, 5, 5, use_bandit="true")} == {"hybrid_control"}


@pytest.mark.usefixtures("database")
def test_pages_that_are_asked_for_at_the_same_time_agree(database_url: str) -> None:
    answers: list[dict[str, Any]] = []

    def load(offset: int) -> None:
        with closing(Database(lambda: database_url)) as own:
            answers.extend(ask(own, offset, 10))

    threads = [threading.Thread(target=load, args=(offset,)) for offset in (0, 10, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_position = {movie["position"]: movie["id"] for movie in answers}
    assert sorted(by_position) == list(range(1, 21))
    assert len(set(by_position.values())) == 20
    assert all(by_position[movie["position"]] == movie["id"] for movie in answers)


def test_a_page_that_is_made_again_counts_its_process_s_requests_once(
    database: Database, connection: Connection, database_url: str
) -> None:
    def load(user: int, meter: Meter) -> None:
        with closing(Database(lambda: database_url)) as own:
            respond(
                http_event({"user_id": str(user), "seed": "s", "limit": "5"}, scope="service"), SERVED, own, meter=meter
            )

    meters = [Meter(timedelta(seconds=9), seconds=0) for _ in range(3)]
    for meter in meters:
        load(2, meter)  # each process has a request to write
    threads = [threading.Thread(target=load, args=(1, meter)) for meter in meters]
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('s', 1))")
        for thread in threads:
            thread.start()
        for _ in range(500):
            if database.read(_waiting) == len(threads):
                break
            sleep(0.01)
    for thread in threads:
        thread.join()
    assert connection.execute("SELECT sum(number) FROM bandit_requests").fetchone() == (len(meters),)


def _waiting(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone()
    return row[0] if row else 0


def test_see_more_repeats_no_title_from_wherever_a_page_goes_on(database: Database, connection: Connection) -> None:
    """The site's own page: 30 places, ten more, and ten from where its de-duplication ended."""
    connection.execute("INSERT INTO movies (id, title) SELECT n, 'M' FROM generate_series(%s, 90) AS n", [MOVIES + 1])
    connection.execute(
        "UPDATE recommendation_candidates SET movie_ids = ARRAY(SELECT n FROM generate_series(1, 90) AS n"
        " ORDER BY md5(n || algorithm)), scores = ARRAY(SELECT 1 - n / 100.0 FROM generate_series(1, 90) AS n)"
    )
    first, second, third = ask(database, 0, 30), ask(database, 30, 10), ask(database, 39, 10)
    assert third[0] == second[-1]
    assert [movie["position"] for movie in [*first, *second, *third[1:]]] == list(range(1, 50))
    assert len({movie["id"] for movie in [*first, *second, *third]}) == 49
    assert connection.execute("SELECT count(*) FROM recommendation_events").fetchone() == (49,)
