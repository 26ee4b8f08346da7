"""Building the candidate lists in a real database: a reader's view before, during and after."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from bandit_selector.errors import MissingTable
from bandit_selector.services.report import Now, make_report
from bandit_selector.settings import Settings
from bandit_selector.store.candidates import (
    CandidateRow,
    read_movies,
    read_ratings,
    replace_candidates,
    unusable_ratings,
)
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.candidates.arms import ARMS
from functions.candidates.handler import build
from functions.candidates.lists import silent
from infra.local import site

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
LATER = datetime(2026, 11, 24, 3, tzinfo=UTC)


def small_catalogue() -> site.Catalogue:
    rng = np.random.default_rng(1)
    users, movies = np.nonzero(rng.random((20, 30)) < 0.4)
    values = rng.integers(1, 11, len(users)) / 2
    ratings = site.Ratings(users + 1, movies + 1, values, np.arange(len(users)) + 1_600_000_000)
    titles = tuple(site.Movie(movie, f"Movie {movie}", ("Drama", "Comedy")[: movie % 3]) for movie in range(1, 31))
    return site.Catalogue(np.arange(1, 21), titles, ratings)


def rows(connection: Connection, statement: Any) -> list[Any]:
    return connection.execute(statement).fetchall()


def test_what_was_loaded_is_what_the_builder_reads(connection: Connection) -> None:
    catalogue = small_catalogue()
    site.load(connection, catalogue)
    given = catalogue.ratings
    assert sorted(zip(*read_ratings(connection), strict=True)) == sorted(
        zip(given.users, given.movies, given.values, given.times, strict=True)
    )
    assert read_movies(connection) == [(movie.id, movie.genres) for movie in catalogue.movies]


def test_loading_again_replaces_and_adds_nothing(connection: Connection) -> None:
    site.load(connection, small_catalogue())
    before = rows(connection, "SELECT * FROM ratings ORDER BY 1, 2")
    site.load(connection, small_catalogue())
    assert rows(connection, "SELECT * FROM ratings ORDER BY 1, 2") == before
    assert rows(connection, "SELECT count(*) FROM movies") == [(30,)]


def test_building_writes_lists_and_popularity(connection: Connection) -> None:
    site.load(connection, small_catalogue())
    written = build(connection, silent, NOW).lists
    assert rows(connection, "SELECT count(*), min(updated_at) FROM recommendation_candidates") == [(written, NOW)]
    assert {arm for (arm,) in rows(connection, "SELECT algorithm FROM recommendation_candidates")} == set(ARMS)
    counted = "SELECT id, (SELECT count(*) FROM ratings WHERE movie_id = movies.id) FROM movies ORDER BY id"
    assert rows(connection, "SELECT movie_id, ratings FROM movie_popularity ORDER BY 1") == rows(connection, counted)
    rated = """
        SELECT 1 FROM recommendation_candidates c
        JOIN ratings r ON r.user_id = c.user_id AND r.movie_id = ANY(c.movie_ids)
    """
    assert rows(connection, rated) == []


def test_building_writes_each_movies_neighbours(connection: Connection) -> None:
    site.load(connection, small_catalogue())
    build(connection, silent, NOW)
    before = rows(
        connection, "SELECT movie_id, movie_ids, transitions, cosines FROM movie_neighbours ORDER BY movie_id"
    )
    assert len(before) == 30
    assert all(20 < len(ids) == len(transitions) == len(cosines) < 30 for _, ids, transitions, cosines in before)
    connection.execute("DELETE FROM ratings WHERE movie_id = 7")
    build(connection, silent, LATER)
    after = {
        movie: neighbours
        for movie, neighbours, *_ in rows(
            connection, "SELECT movie_id, movie_ids, transitions, cosines FROM movie_neighbours"
        )
    }
    assert sorted(after) == [movie for movie in range(1, 31) if movie != 7]
    assert not any(7 in neighbours for neighbours in after.values())


def test_a_site_without_times_keeps_the_neighbours_it_wrote(connection: Connection) -> None:
    site.load(connection, small_catalogue())
    connection.execute("INSERT INTO movie_neighbours VALUES (1, '{2}', '{1}', '{1}')")
    connection.execute('ALTER TABLE ratings RENAME "timestamp" TO rated_at')
    try:
        assert build(connection, silent, NOW).lists > 0
    finally:
        connection.execute('ALTER TABLE ratings RENAME rated_at TO "timestamp"')
    assert rows(connection, "SELECT movie_id, movie_ids FROM movie_neighbours") == [(1, [2])]


def test_building_again_without_news_writes_everybodys_lists_alone(connection: Connection) -> None:
    site.load(connection, small_catalogue())
    connection.execute("INSERT INTO recommendation_candidates VALUES (1, 'editors', '{3}', '{1}', %s)", [NOW])
    first, everybodys = build(connection, silent, NOW), len(ARMS)
    before = versions(connection)
    again = build(connection, silent, LATER)
    assert (first.written, again.lists, again.written) == (first.lists, first.lists, everybodys)
    assert versions(connection) == before
    dated = "SELECT user_id, count(*) FROM recommendation_candidates WHERE updated_at = %s GROUP BY user_id"
    assert connection.execute(dated, [LATER]).fetchall() == [(0, everybodys)]


def versions(connection: Connection) -> list[Any]:
    """Which transaction wrote each row that is not user 0's."""
    return rows(
        connection,
        "SELECT 'lists', user_id::text || algorithm, xmin FROM recommendation_candidates WHERE user_id > 0"
        " UNION ALL SELECT 'serving', user_id::text, xmin FROM bandit_candidates"
        " UNION ALL SELECT 'popularity', movie_id::text, xmin FROM movie_popularity"
        " UNION ALL SELECT 'neighbours', movie_id::text, xmin FROM movie_neighbours ORDER BY 1, 2",
    )


SOME_LISTS = st.dictionaries(
    st.tuples(st.integers(0, 3), st.sampled_from(("svd", "graph"))),
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from((0.25, 0.5, float("nan")))), max_size=3),
    max_size=5,
)
TAILS = st.dictionaries(st.integers(1, 4), st.tuples(st.integers(0, 2), st.booleans()))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nights=st.lists(st.tuples(SOME_LISTS, TAILS), min_size=1, max_size=4))
def test_after_each_night_the_lists_are_those_that_arrived(connection: Connection, nights: list[Any]) -> None:
    connection.execute("DELETE FROM recommendation_candidates")
    connection.execute("INSERT INTO recommendation_candidates VALUES (1, 'editors', '{3}', '{1}', %s)", [NOW])
    for lists, tails in nights:
        made = [(user, arm, [m for m, _ in one], [score for _, score in one]) for (user, arm), one in lists.items()]
        popular = [(movie, *rated) for movie, rated in tails.items()]
        replaced = replace_candidates(connection, ["svd", "graph"], made, popular, LATER)
        assert replaced.lists == len(made) >= replaced.written
        found = rows(connection, "SELECT user_id, algorithm, movie_ids, scores FROM recommendation_candidates")
        assert {repr(row) for row in found} == {repr(row) for row in [*made, (1, "editors", [3], [1.0])]}
        assert set(rows(connection, "SELECT movie_id, ratings, long_tail FROM movie_popularity")) == set(popular)


def test_a_reader_sees_the_old_lists_until_the_new_are_whole(connection: Connection, database_url: str) -> None:
    replace_candidates(connection, ["svd"], [(1, "svd", [7], [1.0])], [(7, 1, False)], NOW)
    seen: list[list[Any]] = []

    def lists(reader: Connection) -> Iterator[CandidateRow]:
        for user in range(1, 4):
            yield user, "svd", [8], [0.5]
            seen.append(rows(reader, "SELECT user_id, movie_ids FROM recommendation_candidates"))

    with connect(database_url) as reader:
        replace_candidates(connection, ["svd"], lists(reader), [(8, 1, False)], LATER)
        after = rows(reader, "SELECT user_id, movie_ids FROM recommendation_candidates ORDER BY 1")
    assert seen == [[(1, [7])]] * 3
    assert after == [(1, [8]), (2, [8]), (3, [8])]


def test_a_build_that_fails_half_way_changes_nothing(connection: Connection) -> None:
    replace_candidates(connection, ["svd"], [(1, "svd", [7], [1.0])], [(7, 1, False)], NOW)

    def failing() -> Iterator[CandidateRow]:
        yield 1, "svd", [8], [0.5]
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        replace_candidates(connection, ["svd"], failing(), [], LATER)
    assert rows(connection, "SELECT movie_ids FROM recommendation_candidates") == [([7],)]
    assert rows(connection, "SELECT movie_id FROM movie_popularity") == [(7,)]


@pytest.mark.parametrize("kind", ["json", "jsonb", "text"])
def test_genres_are_read_from_any_kind_of_column(empty_database_url: str, kind: str) -> None:
    with connect(empty_database_url) as connection:
        connection.execute(f"CREATE TABLE movies (id int PRIMARY KEY, title text, genres {kind})".encode())
        connection.execute("""INSERT INTO movies VALUES (1, 'A', '["Drama", "War"]'), (2, 'B', NULL)""")
        assert read_movies(connection) == [(1, ("Drama", "War")), (2, ())]


def test_a_database_without_the_sites_tables_is_named_as_such(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection, pytest.raises(MissingTable):
        build(connection, silent, NOW)


def test_the_nightly_event_builds_and_dates_the_lists(database_url: str) -> None:
    with connect(database_url) as connection:
        site.load(connection, small_catalogue())
        answered = invoke("functions.candidates.handler", {"time": NOW.isoformat()}, {"DATABASE_URL": database_url})
        found = rows(connection, "SELECT count(*), min(updated_at), max(updated_at) FROM recommendation_candidates")
    assert found == [(answered["lists"], NOW, NOW)]
    assert answered["lists"] > len(ARMS)


def invoke(module: str, event: dict[str, str], environment: dict[str, str]) -> dict[str, int]:
    """The handler's answer in a new process with that environment only."""
    lambda_context = "__import__('awslambdaric.lambda_context').lambda_context.LambdaContext('1', None, None, 2**42)"
    program = f"import json, {module} as m; print(json.dumps(m.handler({event!r}, {lambda_context})))"
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


FAR = 2**53 + 1
UNUSABLE: list[tuple[int | None, int | None, float | None]] = [
    *((1, 2, rating) for rating in (float("nan"), float("inf"), float("-inf"), 99, 0, 0.4, -1, None)),
    *((user, 2, 3) for user in (None, FAR, 0, -1)),
    *((1, movie, 3) for movie in (None, FAR, 0, -1)),
]


def test_unusable_rows_are_left_out_and_counted(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        for statement in (
            "CREATE TABLE users (id bigint)",
            "CREATE TABLE movies (id bigint, title text, genres text)",
            "CREATE TABLE ratings (user_id bigint, movie_id bigint, rating double precision)",
            "INSERT INTO movies SELECT n, 'M', '[\"Drama\"]' FROM generate_series(1, 30) AS n",
            "INSERT INTO movies VALUES (9007199254740993, 'far', NULL), (NULL, 'none', NULL), (-1, 'below', NULL)",
            "INSERT INTO ratings SELECT u, m, 1 + u * m % 5 FROM generate_series(1, 9) u, generate_series(1, 30, 2) m",
        ):
            connection.execute(statement)
        migrate(connection)
        *before, seconds = [column.tolist() for column in read_ratings(connection)]
        assert np.isnan(seconds).all()
        assert build(connection, silent, NOW).lists > 0
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO ratings VALUES (%s, %s, %s)", UNUSABLE)
        assert [column.tolist() for column in read_ratings(connection)][:3] == before
        assert build(connection, silent, LATER).lists > 0
        assert unusable_ratings(connection) == len(UNUSABLE)
        check = make_report(connection, 7, LATER, Settings(), Now.read(connection, None, NOW, Settings())).checks[
            "candidates"
        ]
    assert check.metrics["unusable_ratings"] == len(UNUSABLE)


@pytest.mark.parametrize(("movies", "users"), [(0, 0), (3, 0), (1, 1), (2, 1), (1, 3), (5, 5)])
def test_however_little_there_is_the_build_ends(connection: Connection, movies: int, users: int) -> None:
    connection.execute("INSERT INTO movies SELECT n, 'M', NULL FROM generate_series(1, %s) AS n", [movies])
    connection.execute("INSERT INTO users SELECT generate_series(1, %s)", [users])
    connection.execute(
        "INSERT INTO ratings SELECT u, m, 3 FROM generate_series(1, %s) u, generate_series(1, %s) m",
        [users, movies],
    )
    assert build(connection, silent, NOW).lists >= 0


def test_a_site_without_ratings_has_none_that_are_unusable(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        assert unusable_ratings(connection) == 0
