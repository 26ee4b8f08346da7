"""Movies as vectors: factors of the rating matrix, and embeddings of co-ratings and genres."""

import numpy as np
from scipy.sparse.linalg import svds

from functions.candidates.ratings import Floats, Matrix, RatingTable
from functions.candidates.similarity import positive_pmi


def pure_svd(matrix: Matrix, factors: int = 16) -> Floats:
    """The right singular vectors, one row per movie: a rating row r scores (r V) Vᵀ; missing ratings are 0.

    PureSVD: Cremonesi, Koren & Turrin, Performance of recommender algorithms on top-N tasks (2010).
    """
    return _leading(matrix, factors)[0]


def embeddings(table: RatingTable, factors: int = 48, genre_share: float = 0.35) -> Floats:
    """Unit rows, one per movie: PMI factors × √singular value beside genres weighted by rarity (idf).

    `genre_share` is the weight of genres in the cosine of two rows.
    """
    watched, values = _leading(positive_pmi(table.matrix), factors)
    of_genre = np.maximum(table.genres.sum(axis=0), 1)
    genres = table.genres * np.log(len(table.movies) / of_genre).astype(np.float32)
    parts = (unit(watched * np.sqrt(values)) * (1 - genre_share) ** 0.5, unit(genres) * genre_share**0.5)
    return unit(np.hstack(parts).astype(np.float32))


def unit(rows: Floats) -> Floats:
    """Rows scaled to length 1; a row of zeros stays zero."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9).astype(np.float32)


def _leading(matrix: Matrix, factors: int) -> tuple[Floats, Floats]:
    """Right singular vectors as columns, and singular values; fewer than requested if the matrix is small."""
    kept = min(factors, min(matrix.shape) - 1)
    if kept < 1 or matrix.nnz == 0:
        return np.zeros((matrix.shape[1], 1), dtype=np.float32), np.zeros(1, dtype=np.float32)
    start = np.ones(min(matrix.shape), dtype=matrix.data.dtype)  # ARPACK's own start is random
    _, values, right = svds(matrix, k=kept, v0=start)
    return np.ascontiguousarray(right.T, dtype=np.float32), np.maximum(values, 0).astype(np.float32)
