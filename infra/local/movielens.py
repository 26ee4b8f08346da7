"""MovieLens folders, ml-latest and ml-100k layouts, as a catalogue. Must not know tables.

The layouts are those of GroupLens: `ratings.csv` and `movies.csv` with a header, or `u.data` and `u.item`.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infra.local.errors import LocalError
from infra.local.site import Catalogue, Movie, Ratings

Row = tuple[int, list[str]]  # line number from 1, fields

_GENRES_OF_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War"),
    "Western",
)
_NO_GENRES = {"(no genres listed)", "unknown", ""}


class MovieLensError(LocalError):
    """A folder or a row that cannot be read; the text names the file, the line and what was expected."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    delimiter: str
    header: list[str]  # empty: the file has none
    fields: int
    encoding: str = "utf-8"

    def rows(self) -> Iterator[Row]:
        """Rows with their line numbers; raises MovieLensError at the first malformed row."""
        quoting = csv.QUOTE_MINIMAL if self.header else csv.QUOTE_NONE
        try:
            with self.path.open(encoding=self.encoding, newline="") as lines:
                reader = csv.reader(lines, delimiter=self.delimiter, quoting=quoting)
                if self.header and (header := next(reader, None)) != self.header:
                    raise self.error(1, f"the header is {header or 'missing'}; expected {self.header}")
                for row in reader:
                    if len(row) != self.fields:
                        raise self.error(reader.line_num, f"{len(row)} fields; expected {self.fields}")
                    yield reader.line_num, row
        except UnicodeDecodeError as error:
            raise MovieLensError(f"{self.path} is not {self.encoding} text: {error.reason}.") from error

    def error(self, line: int, what: str) -> MovieLensError:
        return MovieLensError(f"{self.path}, line {line}: {what}.")


def read_movielens(folder: Path) -> Catalogue:
    """Users, movies and ratings of a MovieLens folder; raises MovieLensError if it is not one."""
    latest, old = folder / "ratings.csv", folder / "u.data"
    if latest.is_file() and (folder / "movies.csv").is_file():
        movie_file = _File(folder / "movies.csv", ",", ["movieId", "title", "genres"], 3)
        rating_file = _File(latest, ",", ["userId", "movieId", "rating", "timestamp"], 4)
        movies = [_movie(movie_file, row, row[1][2].split("|")) for row in movie_file.rows()]
    elif old.is_file() and (folder / "u.item").is_file():
        movie_file = _File(folder / "u.item", "|", [], 5 + len(_GENRES_OF_100K), "latin-1")
        rating_file = _File(old, "\t", [], 4)
        movies = [_movie(movie_file, row, _flagged(row[1][5:])) for row in movie_file.rows()]
    else:
        raise MovieLensError(
            f"{folder} is not a MovieLens folder: it must hold ratings.csv and movies.csv (ml-latest-small) "
            "or u.data and u.item (ml-100k); unpack the archive and name the folder with those files."
        )
    if twice := [movie for movie, times in Counter(movie.id for movie in movies).items() if times > 1]:
        raise MovieLensError(f"{movie_file.path}: movie {twice[0]} is listed twice.")
    ratings = _ratings(rating_file, {movie.id for movie in movies})
    return Catalogue(np.unique(ratings.users), tuple(movies), ratings)


def _movie(file: _File, row: Row, genres: Iterable[str]) -> Movie:
    line, fields = row
    named = tuple(genre for genre in genres if genre not in _NO_GENRES)
    return Movie(_whole(file, line, "movie id", fields[0]), fields[1], named)


def _flagged(flags: list[str]) -> list[str]:
    return [genre for genre, flag in zip(_GENRES_OF_100K, flags, strict=True) if flag == "1"]


def _ratings(file: _File, movies: set[int]) -> Ratings:
    """Every row checked: whole numbers, a rating in halves, a movie that the folder names, no pair twice."""
    seen: set[tuple[int, int]] = set()
    values: list[float] = []
    times: list[int] = []
    pairs: list[tuple[int, int]] = []
    for line, (user, movie, value, time) in file.rows():
        pair = (_whole(file, line, "user id", user), _whole(file, line, "movie id", movie))
        if pair[1] not in movies:
            raise file.error(line, f"movie {movie} is not in the folder's list of movies")
        if pair in seen:
            raise file.error(line, f"user {user} rates movie {movie} a second time")
        seen.add(pair)
        pairs.append(pair)
        values.append(_stars(file, line, value))
        times.append(_whole(file, line, "timestamp", time))
    if not pairs:
        raise MovieLensError(f"{file.path} has no ratings.")
    users, rated = np.array(pairs, dtype=np.int64).T
    return Ratings(users, rated, np.array(values), np.array(times, dtype=np.int64))


def _whole(file: _File, line: int, name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**31):
        raise file.error(line, f"{name} is {text!r}; expected a whole number from 1 to {2**31 - 1}")
    return int(text)


def _stars(file: _File, line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if value * 2 not in range(1, 11):
        raise file.error(line, f"rating is {text!r}; expected 0.5 to 5.0 in halves")
    return value
