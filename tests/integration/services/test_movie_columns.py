"""An answer has what a page reads of a movie: no vector, no bytes, no novel, whatever columns the site adds."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from bandit_selector.settings import Settings
from bandit_selector.store.connection import Connection, Database

from functions.select.handler import respond
from tests.integration.events import http_event, load_site


@pytest.fixture
def database(connection: Connection, database_url: str) -> Iterator[Database]:
    load_site(connection, movies=40)
    connection.execute(
        """
        CREATE DOMAIN picture AS bytea;
        ALTER TABLE movies ADD poster_url text DEFAULT 'https://posters.example/1.jpg', ADD release_date date,
            ADD overview text, ADD credits json, ADD facets jsonb, ADD thumbnail picture DEFAULT '\\x00',
            ADD embedding real[], ADD "100 % odd ""name" text DEFAULT 'kept';
        UPDATE movies SET embedding = array_fill(random()::real, ARRAY[768]), overview = repeat('a', 4096),
            release_date = '1999-03-31', facets = '{"mood": ["dark"]}',
            credits = to_json(ARRAY(SELECT md5(random()::text) FROM generate_series(1, 200)))
        """
    )
    with closing(Database(lambda: database_url)) as opened:
        yield opened


def ask(database: Database, offset: int = 0, **chosen: Any) -> str:
    query = {"user_id": "1", "seed": "s", "limit": "30", "offset": str(offset)}
    answer = respond(http_event(query), Settings.model_validate(chosen), database)
    assert answer["statusCode"] == 200
    return answer["body"]


def ours(movies: list[dict[str, Any]]) -> set[str]:
    return set(movies[0]) - {"algorithm", "position", "propensity", "event_id", "recommendation_id"}


def test_vectors_and_bytes_are_left_out_and_large_values_are_null(database: Database) -> None:
    body = ask(database)
    movies = json.loads(body)
    assert ours(movies) == {
        *("id", "title", "genres", "poster_url", "release_date", "overview", "credits", "facets", '100 % odd "name')
    }
    assert {(len(movie["overview"]), movie["credits"]) for movie in movies} == {(4096, None)}
    assert (movies[0]["release_date"], movies[0]["facets"]) == ("1999-03-31", {"mood": ["dark"]})


def test_one_byte_more_is_too_large_and_a_title_never_is(database: Database, connection: Connection) -> None:
    connection.execute("UPDATE movies SET overview = repeat('a', 4097), title = repeat('t', 5000)")
    movies = json.loads(ask(database))
    assert {(movie["overview"], len(movie["title"])) for movie in movies} == {(None, 5000)}


def test_a_list_stays_small_beside_an_embedding(
    database: Database, connection: Connection, record_property: Callable[[str, object], None]
) -> None:
    connection.execute("UPDATE movies SET overview = repeat('a', 300)")
    lean, whole = len(ask(database)), len(ask(database, movie_columns="overview,embedding,poster_url,release_date"))
    record_property("bytes of a list of 30 beside an embedding of 768 numbers", f"{lean}, with it {whole}")
    assert lean * 5 < whole


def test_chosen_columns_are_sent_whatever_their_size_and_unknown_ones_are_left_out(database: Database) -> None:
    movies = json.loads(ask(database, movie_columns="embedding,credits,no_such_column"))
    assert ours(movies) == {"id", "title", "genres", "embedding", "credits"}
    assert {(len(movie["embedding"]), len(movie["credits"])) for movie in movies} == {(768, 200)}


def test_a_page_shown_again_has_the_same_columns(database: Database) -> None:
    assert ask(database) == ask(database)


def test_a_site_that_changes_its_columns_needs_no_restart(database: Database, connection: Connection) -> None:
    first = json.loads(ask(database))
    connection.execute("ALTER TABLE movies DROP overview, ADD tagline text DEFAULT 'New'")
    again = json.loads(ask(database))
    assert ours(again) == ours(first) - {"overview"} | {"tagline"}
    assert [movie["event_id"] for movie in again] == [movie["event_id"] for movie in first]


def test_a_column_may_have_any_name(database: Database, connection: Connection) -> None:
    """Also those that our statements use."""
    names = [
        "m",
        "movies",
        "p",
        "place",
        "movie",
        "text",
        "list",
        "number",
        "movie_id",
        "whole",
        "{x}",
        "%(now)s",
        "%%",
    ]
    for name in names:
        connection.execute(f"ALTER TABLE movies ADD \"{name}\" text DEFAULT 'kept'".encode())
    for movie in json.loads(ask(database)) + json.loads(ask(database)):
        assert {movie[name] for name in names} == {"kept"}
    assert ours(json.loads(ask(database, movie_columns="m"))) == {"id", "title", "genres", "m"}


def test_a_column_that_the_role_may_not_read_is_left_out(database: Database, connection: Connection) -> None:
    connection.execute(
        """
        DROP ROLE IF EXISTS reader_of_some;
        CREATE ROLE reader_of_some;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader_of_some;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO reader_of_some;
        REVOKE SELECT ON movies FROM reader_of_some;
        GRANT SELECT (id, title, genres, poster_url) ON movies TO reader_of_some;
        """
    )
    database.run(lambda one: one.execute("SET ROLE reader_of_some"))
    assert ours(json.loads(ask(database))) == {"id", "title", "genres", "poster_url"}
    database.close()
    connection.execute("DROP OWNED BY reader_of_some; DROP ROLE reader_of_some")
