"""GET /movies/recommendations on a real database."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from bandit_selector.errors import ForeignUser, InvalidRequest, MissingTable, UnknownUser
from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.facts import drop_outs

from functions.select.handler import handler, respond
from tests.integration.events import NOW, context, http_event, load_site

SETTINGS = Settings()


@pytest.fixture
def database(connection: Connection, database_url: str) -> Iterator[Database]:
    load_site(connection)
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def movies_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])


def ask(database: Database, **query: str) -> list[dict[str, Any]]:
    return movies_of(respond(http_event({"user_id": "1", **query}), SETTINGS, database))


def test_a_list_has_the_movies_own_columns_and_what_it_was_recorded_under(
    database: Database, connection: Connection
) -> None:
    answer = respond(http_event({"user_id": "1", "limit": "5"}), SETTINGS, database)
    movies = movies_of(answer)
    recorded = connection.execute(
        "SELECT id, movie_id, algorithm, position, propensity, recommendation_id::text, context->>'context_key',"
        " created_at FROM recommendation_events ORDER BY position"
    ).fetchall()
    assert [
        (m["event_id"], m["id"], m["algorithm"], m["position"], m["propensity"], m["recommendation_id"]) for m in movies
    ] == [row[:6] for row in recorded]
    assert {row[6] for row in recorded} == {"evening|weekday|cold_start"} == {answer["headers"]["x-context-key"]}
    assert {row[7] for row in recorded} == {NOW}
    assert movies[0]["genres"] == ["Drama"]
    assert movies[0]["title"] == f"Movie {movies[0]['id']}"
    assert answer["headers"]["x-ab-group"] == "treatment"
    assert answer["headers"]["x-recommendation-id"] == movies[0]["recommendation_id"]


@pytest.mark.parametrize(
    ("given", "rule"),
    [({}, "shown"), ({"silence_counts": "seen"}, "seen"), ({"silence_counts_after": "off"}, "off")],
)
def test_a_list_keeps_the_silence_rule_it_was_shown_under(
    database: Database, connection: Connection, given: dict[str, str], rule: str
) -> None:
    respond(http_event({"user_id": "1"}), Settings.model_validate(given), database)
    assert connection.execute("SELECT silence FROM bandit_lists").fetchall() == [(rule,)]


def test_the_first_lists_draw_every_arm_alike(database: Database) -> None:
    drawn = [movie for seed in range(100) for movie in ask(database, seed=str(seed), limit="10")]
    shares = {arm: sum(movie["algorithm"] == f"bandit_{arm}" for movie in drawn) / 1000 for arm in GUIDE_ARMS}
    assert all(0.12 < share < 0.22 for share in shares.values()), shares
    assert {round(movie["propensity"], 3) for movie in drawn} == {0.167}


def test_pages_of_one_seed_make_one_list(database: Database) -> None:
    pages = [
        movie["id"] for offset in ("0", "10", "20") for movie in ask(database, seed="s", limit="10", offset=offset)
    ]
    assert len(set(pages)) == 30
    assert [movie["id"] for movie in ask(database, seed="s", limit="10", offset="10")] == pages[10:20]
    assert pages[:10] != [movie["id"] for movie in ask(database, seed="t", limit="10")]


def test_a_page_beyond_the_last_movie_is_empty_and_records_nothing(database: Database, connection: Connection) -> None:
    assert ask(database, offset="200") == []
    assert connection.execute("SELECT count(*) FROM recommendation_events").fetchone() == (0,)


@pytest.mark.parametrize("use_bandit", ["true", "false"])
def test_a_fifth_of_every_list_is_long_tail(database: Database, use_bandit: str) -> None:
    for limit in (1, 3, 10, 30):
        shown = ask(database, limit=str(limit), use_bandit=use_bandit)
        assert sum(movie["id"] > 10 for movie in shown) >= 0.2 * limit


def test_rated_movies_are_not_shown(database: Database, connection: Connection) -> None:
    connection.execute("INSERT INTO ratings SELECT 1, n, 4, now() FROM generate_series(1, 55) AS n")
    assert {movie["id"] for movie in ask(database)} == {56, 57, 58, 59, 60}


def test_control_is_the_blend_and_has_no_propensity(database: Database) -> None:
    shown = ask(database, use_bandit="false", limit="10")
    assert {(movie["algorithm"], movie["propensity"]) for movie in shown} == {("hybrid_control", None)}


def test_auto_splits_users_once_and_for_all(database: Database, connection: Connection) -> None:
    connection.execute("INSERT INTO users SELECT generate_series(4, 400)")
    groups = {
        user: [
            respond(
                http_event({"user_id": str(user), "use_bandit": "auto", "limit": "1"}, subject=str(user)),
                SETTINGS,
                database,
            )["headers"]["x-ab-group"]
            for _ in range(2)
        ]
        for user in range(1, 201)
    }
    assert all(first == second for first, second in groups.values())
    assert 75 < sum(first == "treatment" for first, _ in groups.values()) < 125


@pytest.mark.parametrize("use_bandit", ["true", "false", "auto"])
def test_while_the_bandit_is_off_everybody_gets_the_fixed_list_and_nobody_is_in_a_group(
    database: Database, connection: Connection, use_bandit: str
) -> None:
    ask(database, seed="s", limit="2")
    off = Settings(bandit="off")
    query = {"user_id": "1", "use_bandit": use_bandit, "limit": "5", "seed": "s", "offset": "2"}
    answer = respond(http_event(query), off, database)
    assert answer["headers"]["x-ab-group"] == "none"
    assert {(movie["algorithm"], movie["propensity"]) for movie in movies_of(answer)} == {("hybrid_off", None)}
    assert connection.execute("SELECT ab_group FROM bandit_lists ORDER BY id").fetchall() == [("treatment",), (None,)]
    groups = connection.execute("SELECT ab_group, sum(shown) FROM experiment_activity GROUP BY 1").fetchall()
    assert dict(groups) == {"treatment": 2, "other": 5}


def test_with_assignment_by_the_server_the_caller_cannot_choose_the_group(database: Database) -> None:
    nobody = Settings(assignment="server", treatment_share=0)
    answer = respond(http_event({"user_id": "1", "use_bandit": "true"}), nobody, database)
    assert answer["headers"]["x-ab-group"] == "control"


def test_further_factors_of_the_request_make_the_context(database: Database, connection: Connection) -> None:
    devices = Settings.model_validate({"context_factors": "device:mobile|tv"})
    connection.execute(
        "INSERT INTO bandit_posteriors (context_key, algorithm, alpha, beta, probability, version, published_at,"
        " discounted_successes, discounted_failures, seen_successes, seen_failures)"
        " VALUES ('evening|weekday|cold_start|other', 'svd', 1, 1, 1, 7, now(), 0, 0, 0, 0)"
    )
    for said, level in (("Mobile", "mobile"), ("fridge", "other"), ("", "other")):
        answer = respond(http_event({"user_id": "1", "limit": "1", "device": said}), devices, database)
        assert answer["headers"]["x-context-key"] == f"evening|weekday|cold_start|{level}"
    versions = connection.execute("SELECT DISTINCT posterior_version FROM bandit_lists").fetchall()
    assert versions == [(7,)]  # where nobody was yet, the context with the device unknown is drawn from


def test_what_is_published_is_what_is_drawn(database: Database, connection: Connection) -> None:
    for arm in GUIDE_ARMS:
        connection.execute(
            "INSERT INTO bandit_posteriors VALUES ('evening|weekday|cold_start', %s, 1, 1, %s, 7, now(), 0, 0, 0, 0)",
            [arm, 0.65 if arm == "svd" else 0.07],
        )
    shown = [movie for seed in range(60) for movie in ask(database, seed=str(seed), limit="10")]
    share = sum(movie["algorithm"] == "bandit_svd" for movie in shown) / len(shown)
    assert abs(share - 0.65) < 0.06
    assert connection.execute("SELECT DISTINCT posterior_version FROM recommendation_events").fetchall() == [(7,)]


def test_a_bandit_that_fails_serves_the_control_list_as_fallback(database: Database, connection: Connection) -> None:
    connection.execute(
        "INSERT INTO bandit_posteriors VALUES ('evening|weekday|cold_start', 'svd', 1, 1, 'NaN', 1, now(), 0, 0, 0, 0)"
    )
    shown = ask(database, limit="10")
    assert {movie["algorithm"] for movie in shown} == {"hybrid_fallback"}
    assert len(shown) == 10


def test_the_visitors_time_zone_decides_the_context(database: Database) -> None:
    answer = respond(http_event({"user_id": "1", "time_zone": "Asia/Tokyo"}), SETTINGS, database)
    assert answer["headers"]["x-context-key"] == "night|weekday|cold_start"


def test_a_user_that_is_not_there_and_a_user_that_is_not_yours(database: Database) -> None:
    with pytest.raises(UnknownUser, match="No user 99"):
        respond(http_event({"user_id": "99"}, subject="99"), SETTINGS, database)
    with pytest.raises(ForeignUser, match="'2' and cannot act for user_id 1"):
        respond(http_event({"user_id": "1"}, subject="2"), SETTINGS, database)
    assert respond(http_event({"user_id": "1"}, subject="site", scope="bandit-selector/service"), SETTINGS, database)


@pytest.mark.parametrize(
    "query",
    [{}, {"user_id": "x"}, {"user_id": "1", "limit": "51"}, {"user_id": "1", "offset": "-1"},
     {"user_id": "1", "use_bandit": "maybe"}, {"user_id": "1", "time_zone": "Mars/Olympus"}],
)  # fmt: skip
def test_a_bad_query_names_its_field(database: Database, query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        respond(http_event(query), SETTINGS, database)


def test_the_handler_answers_problems_that_name_field_and_fix() -> None:
    answer = handler(http_event({"user_id": "1", "limit": "51"}), context())
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (422, "application/problem+json")
    assert problem["errors"][0]["field"] == "limit"
    assert "less than or equal to 50" in problem["detail"]
    away = handler(http_event({"user_id": "1"}), context())
    assert (away["statusCode"], away["headers"]["retry-after"]) == (503, "5")


def test_a_database_that_went_away_is_reached_again(database: Database, connection: Connection) -> None:
    ask(database)
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    assert ask(database)


def test_a_database_without_tables_says_which_command_to_run(empty_database_url: str) -> None:
    bare = closing(Database(lambda: empty_database_url))
    with bare as database, pytest.raises(MissingTable, match=r"\./dev migrate"):
        respond(http_event({"user_id": "1"}), SETTINGS, database)


@pytest.mark.usefixtures("database")
def test_a_list_takes_two_round_trips(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        turns: list[str] = []
        threading.Thread(target=relay, args=(listener, urlsplit(database_url).port, turns), daemon=True).start()
        with closing(Database(lambda: f"{database_url}?port={port}")) as watched:
            for _ in range(8):  # psycopg prepares statements on their fifth use
                turns.clear()
                ask(watched)
    assert turns == ["asked", "answered", "asked", "answered"]


def relay(listener: socket.socket, port: int | None, turns: list[str]) -> None:
    """Passes bytes between one client and the server at `port`, and records their order."""
    client, server = listener.accept()[0], socket.create_connection(("127.0.0.1", port or 0))
    threading.Thread(target=copy, args=(server, client, "answered", turns), daemon=True).start()
    copy(client, server, "asked", turns)


def copy(source: socket.socket, target: socket.socket, turn: str, turns: list[str]) -> None:
    with suppress(OSError), source, target:
        while (data := source.recv(65536)) and data[:1] != b"X":
            if turns[-1:] != [turn]:
                turns.append(turn)
            target.sendall(data)


def test_places_for_which_an_arm_had_no_movie_left_are_counted(database: Database, connection: Connection) -> None:
    connection.execute("UPDATE recommendation_candidates SET movie_ids = '{1}', scores = '{1}' WHERE algorithm = 'svd'")
    shown = [movie for seed in range(30) for movie in ask(database, seed=str(seed), limit="10")]
    lacking = [movie for movie in shown if round(movie["propensity"], 3) > 0.167]
    assert 0 < len(lacking) < len(shown)
    bits = connection.execute("SELECT sum(bit_count(dropped_out::bit(64))) FROM bandit_lists").fetchone()
    assert bits == (len(lacking),)
    counted = drop_outs(connection, NOW, NOW + timedelta(days=1), one_in=1)
    assert sum(places for places, _ in counted.values()) == len(shown)
    assert sum(places - whole for places, whole in counted.values()) == len(lacking)
    assert counted["svd"] == (sum(m["algorithm"] == "bandit_svd" for m in shown),) * 2
