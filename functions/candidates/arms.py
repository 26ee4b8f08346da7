"""The six algorithms: each scores every movie for a block of users; must not know the lists made from scores."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from functions.candidates.ratings import Floats, Matrix, RatingTable, counts, liked, long_tail
from functions.candidates.similarity import cosine, random_walk
from functions.candidates.vectors import embeddings, pure_svd, unit

Arm = Literal["svd", "embeddings", "graph", "item_cf", "long_tail", "serendipity"]
ARMS: tuple[Arm, ...] = get_args(Arm)

_HEAD_WEIGHT = 0.45  # of a most-rated movie in the long-tail list
_FLOOR = 3  # ratings below which a movie is not recommended for being rare
_GOOD = 3.3  # mean rating, shrunk to the overall one by _PRIOR ratings
_PRIOR = 5


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What the algorithms learned from one table: rows of `ratings` and `profiles` are its users."""

    ratings: Matrix
    profiles: Matrix
    factors: Floats
    vectors: Floats
    walk: Matrix
    neighbours: Matrix
    fame: Floats  # log(1 + ratings) ^ 0.6 per movie
    rarity: Floats  # the long-tail list's weight per movie


def fit(table: RatingTable) -> Model:
    """Learn all six; memory is bounded by blocks of a few million cells and by the sparse matrices."""
    rated = counts(table.matrix)
    return Model(
        ratings=table.matrix,
        profiles=liked(table.matrix),
        factors=pure_svd(table.matrix),
        vectors=embeddings(table),
        walk=random_walk(table.matrix),
        neighbours=cosine(table.matrix),
        fame=(np.log1p(rated) ** 0.6).astype(np.float32),
        rarity=_rarity(table.matrix, rated),
    )


def scores(model: Model, users: slice) -> dict[Arm, Floats]:
    """One row per user of the block, one column per movie; a score ≤ 0 means: not recommended."""
    profiles = model.profiles[users]
    walked = (profiles @ model.walk).toarray()
    near = (profiles @ model.neighbours).toarray()
    closeness = unit(profiles @ model.vectors) @ model.vectors.T
    relevance = (_to_one(walked) + _to_one(near)) / 2
    return {
        "svd": (model.ratings[users] @ model.factors) @ model.factors.T,
        "embeddings": closeness * model.fame,
        "graph": walked,
        "item_cf": near,
        "long_tail": relevance * model.rarity,
        "serendipity": relevance * _unexpectedness(closeness),
    }


def _rarity(matrix: Matrix, rated: NDArray[np.int64]) -> Floats:
    overall = matrix.data.mean() if matrix.nnz else 0.0
    sums = np.bincount(matrix.indices, matrix.data, matrix.shape[1])
    means = (sums + _PRIOR * overall) / (rated + _PRIOR)
    weight = np.where(long_tail(rated), 1, _HEAD_WEIGHT)
    return np.where((rated >= _FLOOR) & (means >= _GOOD), weight, 0).astype(np.float32)


def _unexpectedness(closeness: Floats) -> Floats:
    """(.05 + distance) ^ .7 for cosines: the nearer a movie is to the profile, the lower."""
    return np.power(1.05 - np.clip(closeness, 0, 1), 0.7, dtype=np.float32)


def _to_one(block: Floats) -> Floats:
    return np.divide(block, np.maximum(block.max(axis=1, keepdims=True), 1e-9), dtype=np.float32)
