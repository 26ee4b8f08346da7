"""EASE from a visitor's whole profile, in the place of a nightly list; see `./dev bench lift`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import permutations
from typing import Final

import numpy as np
from bandit_selector.lists.slate import ArmList
from numpy.typing import NDArray

from benchmarks._lift_worlds import Shop, guarded, known, mixture
from functions.candidates.arms import ARMS
from functions.candidates.lists import LENGTH
from functions.candidates.ratings import Matrix, RatingTable, counts, liked, long_tail

PENALTIES: Final = (100.0, 400.0, 1000.0, 4000.0)
MIXED: Final = (("rated", 400.0), ("stars", 100.0))
"""The profiles and penalties that are tried in a mixture."""
REPLACED: Final = ("item_cf", "embeddings")
"""Arms whose list could be EASE's."""
CHOSEN: Final = "EASE alone, chosen"
PROFILES: Final[Mapping[str, Callable[[Matrix], NDArray[np.float64]]]] = {
    "rated": lambda matrix: (matrix.toarray() > 0).astype(np.float64),
    "stars": lambda matrix: matrix.toarray().astype(np.float64) / 5,
    "liked": lambda matrix: liked(matrix).toarray().astype(np.float64),
}
"""What a profile says of a movie: that it was rated, its stars, or how far above the user's own mean they are."""

Floats = NDArray[np.float64]


def ease(profiles: Floats, penalty: float) -> Floats:
    """Each user's score of each movie that is not in the profile, from profiles (users, movies).

    Z = (XXᵀ + penalty · I)⁻¹ X, score = XXᵀZ / (1 − Σ_u X_uj Z_uj): Steck (2019), solved among users instead of movies.
    """
    alike = profiles @ profiles.T
    solved = np.linalg.solve(alike + penalty * np.eye(len(alike)), profiles)
    scores: Floats = alike @ solved / (1 - (profiles * solved).sum(axis=0))
    return scores


def variants(shop: Shop) -> dict[tuple[str, float], dict[int, ArmList]]:
    """Each user's list by EASE of every profile and penalty."""
    table = known(shop.split)
    profiles = {name: make(table.matrix) for name, make in PROFILES.items()}
    return {
        (name, penalty): _lists(table, ease(profile, penalty), shop.split.users)
        for name, profile in profiles.items()
        for penalty in PENALTIES
    }


def alone(shop: Shop, lists: Mapping[int, ArmList]) -> Floats:
    """The hits of these lists without any other."""
    return mixture(instead(shop, "item_cf", lists), {"item_cf": 1.0})


def pairs(shop: Shop, arm: str, lists: Mapping[int, ArmList]) -> dict[tuple[str, str], Floats]:
    """The hits of every guarded mixture when these lists take the place of the arm's."""
    other = instead(shop, arm, lists)
    return {(best, second): mixture(other, guarded(best, second)) for best, second in permutations(ARMS, 2)}


def instead(shop: Shop, arm: str, lists: Mapping[int, ArmList]) -> Shop:
    """The same with other lists of an arm."""
    return replace(
        shop, nightly={user: own | {arm: lists[user]} for user, own in shop.nightly.items() if user in lists}
    )


def _lists(table: RatingTable, scores: Floats, users: list[int]) -> dict[int, ArmList]:
    scores[table.matrix.toarray() > 0] = -np.inf
    tail, rows = long_tail(counts(table.matrix)), np.searchsorted(table.users, users)
    found: dict[int, ArmList] = {}
    for user, line in zip(users, scores[rows], strict=True):
        top = np.lexsort((table.movies, -line))[:LENGTH]
        top = top[line[top] > 0]
        found[user] = ArmList(table.movies[top].tolist(), line[top].tolist(), tail[top].tolist())
    return found
