"""Ratings and genres as matrices, and counts of them; must not know where they are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Matrix = sparse.csr_array
Floats = NDArray[np.floating[Any]]  # float32 in large arrays
UNTIMED: Final = -1
"""The age of a rating without a time."""
_FAR = 1e18  # seconds: before and after every rating


@dataclass(frozen=True, slots=True, eq=False)
class RatingTable:
    """Rows are users, columns movies, both in the order of their ids; a missing rating is an absent cell.

    `genres` has a row per movie and a column per genre name, 1 where the movie is of that genre. `ages` has, for each
    cell of the matrix in the order of its data, how many of the user's ratings are later, or UNTIMED; None where no
    rating has a time.
    """

    users: NDArray[np.int64]
    movies: NDArray[np.int64]
    matrix: Matrix
    genres: Floats
    ages: NDArray[np.int64] | None = None


def rating_table(
    users: NDArray[np.int64],
    movies: NDArray[np.int64],
    values: NDArray[np.float64],
    catalogue: Sequence[tuple[int, Sequence[str]]],
    times: NDArray[np.float64] | None = None,
) -> RatingTable:
    """Ratings (columns of one length; the last of a repeated pair counts) over a catalogue of (id, genres).

    `times` are in seconds since any moment, NaN where a rating has none. Ratings of movies outside the catalogue are
    left out: such a movie cannot be shown.
    """
    movie_ids = np.array(sorted(movie for movie, _ in catalogue), dtype=np.int64)
    known = np.isin(movies, movie_ids)
    user_ids, rows = np.unique(users[known], return_inverse=True)
    columns = np.searchsorted(movie_ids, movies[known])
    shape = (len(user_ids), len(movie_ids))
    cells, last = np.unique((rows * shape[1] + columns)[::-1], return_index=True)
    data = values[known][::-1][last].astype(np.float32)
    user_of, movie_of = np.divmod(cells, max(shape[1], 1))
    matrix = sparse.csr_array((data, (user_of, movie_of)), shape=shape)
    ages = None if times is None or np.isnan(times).all() else _ages(user_of, times[known][::-1][last])
    return RatingTable(user_ids, movie_ids, matrix, _genre_matrix(movie_ids, catalogue), ages)


def _ages(users: NDArray[np.int64], times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Per rating, how many of the same user's are strictly later; UNTIMED without a time."""
    seconds = np.nan_to_num(times, nan=-_FAR, posinf=_FAR, neginf=-_FAR)
    order = np.lexsort((seconds, users))
    sorted_users, sorted_times = users[order], seconds[order]
    ends = np.searchsorted(sorted_users, sorted_users, side="right")
    new = (np.diff(sorted_users) > 0) | (np.diff(sorted_times) > 0)
    last_of_moment = np.append(np.flatnonzero(new), len(order) - 1)
    moment = np.concatenate([[0], np.cumsum(new)])[: len(order)]
    ages = np.empty(len(order), dtype=np.int64)
    ages[order] = ends - 1 - last_of_moment[moment]
    return np.where(np.isnan(times), UNTIMED, ages)


def _genre_matrix(movie_ids: NDArray[np.int64], catalogue: Sequence[tuple[int, Sequence[str]]]) -> Floats:
    names = {name: column for column, name in enumerate(sorted({g for _, genres in catalogue for g in genres}))}
    matrix = np.zeros((len(movie_ids), len(names)), dtype=np.float32)
    for movie, genres in catalogue:
        matrix[np.searchsorted(movie_ids, movie), [names[genre] for genre in genres]] = 1
    return matrix


def counts(matrix: Matrix) -> NDArray[np.int64]:
    """Ratings per movie."""
    return np.bincount(matrix.indices, minlength=matrix.shape[1])


def long_tail(rated: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True outside the smallest set of most-rated movies that together have half of all ratings.

    `rated` is the number of ratings per movie in the order of ids; of equals the lower id is taken first.
    Without ratings every movie is long tail.
    """
    order = np.argsort(-rated, kind="stable")
    before = np.cumsum(rated[order]) - rated[order]
    tail = np.empty(len(rated), dtype=np.bool_)
    tail[order] = 2 * before >= rated.sum()
    return tail


def liked(matrix: Matrix) -> Matrix:
    """Each user's profile: the positive differences between a rating and the user's own mean.

    A user whose ratings are all equal has the same value for all.
    """
    per_user = np.diff(matrix.indptr)
    means = np.asarray(matrix.sum(axis=1)) / np.maximum(per_user, 1)
    above = np.maximum(matrix.data - np.repeat(means, per_user), 0).astype(np.float32)
    rows = np.repeat(np.arange(matrix.shape[0]), per_user)
    level = np.bincount(rows, above, matrix.shape[0]) < 1e-5
    above[level[rows]] = 1
    profile = sparse.csr_array((above, matrix.indices, matrix.indptr), shape=matrix.shape, copy=True)
    profile.eliminate_zeros()
    return profile
