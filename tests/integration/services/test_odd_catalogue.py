"""Whatever a site's columns hold, the visitor gets a list, and what was answered is what was recorded."""

import json
import math
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from bandit_selector.health.genres import parse_genres
from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.candidates import read_movies
from bandit_selector.store.connection import Connection, Database
from bandit_selector.store.facts import catalogue_genres, sample_lists
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from functions.select.handler import respond
from tests.integration.events import NOW, http_event, load_site

SAME_DATABASE = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)


@pytest.fixture
def database(connection: Connection, database_url: str) -> Iterator[Database]:
    load_site(connection, movies=12)
    connection.execute(
        "ALTER TABLE movies ALTER genres TYPE text, ADD vote_average double precision, ADD release_date date,"
        " ADD extra jsonb"
    )
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def ask(database: Database, use_bandit: str, **chosen: Any) -> list[dict[str, Any]]:
    event = http_event({"user_id": "1", "limit": "12", "use_bandit": use_bandit})
    answer = respond(event, Settings.model_validate(chosen), database)
    return movies_in(answer)


def movies_in(answer: dict[str, Any]) -> list[dict[str, Any]]:
    assert answer["statusCode"] == 200
    return json.loads(answer["body"], parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def recorded(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT id, movie_id, algorithm, position FROM recommendation_events ORDER BY position"
    ).fetchall()


@SAME_DATABASE
@given(
    genres=st.none() | texts | st.lists(texts, max_size=3).map(json.dumps),
    vote=st.none() | st.floats(),
    extra=st.none() | texts | st.lists(texts, max_size=3),
    gone=st.sets(st.integers(1, 12), max_size=12),
    use_bandit=st.sampled_from(("true", "false")),
)
@example(genres="['Drama', 'Crime']", vote=math.nan, extra=None, gone={1, 2}, use_bandit="true")
@example(genres="[Drama", vote=math.inf, extra=None, gone=set(range(1, 13)), use_bandit="false")
@example(genres="A|B", vote=None, extra=None, gone=set(), use_bandit="true")
def test_whatever_a_movie_holds_its_list_is_answered_as_it_is_recorded(
    connection: Connection,
    database: Database,
    genres: str | None,
    vote: float | None,
    extra: str | list[str] | None,
    gone: set[int],
    use_bandit: str,
) -> None:
    connection.execute("TRUNCATE bandit_lists, bandit_unsettled")
    with connection.transaction(force_rollback=False):
        connection.execute("DELETE FROM movies WHERE id = ANY(%s)", [list(gone)])
        connection.execute(
            "UPDATE movies SET genres = %s, vote_average = %s, extra = %s", [genres, vote, json.dumps(extra)]
        )
    movies = ask(database, use_bandit)
    assert [(m["event_id"], m["id"], m["algorithm"], m["position"]) for m in movies] == recorded(connection)
    assert {movie["id"] for movie in movies} == set(range(1, 13)) - gone
    assert all(type(movie["genres"]) is list and all(movie["genres"]) for movie in movies)
    connection.execute(
        "INSERT INTO movies (id, title, genres) SELECT n, 'Movie', NULL FROM unnest(%s::integer[]) AS n", [list(gone)]
    )


def test_known_forms_of_genres_are_read(database: Database, connection: Connection) -> None:
    for form in ("['Drama', 'Crime']", '["Drama", "Crime"]', "Drama|Crime", "Drama, Crime", "[Drama, Crime"):
        connection.execute("UPDATE movies SET genres = %s", [form])
        assert ask(database, "true")[0]["genres"] == ["Drama", "Crime"], form


def test_an_arm_whose_own_list_is_used_up_goes_on_with_everybodys(database: Database, connection: Connection) -> None:
    for arm in GUIDE_ARMS:
        connection.execute("INSERT INTO recommendation_candidates VALUES (1, %s, '{1,2,3}', '{1,.5,.2}', now())", [arm])
    connection.execute("INSERT INTO ratings SELECT 1, n, 4, now() FROM generate_series(1, 3) AS n")
    for use_bandit in ("true", "false"):
        assert {movie["id"] for movie in ask(database, use_bandit)} == set(range(4, 13))


NUMBERS = {"numeric": "1e5000", "jsonb": '{"worth": 1e5000}', "json": f"[{'9' * 4090}]"}


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_number_of_thousands_of_digits_costs_no_list(database: Database, connection: Connection, kind: str) -> None:
    connection.execute(f"ALTER TABLE movies ADD odd {kind} DEFAULT '{NUMBERS[kind]}'".encode())
    movies = ask(database, "true")
    assert len(movies) == 12
    assert {json.dumps(movie["odd"]) for movie in movies} <= {"null", '{"worth": null}', NUMBERS["json"]}


def test_a_value_nested_deeper_than_python_reads_costs_its_movies_columns_only(
    database: Database, connection: Connection
) -> None:
    connection.execute("SET max_stack_depth = '7MB'")
    connection.execute("ALTER TABLE movies ADD deep json")
    connection.execute("UPDATE movies SET deep = %s::text::json WHERE id = 3", ["[" * 20_000 + "]" * 20_000])
    movies = {movie["id"]: movie for movie in ask(database, "true", movie_columns="deep")}
    assert movies.keys() == set(range(1, 13))
    assert (movies[2]["title"], movies[3].get("title")) == ("Movie 2", None)


COLUMNS_OF_GENRES = {
    "text": "Drama|Sci Fi",
    "varchar": '["Drama", "Sci Fi"]',
    "json": '["Drama", "Sci Fi"]',
    "jsonb": '[{"name": "Drama"}, {"name": "Sci Fi"}]',
    "text[]": '{Drama,"Sci Fi"}',
    "genre[]": '{Drama,"Sci Fi"}',
    "genres": '{Drama,"Sci Fi"}',
}


@pytest.mark.parametrize("kind", COLUMNS_OF_GENRES)
def test_every_type_of_column_has_the_same_genres_for_visitors_lists_and_report(
    database: Database, connection: Connection, kind: str
) -> None:
    connection.execute(
        f"""
        CREATE TYPE genre AS ENUM ('Drama', 'Sci Fi');
        CREATE DOMAIN genres AS text[];
        ALTER TABLE movies DROP genres;
        ALTER TABLE movies ADD genres {kind} DEFAULT '{COLUMNS_OF_GENRES[kind]}'
        """.encode()
    )
    read = ("Drama", "Sci Fi")
    assert {tuple(movie["genres"]) for movie in ask(database, "true")} == {read}
    assert {genres for _, genres in read_movies(connection)} == {read}
    assert [parse_genres(text) for text in catalogue_genres(connection)] == [read]
    (shown,) = sample_lists(connection, NOW, NOW + timedelta(hours=1), 1)
    assert {parse_genres(text) for text in shown.genres} == {read}


@SAME_DATABASE
@given(
    scores=st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=4),
    use_bandit=st.sampled_from(("true", "false")),
    limit=st.integers(1, 3),
)
@example(scores=[1e-50, 1e-60], use_bandit="true", limit=3)
@example(scores=[1e30, 1e-30, 0], use_bandit="false", limit=3)
def test_candidates_of_a_request_with_any_scores_are_answered(
    database: Database, scores: list[float], use_bandit: str, limit: int
) -> None:
    offers = [{"movie_id": movie, "score": score} for movie, score in enumerate(scores, start=1)]
    body = {"user_id": 1, "limit": limit, "use_bandit": use_bandit, "candidates": {"svd": offers}}
    event = http_event(body=body, scope="service", route="POST /movies/recommendations")
    assert len(movies_in(respond(event, Settings(), database))) == min(limit, len(scores))


def test_stored_scores_of_any_size_blend_to_a_list(database: Database, connection: Connection) -> None:
    connection.execute("UPDATE recommendation_candidates SET movie_ids = '{1,2,3}', scores = '{3e38,1e-45,0}'")
    assert [movie["id"] for movie in ask(database, "false")][:2] == [1, 2]
