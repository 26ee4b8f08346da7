"""Whatever a site's columns hold, the visitor gets a list, and what was answered is what was recorded."""

import json
import math
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from bandit_selector.settings import GUIDE_ARMS, Settings
from bandit_selector.store.connection import Connection, Database
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from functions.select.handler import respond
from tests.integration.events import http_event, load_site

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


def ask(database: Database, use_bandit: str) -> list[dict[str, Any]]:
    answer = respond(http_event({"user_id": "1", "limit": "12", "use_bandit": use_bandit}), Settings(), database)
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
