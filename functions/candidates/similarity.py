"""Sparse similarity matrices of movies, made in blocks of rows to avoid a dense square matrix."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy import sparse

from functions.candidates.ratings import Floats, Matrix, counts

_CELLS = 5_000_000  # of a dense block: 20 MB


def blocks(rows: int, columns: int, most: int = 512) -> Iterator[slice]:
    """Slices over the rows, each of at most `most` rows and as many as fit a dense block of bounded size."""
    step = max(1, min(most, _CELLS // max(columns, 1)))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def cosine(matrix: Matrix, shrinkage: float = 10, neighbours: int = 80) -> Matrix:
    """Column j holds movie j's nearest neighbours: rating cosine × n/(n + shrinkage), n users who rated both.

    Item-based collaborative filtering of Sarwar et al. (2001) with the shrinkage of Bell & Koren (2007).
    """
    return _nearest(cosines(matrix, shrinkage), matrix.shape[1], neighbours).T.tocsr()


def cosines(matrix: Matrix, shrinkage: float = 10) -> Callable[[slice], Floats]:
    """The same similarities, one row per movie of a block."""
    by_movie, rated = matrix.T.tocsr(), _ones(matrix)
    raters = rated.T.tocsr()
    norms = np.sqrt(np.maximum(matrix.multiply(matrix).sum(axis=0), np.float32(1e-9)))

    def similarities(rows: slice) -> Floats:
        common = (raters[rows] @ rated).toarray()
        likeness = (by_movie[rows] @ matrix).toarray()
        likeness /= norms[rows, None]
        likeness /= norms
        likeness *= common / (common + np.float32(shrinkage))
        return likeness

    return similarities


def random_walk(matrix: Matrix, beta: float = 0.4, neighbours: int = 150) -> Matrix:
    """Row i: the most probable ends of a walk movie → user → movie from i, divided by the end's ratings ^ beta.

    RP3beta: Paudel et al., Updatable, accurate, diverse, and scalable recommendations (2017).
    """
    to_user = _rows_to_one(matrix.T.tocsr())
    to_movie = _rows_to_one(matrix)
    damping = np.maximum(counts(matrix), 1).astype(np.float32) ** -beta
    return _nearest(lambda rows: (to_user[rows] @ to_movie).toarray() * damping, matrix.shape[1], neighbours)


def positive_pmi(matrix: Matrix, at_least: int = 3) -> Matrix:
    """Pointwise mutual information of two movies being rated by one user, where positive; pairs seen less are 0.

    The implicit matrix of skip-gram embeddings with shift log 1: Levy & Goldberg (2014).
    """
    rated = _ones(matrix)
    by_movie = rated.T.tocsr()
    partners = np.asarray(by_movie @ rated.sum(axis=1)) - counts(matrix)  # co-ratings with every other movie
    total = float(partners.sum())
    with np.errstate(divide="ignore"):
        log_partners = np.log(partners.astype(np.float64))

    def rows_of(rows: slice) -> Matrix:
        pairs = (by_movie[rows] @ rated).tocoo()
        kept = (pairs.data >= at_least) & (pairs.row + rows.start != pairs.col)
        row, column, seen = pairs.row[kept], pairs.col[kept], pairs.data[kept]
        pmi = np.log(seen * total) - log_partners[row + rows.start] - log_partners[column]
        positive = pmi > 0
        cells = (pmi[positive].astype(np.float32), (row[positive], column[positive]))
        return sparse.csr_array(cells, shape=pairs.shape)

    return sparse.vstack([rows_of(rows) for rows in blocks(matrix.shape[1], matrix.shape[1])], format="csr")


def _nearest(similarities: Callable[[slice], Floats], movies: int, neighbours: int) -> Matrix:
    """The `neighbours` largest of each row without the movie itself."""
    parts = [_largest(similarities(rows), rows.start, neighbours) for rows in blocks(movies, movies)]
    return sparse.vstack(parts, format="csr")


def _largest(block: Floats, first: int, neighbours: int) -> Matrix:
    rows = np.arange(len(block))
    block[rows, rows + first] = 0
    kept = min(neighbours, block.shape[1])
    columns = np.argpartition(-block, kept - 1, axis=1)[:, :kept]
    values = np.take_along_axis(block, columns, axis=1)
    cells = (values.ravel().astype(np.float32), (np.repeat(rows, kept), columns.ravel()))
    largest = sparse.csr_array(cells, shape=block.shape)
    largest.eliminate_zeros()
    return largest


def _ones(matrix: Matrix) -> Matrix:
    return sparse.csr_array((np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)


def _rows_to_one(matrix: Matrix) -> Matrix:
    sums = np.maximum(np.asarray(matrix.sum(axis=1)), np.float32(1e-9))
    data = matrix.data / np.repeat(sums, np.diff(matrix.indptr))
    return sparse.csr_array((data.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
