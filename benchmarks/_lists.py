"""The reference builder's candidates for every user of a catalogue, in the form that serving reads."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from bandit_selector.lists.slate import ArmList

from functions.candidates.lists import EVERYBODY, CandidateList, candidate_lists, silent
from functions.candidates.ratings import counts, long_tail, rating_table
from infra.local.site import Catalogue

CONTROL: Final[Mapping[str, float]] = {"svd": 0.60, "item_cf": 0.25, "embeddings": 0.15}
SIX: Final[Mapping[str, float]] = {
    "svd": 0.30,
    "item_cf": 0.25,
    "embeddings": 0.15,
    "graph": 0.15,
    "long_tail": 0.10,
    "serendipity": 0.05,
}

Lists = dict[int, dict[str, ArmList]]
"""Per user and arm, the movies from best to worst."""


def built(catalogue: Catalogue) -> Lists:
    """Every user's list by every arm; a user without one gets the general list without the movies already rated."""
    ratings = catalogue.ratings
    genres = [(movie.id, movie.genres) for movie in catalogue.movies]
    table = rating_table(ratings.users, ratings.movies, ratings.values, genres)
    tail = set(table.movies[long_tail(counts(table.matrix))].tolist())
    lists: dict[int, dict[str, CandidateList]] = {}
    for made in candidate_lists(table, silent):
        lists.setdefault(made.user_id, {})[made.algorithm] = made
    everybody = lists.pop(EVERYBODY)
    seen = rated(catalogue)
    return {
        user: {arm: _served(made, seen[user], tail) for arm, made in (everybody | lists.get(user, {})).items()}
        for user in catalogue.users.tolist()
    }


def rated(catalogue: Catalogue) -> dict[int, set[int]]:
    """The movies that each user has rated."""
    ratings = catalogue.ratings
    found: dict[int, set[int]] = {user: set() for user in catalogue.users.tolist()}
    for user, movie in zip(ratings.users.tolist(), ratings.movies.tolist(), strict=True):
        found[user].add(movie)
    return found


def most_rated(catalogue: Catalogue) -> list[int]:
    """Movie ids by number of ratings; ties go to the lower id."""
    movies, numbers = np.unique(catalogue.ratings.movies, return_counts=True)
    order: list[int] = movies[np.lexsort((movies, -numbers))].tolist()
    return order


def _served(made: CandidateList, seen: set[int], tail: set[int]) -> ArmList:
    left = [(movie, score) for movie, score in zip(made.movie_ids, made.scores, strict=True) if movie not in seen]
    return ArmList([movie for movie, _ in left], [score for _, score in left], [movie in tail for movie, _ in left])
