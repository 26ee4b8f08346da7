"""BANDIT=shadow: everybody gets control's list, and treatment's is drawn beside it and shown to nobody."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from bandit_selector.feedback import Message, new_message_id
from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.outcomes import settle
from bandit_selector.store.retention import forget_user, prune
from bandit_selector.store.shadow_sums import read_arms, read_days, sum_next_day
from bandit_selector.store.verification import first_difference, first_difference_of_all, rebuild

from functions.feedback.handler import consume
from functions.select.handler import respond
from tests.integration.events import NOW, http_event, load_site, queue_event

SHADOW = Settings(bandit="shadow")
OFF = Settings(bandit="off")
CHANGES = timedelta(days=8)
COLUMNS = (
    "arms, drawn, movie_ids, propensities, stocked, agreed_places, agreed_arms, places, same, common, milliseconds"
)


@pytest.fixture
def database(connection: Connection, database_url: str) -> Iterator[Database]:
    load_site(connection)
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def ask(database: Database, settings: Settings = SHADOW, **query: str) -> list[dict[str, Any]]:
    answer = respond(http_event({"user_id": "1", **query}), settings, database)
    assert answer["statusCode"] == 200
    assert answer["headers"]["x-ab-group"] == "none"
    return json.loads(answer["body"])


def click(movie: dict[str, Any], number: int) -> str:
    return Message(
        message_id=new_message_id(NOW, Random(number)),
        action="click",
        user_id=1,
        movie_id=movie["id"],
        event_id=movie["event_id"],
        occurred_at=NOW,
        received_at=NOW,
    ).model_dump_json()


def shadows(connection: Connection) -> list[dict[str, Any]]:
    rows = connection.execute(f"SELECT {COLUMNS} FROM bandit_shadows ORDER BY id".encode())  # noqa: S608 # our own
    return [dict(zip(COLUMNS.split(", "), row, strict=True)) for row in rows]


@pytest.mark.parametrize("use_bandit", ["true", "false", "auto"])
def test_everybody_gets_exactly_the_list_that_is_served_while_the_bandit_is_off(
    database: Database, connection: Connection, use_bandit: str
) -> None:
    shown = ask(database, seed="s", limit="20", use_bandit=use_bandit)
    connection.execute("DELETE FROM bandit_lists")
    assert [movie["id"] for movie in shown] == [movie["id"] for movie in ask(database, OFF, seed="s", limit="20")]
    assert {(movie["algorithm"], movie["propensity"]) for movie in shown} == {("hybrid_shadow", None)}


def test_treatments_list_is_kept_with_its_propensities_and_shown_to_nobody(
    database: Database, connection: Connection
) -> None:
    shown = ask(database, limit="20")
    (kept,) = shadows(connection)
    assert kept["arms"] == list(GUIDE_ARMS)
    assert len(kept["drawn"]) == len(kept["movie_ids"]) == len(set(kept["movie_ids"])) == 20
    assert kept["propensities"] == pytest.approx([1 / 6] * 20)
    assert kept["movie_ids"] != [movie["id"] for movie in shown]
    assert kept["milliseconds"] > 0
    assert connection.execute("SELECT count(*), count(DISTINCT algorithm) FROM recommendation_events").fetchone() == (
        20,
        1,
    )


def test_what_arms_would_have_shown_is_told_place_by_place(database: Database, connection: Connection) -> None:
    """Every arm's own choice below the movies that were shown, recomputed from the candidates themselves."""
    shown = [movie["id"] for movie in ask(database, limit="12")]
    (kept,) = shadows(connection)
    lists = {arm: [(place + 7 * shift) % 60 + 1 for place in range(60)] for shift, arm in enumerate(GUIDE_ARMS)}
    pairs = set(zip(kept["agreed_places"], kept["agreed_arms"], strict=True))
    for at, movie in enumerate(shown):
        for which, arm in enumerate(GUIDE_ARMS, start=1):
            left = [one for one in lists[arm] if one not in shown[:at]]
            best = {left[0], next(one for one in left if one > 10)}  # the place may be kept for the long tail
            if (at + 1, which) in pairs:
                assert movie in best
            elif best == {movie}:
                raise AssertionError(f"{arm} would have shown movie {movie} at place {at + 1}")
    assert pairs
    assert kept["stocked"] == [12] * 6
    assert kept["same"] == sum(one == other for one, other in zip(kept["movie_ids"], shown, strict=True))


def test_pages_of_one_seed_have_a_shadow_each(database: Database, connection: Connection) -> None:
    ask(database, seed="s", limit="10")
    ask(database, seed="s", limit="10", offset="5")
    assert [one["places"] for one in shadows(connection)] == [10, 5]


def test_a_movie_that_is_gone_moves_no_evidence_to_another_place(database: Database, connection: Connection) -> None:
    first = ask(database, seed="t", limit="5")[0]["id"]
    connection.execute("DELETE FROM bandit_lists")
    connection.execute("DELETE FROM bandit_shadows")
    connection.execute("DELETE FROM movies WHERE id = %s", [first])
    shown = [movie["id"] for movie in ask(database, seed="t", limit="5")]
    (kept,) = shadows(connection)
    assert first not in shown
    assert len(shown) == 4
    assert all(1 <= place <= 4 for place in kept["agreed_places"])


def test_a_bandit_that_fails_costs_the_visitor_nothing_and_is_counted(
    database: Database, connection: Connection
) -> None:
    connection.execute("INSERT INTO bandit_posteriors (context_key, algorithm, alpha, beta, probability, version,"
        " published_at, discounted_successes, discounted_failures, seen_successes, seen_failures)"
        " SELECT 'evening|weekday|cold_start', arm, 1, 1, 'NaN', 1, now(), 0, 0, 0, 0 FROM unnest(%s::text[]) AS arm",
        [list(GUIDE_ARMS)],
    )  # fmt: skip
    assert len(ask(database, limit="10")) == 10
    assert shadows(connection) == []
    sum_next_day(connection, NOW, CHANGES)
    days = read_days(connection, NOW.date())
    assert (days.lists, days.undrawn) == (0, 0)  # a day without any shadow is not summed
    connection.execute("UPDATE bandit_posteriors SET probability = 1.0 / 6")
    ask(database, limit="10")
    sum_next_day(connection, NOW, CHANGES)
    days = read_days(connection, NOW.date())
    assert (days.lists, days.undrawn) == (2, 1)


def test_outcomes_of_shown_movies_become_sums_by_arm_and_never_move_bandit_states(
    database: Database, connection: Connection
) -> None:
    movies = [movie for _ in range(10) for movie in ask(database, limit="10")]
    clicked = [movie for movie in movies if movie["position"] == 1]
    consume(queue_event(*(click(movie, number) for number, movie in enumerate(clicked))), database, SHADOW)
    later = NOW + timedelta(hours=1)
    settle(connection, later, Rule.of(SHADOW), later, 1000)
    assert sum_next_day(connection, later, CHANGES) == NOW.date()
    assert sum_next_day(connection, later, CHANGES) is None
    arms = read_arms(connection, NOW.date())
    kept = shadows(connection)
    assert sum(arm.successes for arm in arms) == sum(one["agreed_places"].count(1) for one in kept) > 0
    assert sum(arm.agreed for arm in arms) == sum(len(one["agreed_places"]) for one in kept)
    assert all(arm.successes + arm.failures == arm.agreed for arm in arms)
    assert sum(arm.drawn for arm in arms) == 100
    assert {arm.stocked for arm in arms} == {100}
    assert connection.execute("SELECT count(*) FROM bandit_states").fetchone() == (0,)
    assert first_difference(connection) is None
    assert connection.execute("SELECT DISTINCT ab_group FROM experiment_activity").fetchall() == [("other",)]


def test_sums_are_verified_once_a_day_is_over(database: Database, connection: Connection) -> None:
    ask(database, limit="10")
    later = NOW + timedelta(days=10)
    settle(connection, later, Rule.of(SHADOW), later, 1000)
    sum_next_day(connection, later, CHANGES)
    assert first_difference_of_all(connection, CHANGES) is None
    connection.execute("UPDATE bandit_shadow_arms SET failures = failures + 1")
    assert "do not follow from the shadows" in (first_difference_of_all(connection, CHANGES) or "")
    assert first_difference_of_all(connection, timedelta(days=20)) is None  # outcomes might still change
    rebuild(connection)
    assert sum_next_day(connection, later, CHANGES) == NOW.date()
    assert first_difference_of_all(connection, CHANGES) is None
    assert read_days(connection, NOW.date()).lists == 1


def test_a_forgotten_visitor_has_no_shadow_and_old_ones_go_with_their_lists(
    database: Database, connection: Connection
) -> None:
    ask(database)
    forget_user(connection, 1, NOW)
    assert shadows(connection) == []
    respond(http_event({"user_id": "2"}, subject="2"), SHADOW, database)
    later = NOW + timedelta(hours=1)
    settle(connection, later, Rule.of(SHADOW), later, 1000)
    list(prune(connection, NOW.replace(hour=0, minute=0) + timedelta(days=14), lambda _: None))
    assert shadows(connection) == []


def test_a_selection_has_a_shadow_whose_places_teach_the_arms_that_control_drew(
    database: Database, connection: Connection
) -> None:
    event = http_event(body={"user_id": 1, "places": 8}, route="POST /selections")
    made = json.loads(respond(event, SHADOW, database)["body"])
    (kept,) = shadows(connection)
    assert kept["movie_ids"] is None
    assert [kept["arms"][which - 1] for which in kept["agreed_arms"]] == [place["arm"] for place in made["places"]]
    assert connection.execute("SELECT DISTINCT algorithm FROM bandit_lists").fetchall() == [("hybrid_shadow",)]
