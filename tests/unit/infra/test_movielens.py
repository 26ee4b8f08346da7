"""MovieLens folders: both layouts are read, and faults are named by file and line."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.demo.held_out import held_out, temporal_split
from infra.local.demo.visitors import World
from infra.local.movielens import MovieLensError, read_movielens
from infra.local.site import Catalogue, Movie, Ratings

START = datetime(2026, 3, 2, tzinfo=UTC)
MOVIES = 'movieId,title,genres\n1,Heat (1995),Action|Crime\n2,"American President, The (1995)",(no genres listed)\n'
RATINGS = "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,2,0.5,964982704\n9,1,5.0,964982705\n"


@pytest.fixture
def latest(tmp_path: Path) -> Path:
    (tmp_path / "movies.csv").write_text(MOVIES)
    (tmp_path / "ratings.csv").write_text(RATINGS)
    return tmp_path


def rows(ratings: Ratings) -> list[tuple[int, int, float, int]]:
    columns = (ratings.users, ratings.movies, ratings.values, ratings.times)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_the_csv_layout_is_read(latest: Path) -> None:
    catalogue = read_movielens(latest)
    assert catalogue.users.tolist() == [1, 9]
    assert catalogue.movies == (
        Movie(1, "Heat (1995)", ("Action", "Crime")),
        Movie(2, "American President, The (1995)", ()),
    )
    assert rows(catalogue.ratings)[1] == (1, 2, 0.5, 964982704)


def test_the_layout_of_ml_100k_is_read(tmp_path: Path) -> None:
    flags = "|".join("1" if genre in (1, 6) else "0" for genre in range(19))
    unknown = "|".join(["1"] + ["0"] * 18)
    movies = f'1|Café "Heat" (1995)|01-Jan-1995||http://x|{flags}\n2|unknown||||{unknown}\n'
    (tmp_path / "u.item").write_text(movies, encoding="latin-1")
    (tmp_path / "u.data").write_text("1\t1\t4\t964982703\n2\t2\t1\t964982704\n")
    catalogue = read_movielens(tmp_path)
    assert catalogue.movies == (Movie(1, 'Café "Heat" (1995)', ("Action", "Crime")), Movie(2, "unknown", ()))
    assert rows(catalogue.ratings) == [(1, 1, 4.0, 964982703), (2, 2, 1.0, 964982704)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1,7,4.0,964982703", "line 5: movie 7 is not in the folder's list of movies"),
        ("1,1,4.0,964982703", "line 5: user 1 rates movie 1 a second time"),
        ("2,1,9,964982703", "line 5: rating is '9'; expected 0.5 to 5.0 in halves"),
        ("2,1,nan,964982703", "line 5: rating is 'nan'"),
        ("2,1,3.7,964982703", "line 5: rating is '3.7'"),
        ("x,1,4.0,964982703", "line 5: user id is 'x'; expected a whole number"),
        ("99999999999,1,4.0,964982703", "line 5: user id is '99999999999'"),
        ("2,1,4.0", "line 5: 3 fields; expected 4"),
        ("2,1,4.0,yesterday", "line 5: timestamp is 'yesterday'"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(latest: Path, line: str, expected: str) -> None:
    (latest / "ratings.csv").write_text(RATINGS + line + "\n")
    with pytest.raises(MovieLensError) as error:
        read_movielens(latest)
    assert str(error.value).startswith(f"{latest / 'ratings.csv'}, {expected}")


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("ratings.csv", None, "is not a MovieLens folder"),
        ("ratings.csv", b"a,b\n", "line 1: the header is"),
        ("ratings.csv", b"", "line 1: the header is missing"),
        ("ratings.csv", RATINGS.splitlines()[0].encode(), "has no ratings"),
        ("movies.csv", MOVIES.encode() + b"3,\xff,Drama\n", "is not utf-8 text"),
        ("movies.csv", MOVIES.encode() + b"1,Heat,Drama\n", "movie 1 is listed twice"),
    ],
)
def test_a_broken_or_foreign_folder_gets_one_sentence(
    latest: Path, file: str, content: bytes | None, expected: str
) -> None:
    if content is None:
        (latest / file).unlink()
    else:
        (latest / file).write_bytes(content)
    with pytest.raises(MovieLensError) as error:
        read_movielens(latest)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 50), st.integers(0, 9)), unique_by=lambda row: row[:2]))
def test_the_split_holds_out_the_last_fifth_of_each_user(given_rows: list[tuple[int, int, int]]) -> None:
    users, movies, times = np.array(given_rows, dtype=np.int64).reshape(-1, 3).T
    earlier, later = temporal_split(Ratings(users, movies, np.full(len(users), 3.0), times))
    assert sorted(rows(earlier) + rows(later)) == sorted((user, movie, 3.0, time) for user, movie, time in given_rows)
    for user in range(1, 5):
        of_user = [row for row in given_rows if row[0] == user]
        assert np.sum(later.users == user) == len(of_user) // 5
        if np.any(later.users == user):
            assert later.times[later.users == user].min() >= earlier.times[earlier.users == user].max()


def world_of_one_user() -> World:
    ids = np.arange(1, 11)
    ratings = Ratings(np.full(10, 7), ids, np.full(10, 4.5), ids * 1000)
    return held_out(Catalogue(np.array([7]), tuple(Movie(int(movie), "T", ()) for movie in ids), ratings))


def moments() -> dict[int, datetime]:
    """A moment of a visit for each number of later ratings that were made before it."""
    world, found = world_of_one_user(), dict[int, datetime]()
    for hours in range(50):
        at = START + timedelta(hours=hours)
        found.setdefault(len(world.rated_before(7, at)) - 8, at)
    return found


def test_a_visitor_clicks_and_rates_what_was_held_out() -> None:
    world = world_of_one_user()
    reactions = world.react(7, [10, 1, 9], moments()[0], np.random.default_rng(0))
    assert next(world.visits(START, np.random.default_rng(0))).user_id == 7
    assert world.catalogue.ratings.movies.tolist() == list(range(1, 9))
    assert [(r.position, r.movie_id, r.action, r.rating) for r in reactions] == [
        (1, 10, "click", None),
        (3, 9, "click", None),
        (1, 10, "rating", 4.5),
        (3, 9, "rating", 4.5),
    ]
    assert [r.delay for r in reactions] == sorted(r.delay for r in reactions)


def test_a_visit_is_at_any_moment_of_the_later_ratings_before_the_last() -> None:
    assert set(moments()) == {0, 1}


def test_a_visit_comes_as_long_after_the_last_rating_as_the_next_one_came() -> None:
    for made, at in moments().items():
        before = world_of_one_user().rated_before(7, at)
        assert {(one.movie_id, one.at) for one in before} == {
            (movie, at - timedelta(seconds=1000 * (9 + made - movie))) for movie in range(1, 9 + made)
        }
        assert [one.movie_id for one in before if one.stars] == [9][:made]


def test_what_the_visitor_has_rated_in_the_meantime_is_not_clicked_again() -> None:
    reactions = world_of_one_user().react(7, [9, 10], moments()[1], np.random.default_rng(0))
    assert {reaction.movie_id for reaction in reactions} == {10}


def test_a_movie_that_the_catalogue_lacks_is_no_list_at_all() -> None:
    with pytest.raises(KeyError, match="99"):
        world_of_one_user().react(7, [99], START, np.random.default_rng(0))


def test_real_ratings_are_read_whole(movielens: Path) -> None:
    catalogue = read_movielens(movielens)
    assert len(np.unique(catalogue.ratings.users)) == len(catalogue.users) > 0
    assert set(np.unique(catalogue.ratings.movies).tolist()) <= {movie.id for movie in catalogue.movies}
