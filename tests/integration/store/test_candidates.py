"""What serving reads of a user's lists is what `recommendation_candidates` says, whatever was written there and how."""

from collections.abc import Mapping, Sequence
from math import isfinite
from threading import Thread
from time import sleep

import pytest
from bandit_selector.lists.slate import ArmList
from bandit_selector.store.connection import Connection, connect
from bandit_selector.store.migrate import migrate
from bandit_selector.store.serving import read_visitor
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg.errors import CheckViolation

SAME_DATABASE = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])

users = st.integers(0, 3)
arms = st.sampled_from(("svd", "graph"))
movie_ids = st.lists(st.sampled_from((-1, 0, 1, 2, 3, 4, None)), max_size=5)
scores = st.sampled_from((0.5, 0.25, 1.0, float("nan"), float("inf"), None))

Write = tuple[str, Mapping[str, object]]
Entry = tuple[int, float, bool]
"""A movie, its score, and whether it is long tail."""
PUT = (
    "INSERT INTO recommendation_candidates VALUES (%(user)s, %(arm)s, %(movies)s, %(scores)s, now())"
    " ON CONFLICT (user_id, algorithm) DO UPDATE SET movie_ids = excluded.movie_ids, scores = excluded.scores"
)
GOOD = {"user": 1, "arm": "svd", "movies": [1, 2], "scores": [1.0, 0.5]}


@st.composite
def writes(draw: st.DrawFn) -> Write:
    """One statement of a site's job."""
    movies = draw(movie_ids)
    row = {"user": draw(users), "arm": draw(arms), "movies": movies, "scores": [draw(scores) for _ in movies]}
    statement = draw(
        st.sampled_from(
            (
                PUT,
                "DELETE FROM recommendation_candidates WHERE user_id = %(user)s",
                "UPDATE recommendation_candidates SET user_id = user_id + 10 WHERE user_id = %(user)s",
                "DELETE FROM recommendation_candidates WHERE user_id > 9",
                "DELETE FROM movie_popularity",
                "INSERT INTO movie_popularity VALUES (%(user)s, 5, false)"
                " ON CONFLICT (movie_id) DO UPDATE SET long_tail = NOT movie_popularity.long_tail",
                "TRUNCATE recommendation_candidates",
            )
        )
    )
    return statement, row


@SAME_DATABASE
@given(history=st.lists(writes(), max_size=8))
@example(history=[(PUT, GOOD), (PUT, {**GOOD, "scores": [float("nan"), None]})])
def test_serving_reads_what_the_sites_jobs_wrote(connection: Connection, history: Sequence[Write]) -> None:
    connection.execute("TRUNCATE recommendation_candidates, movie_popularity")
    for statement, row in history:
        connection.execute(statement.encode(), row)
        assert entries_of(read_visitor(connection, 1, []).everybodys) == written(connection).get(0, {})
    expected = written(connection)
    for user in range(14):
        assert entries_of(read_visitor(connection, user, []).own) == expected.get(user, {})


def entries_of(lists: Mapping[str, ArmList]) -> dict[str, list[Entry]]:
    return {arm: list(zip(one.movie_ids, one.scores, one.long_tail, strict=True)) for arm, one in lists.items()}


def written(connection: Connection) -> dict[int, dict[str, list[Entry]]]:
    """What the site's table says now, for each user and arm."""
    tail = dict(connection.execute("SELECT movie_id, long_tail FROM movie_popularity").fetchall())
    rows = connection.execute("SELECT user_id, algorithm, movie_ids, scores FROM recommendation_candidates").fetchall()
    expected: dict[int, dict[str, list[Entry]]] = {}
    for user, arm, movies, given_scores in rows:
        entries: dict[int, Entry] = {}
        for movie, score in zip(movies, given_scores, strict=True):
            if movie is not None and movie > 0 and score is not None and isfinite(score):
                entries.setdefault(movie, (movie, score, tail.get(movie, True)))
        if entries:
            expected.setdefault(user, {})[arm] = list(entries.values())
    return expected


@pytest.mark.parametrize("given_scores", [[], [1.0], [1.0, 0.5, 0.2]])
def test_a_score_too_few_or_too_many_is_refused(connection: Connection, given_scores: list[float]) -> None:
    with pytest.raises(CheckViolation):
        connection.execute(PUT, {**GOOD, "scores": given_scores})


@pytest.mark.parametrize("known", [True, False])
def test_jobs_of_two_arms_at_the_same_time_lose_no_list(connection: Connection, database_url: str, known: bool) -> None:
    """Each job is one long transaction, and writes its arm's lists for the same visitors."""
    if known:
        connection.execute(PUT, {**GOOD, "arm": "item_cf"})
    with connect(database_url) as one, connect(database_url) as other:
        with one.transaction():
            one.execute(PUT, {**GOOD, "arm": "graph"})
            waiting = Thread(target=other.execute, args=(PUT, {**GOOD, "arm": "svd"}))
            waiting.start()
            sleep(0.2)
        waiting.join()
    assert entries_of(read_visitor(connection, 1, []).own) == written(connection)[1]


@pytest.mark.parametrize("change", ["UPDATE", "DELETE"])
def test_a_list_that_goes_while_another_comes_stays_gone(
    connection: Connection, database_url: str, change: str
) -> None:
    connection.execute(PUT, GOOD)
    gone = (
        "DELETE FROM recommendation_candidates"
        if change == "DELETE"
        else ("UPDATE recommendation_candidates SET user_id = 2")
    )
    with connect(database_url) as one, connect(database_url) as other:
        with one.transaction():
            one.execute(gone.encode())
            waiting = Thread(target=other.execute, args=(PUT, {**GOOD, "arm": "graph"}))
            waiting.start()
            sleep(0.2)
        waiting.join()
    for user in (1, 2):
        assert entries_of(read_visitor(connection, user, []).own) == written(connection).get(user, {})


@pytest.mark.parametrize("statement", ["DELETE FROM recommendation_candidates", PUT])
def test_a_builder_and_whoever_writes_the_same_list_do_not_lock_each_other_out(
    connection: Connection, database_url: str, statement: str
) -> None:
    """Popularity has changed when the other comes, and the builder writes the list then."""
    connection.execute(PUT, GOOD)
    with connect(database_url) as builder, connect(database_url) as other:
        with builder.transaction():
            builder.execute("INSERT INTO movie_popularity VALUES (1, 9, false)")
            waiting = Thread(target=other.execute, args=(statement.encode(), {**GOOD, "movies": [1, 3]}))
            waiting.start()
            sleep(0.2)
            builder.execute(PUT, {**GOOD, "movies": [1, 4]})
        waiting.join()
    assert entries_of(read_visitor(connection, 1, []).own) == written(connection).get(1, {})


def test_a_job_needs_rights_on_the_documented_table_only_and_no_search_path(connection: Connection) -> None:
    connection.execute("CREATE ROLE job_of_site")
    try:
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON recommendation_candidates TO job_of_site")
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON movie_popularity TO job_of_site")
        with connection.transaction():
            connection.execute("SET LOCAL ROLE job_of_site")
            connection.execute("SET LOCAL search_path = ''")
            connection.execute(PUT.replace("recommendation_candidates", "public.recommendation_candidates"), GOOD)
            connection.execute("INSERT INTO public.movie_popularity VALUES (1, 9, false)")
            connection.execute("UPDATE public.recommendation_candidates SET user_id = 3")
        assert entries_of(read_visitor(connection, 3, []).own) == written(connection)[3]
        with connection.transaction():
            connection.execute("SET LOCAL ROLE job_of_site")
            connection.execute("SET LOCAL search_path = ''")
            connection.execute("DELETE FROM public.movie_popularity")
            connection.execute("TRUNCATE public.recommendation_candidates")
        assert read_visitor(connection, 3, []).own == {}
    finally:
        connection.execute("DROP OWNED BY job_of_site; DROP ROLE job_of_site")


def test_a_temporary_table_of_its_caller_is_not_what_an_owners_function_means(connection: Connection) -> None:
    connection.execute("CREATE TEMPORARY TABLE recommendation_candidates (LIKE public.recommendation_candidates)")
    connection.execute("CREATE TEMPORARY TABLE bandit_candidates (LIKE public.bandit_candidates)")
    connection.execute(PUT.replace("recommendation_candidates", "public.recommendation_candidates"), GOOD)
    assert connection.execute("SELECT user_id FROM public.bandit_candidates").fetchall() == [(1,)]
    owners = connection.execute(
        "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        " AND proname ~ '^bandit_' AND NOT proconfig[1] LIKE '%pg_temp'"
    )
    assert owners.fetchall() == []


def test_the_migration_makes_again_what_jobs_at_the_same_time_had_lost(connection: Connection) -> None:
    for user, arm in ((1, "svd"), (1, "graph"), (2, "svd"), (3, "svd")):
        connection.execute(PUT, {**GOOD, "user": user, "arm": arm})
    connection.execute(
        "UPDATE bandit_candidates SET arms = '{svd}', lengths = '{2}', movie_ids = '{1,2}' WHERE user_id = 1"
    )
    connection.execute("DELETE FROM bandit_candidates WHERE user_id = 2")
    connection.execute("DELETE FROM bandit_migrations WHERE name = '0113_candidates_in_turn.sql'")
    assert migrate(connection) == ["0113_candidates_in_turn.sql"]
    for user in (1, 2, 3):
        assert entries_of(read_visitor(connection, user, []).own) == written(connection)[user]
