"""What serving reads of a user's lists is what `recommendation_candidates` says, whatever was written there and how."""

from collections.abc import Mapping, Sequence
from math import isfinite

import pytest
from bandit_selector.lists.slate import ArmList
from bandit_selector.store.connection import Connection
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
