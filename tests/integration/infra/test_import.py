"""Importing a MovieLens folder into the site's tables, and building lists from it with progress."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from bandit_selector.store.connection import Connection

from infra.local import site
from infra.local.candidates import build_watched
from infra.local.movielens import read_movielens

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


def test_times_become_moments_and_genres_a_list(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Heat (1995),Action|Crime\n")
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n7,1,4.5,964982703\n")
    site.load(connection, read_movielens(tmp_path))
    rated = connection.execute('SELECT user_id, movie_id, rating, "timestamp" FROM ratings').fetchall()
    assert rated == [(7, 1, 4.5, datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC))]
    assert connection.execute("SELECT * FROM movies").fetchall() == [(1, "Heat (1995)", ["Action", "Crime"])]
    assert connection.execute("SELECT * FROM users").fetchall() == [(7,)]


def test_the_bar_names_each_stage(connection: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    ids, three = np.arange(1, 5), np.full(4, 3.0)
    movies = tuple(site.Movie(int(movie), "T", ("Drama",)) for movie in ids)
    ratings = site.Ratings(np.ones(4, dtype=np.int64), ids, three, ids)
    site.load(connection, site.Catalogue(ids[:1], movies, ratings))
    assert build_watched(connection, NOW) > 0
    watched = capsys.readouterr().err
    for stage in ("reading ratings", "learning the six algorithms", "listing movies for users"):
        assert stage in watched


@pytest.mark.long
def test_real_ratings_make_six_lists_for_every_user(connection: Connection, movielens: Path) -> None:
    catalogue = read_movielens(movielens)
    site.load(connection, catalogue)
    assert build_watched(connection, NOW) == 6 * (len(catalogue.users) + 1)
