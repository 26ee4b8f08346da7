"""Each movie's neighbours, for lists that are made while a visitor rates or clicks; must not know who reads them."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from functions.candidates.ratings import UNTIMED, Floats, Matrix, RatingTable
from functions.candidates.similarity import blocks, cosines

MOST: Final = 300
FADING: Final = 10.0  # ratings between two of one user, after which their pair weighs 1/e
APART: Final = 60  # ratings; pairs farther apart, which weigh less than 1/400, are left out
PRIOR: Final = 2.0  # weight of pairs that no movie has seen: a pair seen once says little

Neighbourhood = tuple[int, list[int], list[float], list[float]]
"""A movie, its neighbours' ids, and for each its transition and its cosine, both from 0 to 1."""


def neighbourhoods(table: RatingTable, most: int = MOST) -> Iterator[Neighbourhood] | None:
    """Per movie at most `most` neighbours, strongest first; None where no rating has a time.

    The strongest have the largest sum of both, each divided by the movie's largest.
    """
    if table.ages is None or not len(table.movies):
        return None
    return _neighbourhoods(table, table.ages, most)


def _neighbourhoods(table: RatingTable, ages: NDArray[np.int64], most: int) -> Iterator[Neighbourhood]:
    pairs, alike = Transitions(table.matrix, ages), cosines(table.matrix)
    movies = table.matrix.shape[1]
    for rows in blocks(movies, movies):
        following, likeness = pairs.rows(rows), alike(rows)
        inside = np.arange(len(following))
        following[inside, inside + rows.start] = likeness[inside, inside + rows.start] = 0
        strength = _to_one(following) + _to_one(likeness)
        kept = min(most, movies)
        top = np.argpartition(-strength, kept - 1, axis=1)[:, :kept]
        for row, columns in zip(inside.tolist(), top, strict=True):
            found = columns[strength[row, columns] > 0]
            found = found[np.lexsort((found, -strength[row, found]))]
            if len(found):
                weights = following[row, found].tolist(), likeness[row, found].tolist()
                yield int(table.movies[row + rows.start]), table.movies[found].tolist(), *weights


class Transitions:
    """How often users rate movie j soon after movie i: T = C / √(row sum of C + 2) / √(column sum of C + 2).

    C_ij is the sum of exp(−(age_i − age_j)/10) over all users who rated i not after j. Ratings without a time are in no
    pair. Of more than `APART` ratings of one moment, each is in pairs with the `APART` next to it by movie id.
    """

    def __init__(self, matrix: Matrix, ages: NDArray[np.int64]) -> None:
        users = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        order = np.lexsort((-ages, users))
        order = order[ages[order] != UNTIMED]
        self._users, self._ages, self._columns = users[order], ages[order], matrix.indices[order].astype(np.int64)
        self._movies = matrix.shape[1]
        self._from, self._to = np.zeros(self._movies), np.zeros(self._movies)
        for first, second, weight in self._pairs(np.arange(len(order))):
            self._from += np.bincount(self._columns[first], weight, self._movies)
            self._to += np.bincount(self._columns[second], weight, self._movies)

    def rows(self, rows: slice) -> Floats:
        """The rows of a block of movies, one column per movie."""
        chosen = np.flatnonzero((self._columns >= rows.start) & (self._columns < rows.stop))
        block = np.zeros((rows.stop - rows.start, self._movies), dtype=np.float32)
        cells = block.ravel()
        for first, second, weight in self._pairs(chosen):
            where = (self._columns[first] - rows.start) * self._movies + self._columns[second]
            np.add.at(cells, where, weight.astype(np.float32))
        block /= np.sqrt(self._from[rows] + PRIOR).astype(np.float32)[:, None]
        block /= np.sqrt(self._to + PRIOR).astype(np.float32)
        return block

    def _pairs(self, chosen: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Floats]]:
        """(position, position of a later or simultaneous rating, weight) of the chosen positions, by distance."""
        for step in (*range(-APART, 0), *range(1, APART + 1)):
            second = chosen + step
            first = chosen[(second >= 0) & (second < len(self._users))]
            second = first + step
            apart = self._ages[first] - self._ages[second]
            near = (self._users[first] == self._users[second]) & (apart >= 0) & (apart <= APART)
            if near.any():
                yield first[near], second[near], np.exp(-apart[near] / FADING)


def _to_one(block: Floats) -> Floats:
    return block / np.maximum(block.max(axis=1, keepdims=True), np.float32(1e-9))
