"""The movie site's own tables on this machine; must not know the source of a catalogue."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Movie:
    """A title of the catalogue with its genres; may be empty."""

    id: int
    title: str
    genres: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """One row per rating: user and movie ids, values 0.5–5.0, times in Unix seconds; arrays of equal length."""

    users: NDArray[np.int64]
    movies: NDArray[np.int64]
    values: NDArray[np.float64]
    times: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.users)

    def where(self, chosen: NDArray[np.bool_]) -> "Ratings":
        """The rows selected by a mask, in the same order."""
        return Ratings(self.users[chosen], self.movies[chosen], self.values[chosen], self.times[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """What the site's tables hold: user ids, movies, and at most one rating of a user for a movie."""

    users: NDArray[np.int64]
    movies: tuple[Movie, ...]
    ratings: Ratings


def load(connection: Connection, catalogue: Catalogue) -> None:
    """Write a catalogue in one transaction; missing tables are created, rows of the same key replaced."""
    with connection.transaction():
        create_tables(connection)
        _load_users(connection, catalogue.users)
        _load_movies(connection, catalogue.movies)
        _load_ratings(connection, catalogue.ratings)
    connection.execute("ANALYZE users, movies, ratings")


def redate(connection: Connection, user: int, rated: Sequence[tuple[int, datetime]]) -> None:
    """Gives ratings of one user, by movie, other moments."""
    movies, moments = [movie for movie, _ in rated], [at for _, at in rated]
    connection.execute(
        """
        UPDATE ratings SET "timestamp" = given.at FROM unnest(%s::int[], %s::timestamptz[]) AS given (movie_id, at)
        WHERE ratings.user_id = %s AND ratings.movie_id = given.movie_id
        """,
        [movies, moments, user],
    )


def rate(connection: Connection, user: int, rated: Sequence[tuple[int, float, datetime]]) -> None:
    """Adds ratings of one user, by movie, with stars and moment."""
    movies, stars, moments = ([one[part] for one in rated] for part in range(3))
    connection.execute(
        """
        INSERT INTO ratings (user_id, movie_id, rating, "timestamp")
        SELECT %s, * FROM unnest(%s::int[], %s::real[], %s::timestamptz[])
        ON CONFLICT (user_id, movie_id) DO NOTHING
        """,
        [user, movies, stars, moments],
    )


def unrate(connection: Connection, user: int, movies: Sequence[int]) -> None:
    """Takes ratings of one user back."""
    connection.execute("DELETE FROM ratings WHERE user_id = %s AND movie_id = ANY(%s)", [user, list(movies)])


def create_tables(connection: Connection) -> None:
    """Create the site's tables if they are missing, with the columns that the service needs."""
    connection.execute("CREATE TABLE IF NOT EXISTS users (id integer PRIMARY KEY)")
    connection.execute("CREATE TABLE IF NOT EXISTS movies (id integer PRIMARY KEY, title text NOT NULL, genres json)")
    connection.execute(
        """
        CREATE TABLE IF NOT EXISTS ratings (
            user_id integer NOT NULL REFERENCES users,
            movie_id integer NOT NULL REFERENCES movies,
            rating real NOT NULL CHECK (rating BETWEEN 0.5 AND 5),
            "timestamp" timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (user_id, movie_id)
        )
        """
    )


def _load_users(connection: Connection, users: NDArray[np.int64]) -> None:
    connection.execute(
        "INSERT INTO users (id) SELECT * FROM unnest(%s::int[]) ON CONFLICT DO NOTHING", (users.tolist(),)
    )


def _load_movies(connection: Connection, movies: tuple[Movie, ...]) -> None:
    connection.execute(
        """
        CREATE TEMPORARY TABLE arriving_movies ON COMMIT DROP AS
        SELECT id, title, genres FROM movies WITH NO DATA
        """
    )
    with connection.cursor().copy("COPY arriving_movies FROM STDIN") as copy:
        for movie in movies:
            copy.write_row((movie.id, movie.title, json.dumps(movie.genres)))
    connection.execute(
        """
        INSERT INTO movies (id, title, genres) SELECT id, title, genres FROM arriving_movies
        ON CONFLICT (id) DO UPDATE SET title = excluded.title, genres = excluded.genres
        """
    )


def _load_ratings(connection: Connection, ratings: Ratings) -> None:
    connection.execute(
        """
        CREATE TEMPORARY TABLE arriving_ratings ON COMMIT DROP AS
        SELECT user_id, movie_id, rating, "timestamp" FROM ratings WITH NO DATA
        """
    )
    columns = (ratings.users, ratings.movies, ratings.values, ratings.times)
    with connection.cursor().copy("COPY arriving_ratings FROM STDIN") as copy:
        for user, movie, value, seconds in zip(*(column.tolist() for column in columns), strict=True):
            copy.write_row((user, movie, value, datetime.fromtimestamp(seconds, UTC)))
    connection.execute(
        """
        DELETE FROM ratings USING arriving_ratings
        WHERE ratings.user_id = arriving_ratings.user_id AND ratings.movie_id = arriving_ratings.movie_id
        """
    )
    connection.execute(
        """
        INSERT INTO ratings (user_id, movie_id, rating, "timestamp")
        SELECT user_id, movie_id, rating, "timestamp" FROM arriving_ratings
        """
    )
