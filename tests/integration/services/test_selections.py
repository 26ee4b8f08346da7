"""POST /selections and POST /movies/recommendations on a real database: arms and lists by request."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from bandit_selector.errors import BodyTooLarge, ForeignUser, InvalidRequest, MissingScope
from bandit_selector.feedback import Message, by_list
from bandit_selector.learning.guard import remaining
from bandit_selector.lists.selection import draw_arms
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.feedback_rule import Rule
from bandit_selector.store.outcomes import apply, settle
from bandit_selector.store.verification import first_difference
from hypothesis import given
from hypothesis import strategies as st

from functions.select.handler import respond
from tests.builders import message
from tests.integration.events import NOW, http_event, load_site

LATER = NOW + timedelta(minutes=1)
END = NOW + timedelta(hours=1)
RULE = Rule.of(Settings())
OWN = {"svd": [{"movie_id": 7, "score": 0.9}, {"movie_id": 7, "score": 0.8}, {"movie_id": 3, "score": 0.5}]}


@pytest.fixture
def database(connection: Connection, database_url: str) -> Iterator[Database]:
    load_site(connection)
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def select(database: Database, settings: Settings | None = None, **body: object) -> dict[str, Any]:
    event = http_event(body={"user_id": 1, "places": 3, **body}, route="POST /selections")
    return json.loads(respond(event, settings or Settings(), database)["body"])


def recommend(database: Database, scope: str = "service", **body: object) -> list[dict[str, Any]]:
    event = http_event(
        body={"user_id": 1, "candidates": OWN, **body},
        route="POST /movies/recommendations",
        scope=scope,
        subject="site",
    )
    return json.loads(respond(event, Settings(), database)["body"])


def seen(event_ids: Sequence[int]) -> list[Message]:
    return [
        message(100 + at, "seen", LATER, event_id=first, seen=bits)
        for at, (first, bits) in enumerate(by_list(event_ids).items())
    ]


def cells(connection: Connection) -> int:
    row = connection.execute("SELECT coalesce(sum(total_pulls), 0) FROM bandit_states").fetchone()
    assert row
    return int(row[0])


def test_a_selection_says_which_arm_fills_each_place_and_the_view_shows_it(
    database: Database, connection: Connection
) -> None:
    made = select(database, places=5)
    recorded = connection.execute(
        "SELECT position, substr(algorithm, 8), propensity, id, recommendation_id::text, movie_id, outcome,"
        " context->>'context_key' FROM recommendation_events ORDER BY position"
    ).fetchall()
    assert [row[:4] for row in recorded] == [tuple(place.values()) for place in made["places"]]
    assert {row[4:] for row in recorded} == {(made["selection_id"], None, None, made["context_key"])}
    assert made["group"] == "treatment"


def test_only_places_that_were_reported_have_an_outcome(database: Database, connection: Connection) -> None:
    made = select(database, places=4)
    first, second, third, _ = (place["event_id"] for place in made["places"])
    apply(connection, [*seen([first, second]), message(1, "click", LATER, event_id=first)], RULE, END)
    apply(connection, [message(2, "thumbs_up", LATER, event_id=third)], RULE, END)
    settle(connection, END, RULE, END, 10)
    outcomes = connection.execute("SELECT outcome FROM recommendation_events ORDER BY position").fetchall()
    assert outcomes == [("success",), ("failure",), ("success",), (None,)]
    assert cells(connection) == 3
    assert connection.execute("SELECT sum(shown), sum(clicked) FROM experiment_days").fetchone() == (3, 1)
    assert first_difference(connection) is None


def test_a_selection_that_is_never_reported_has_no_outcome_and_a_late_report_counts(
    database: Database, connection: Connection
) -> None:
    made = select(database)
    settle(connection, END, RULE, END, 10)
    assert cells(connection) == 0
    assert connection.execute("SELECT sum(shown) FROM experiment_days").fetchone() == (0,)
    apply(connection, seen([place["event_id"] for place in made["places"]]), RULE, END)
    assert cells(connection) == 3
    assert first_difference(connection) is None


def test_control_draws_arms_by_its_weights_and_teaches_nothing(database: Database, connection: Connection) -> None:
    made = [select(database, places=50, use_bandit=False) for _ in range(20)]
    places = [place for one in made for place in one["places"]]
    assert {(one["group"]) for one in made} == {"control"}
    assert {place["arm"]: round(place["propensity"], 6) for place in places} == {
        "svd": 0.6,
        "item_cf": 0.25,
        "embeddings": 0.15,
    }
    assert 540 < sum(place["arm"] == "svd" for place in places) < 660
    apply(connection, seen([place["event_id"] for place in made[0]["places"]]), RULE, END)
    settle(connection, END, RULE, END, 100)
    assert cells(connection) == 0
    assert connection.execute("SELECT ab_group, sum(shown) FROM experiment_days GROUP BY 1").fetchall() == [
        ("control", 50)
    ]
    drawn = connection.execute("SELECT arm, count(*)::int FROM bandit_impressions GROUP BY arm").fetchall()
    assert dict(drawn) == {
        arm: sum(place["arm"] == arm for place in places) for arm in ("svd", "item_cf", "embeddings")
    }
    assert first_difference(connection) is None


def test_only_arms_that_have_something_are_drawn(database: Database) -> None:
    made = select(database, places=50, arms=["graph", "svd"])
    assert {place["arm"] for place in made["places"]} == {"graph", "svd"}
    assert {round(place["propensity"], 6) for place in made["places"]} == {0.5}
    control = select(database, places=50, arms=["graph"], use_bandit="false")
    assert {(place["arm"], place["propensity"]) for place in control["places"]} == {("graph", 1)}


def test_a_visitor_of_another_product_needs_no_row_of_ours(database: Database) -> None:
    event = http_event(body={"user_id": 99, "places": 1}, route="POST /selections", subject="99")
    assert json.loads(respond(event, Settings(), database)["body"])["context_key"].endswith("cold_start")
    with pytest.raises(ForeignUser):
        select(database, user_id=99)


def test_further_fields_of_a_body_make_the_context(database: Database) -> None:
    settings = Settings(context_factors={"device": ("mobile",)})
    assert select(database, settings, device="Mobile")["context_key"] == "evening|weekday|cold_start|mobile"


def test_with_the_bandit_off_control_draws_for_nobody(database: Database, connection: Connection) -> None:
    assert select(database, Settings(bandit="off"))["group"] is None
    assert connection.execute("SELECT DISTINCT algorithm FROM recommendation_events").fetchall() == [("hybrid_off",)]


def test_an_arm_that_is_not_configured_is_named(database: Database) -> None:
    with pytest.raises(InvalidRequest, match=r"arms\.nope: this is not one of the arms svd"):
        select(database, arms=["nope"])
    with pytest.raises(InvalidRequest, match=r"candidates\.nope"):
        recommend(database, candidates={"nope": []})


def test_a_list_is_made_of_the_candidates_in_the_body_alone(database: Database, connection: Connection) -> None:
    made = recommend(database, limit=50)
    assert {(movie["id"], movie["algorithm"]) for movie in made} == {(7, "bandit_svd"), (3, "bandit_svd")}
    recorded = connection.execute("SELECT movie_id, propensity FROM recommendation_events ORDER BY position").fetchall()
    assert recorded == [(movie["id"], movie["propensity"]) for movie in made]


def test_control_blends_the_candidates_and_rated_movies_are_left_out(
    database: Database, connection: Connection
) -> None:
    connection.execute("INSERT INTO ratings VALUES (1, 3, 4, now())")
    own = {"svd": [{"movie_id": 3, "score": 9}, {"movie_id": 999, "score": 8}], "graph": [{"movie_id": 1, "score": 1}]}
    made = recommend(database, candidates=own, use_bandit="false")
    assert [(movie["id"], movie["algorithm"]) for movie in made] == [(1, "hybrid_control")]


def test_the_long_tail_has_its_share_of_sent_candidates(database: Database) -> None:
    own = {"svd": [{"movie_id": n, "score": 60 - n} for n in range(1, 31)]}
    made = recommend(database, candidates=own, limit=10)
    assert sum(movie["id"] > 10 for movie in made) >= 2


def test_pages_of_a_seed_are_windows_of_one_list(database: Database) -> None:
    own = {"svd": [{"movie_id": n, "score": 1} for n in range(1, 31)]}
    first = recommend(database, candidates=own, seed="s", limit=10)
    assert recommend(database, candidates=own, seed="s", limit=15)[:10] == first


def test_candidates_need_the_scope_service_and_have_a_bound(database: Database) -> None:
    with pytest.raises(MissingScope):
        recommend(database, scope="analytics")
    with pytest.raises(BodyTooLarge):
        recommend(database, padding="x" * 256_000)


@given(st.dictionaries(st.text(min_size=1), st.floats(0, 1), min_size=1, max_size=6), st.integers(1, 50), st.integers())
def test_every_propensity_is_the_chance_it_was_drawn_with(chances: dict[str, float], places: int, seed: int) -> None:
    drawn = draw_arms(chances, places, Random(seed))
    scaled = dict(zip(chances, remaining(list(chances.values())), strict=True))
    assert len(drawn) == places
    assert all(choice.propensity == pytest.approx(scaled[choice.arm], rel=1e-6) for choice in drawn)


def test_selections_and_lists_are_of_the_same_phase_of_the_test(database: Database, connection: Connection) -> None:
    select(database)
    recommend(database)
    select(database, Settings(bandit="off"))
    kept = connection.execute("SELECT ramp_phase, count(*) FROM bandit_lists GROUP BY 1 ORDER BY 1").fetchall()
    phases = connection.execute("SELECT phase FROM bandit_phases").fetchall()
    assert kept == [(phases[0][0], 2), (None, 1)]


def test_places_beyond_the_visitors_bound_count_nowhere(database: Database, connection: Connection) -> None:
    settings = Settings(max_places_per_visitor=4)
    made = [select(database, settings, places=3) for _ in range(3)]
    counted = connection.execute("SELECT counted_places FROM bandit_lists ORDER BY id").fetchall()
    assert sorted(counted, key=str) == [(0,), (1,), (None,)]
    apply(connection, seen([place["event_id"] for one in made for place in one["places"]]), RULE, END)
    settle(connection, END, RULE, END, 10)
    assert cells(connection) == 4
    assert first_difference(connection) is None
