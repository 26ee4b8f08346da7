"""Lists as a visitor would see them, from the reference builder's candidates: one arm's, or a weighted blend."""

from collections.abc import Iterable, Mapping
from itertools import islice

from functions.candidates.arms import ARMS, Arm
from functions.candidates.lists import EVERYBODY, CandidateList, candidate_lists, silent
from functions.candidates.ratings import rating_table
from infra.local.site import Catalogue

CONTROL: Mapping[Arm, float] = {"svd": 0.60, "item_cf": 0.25, "embeddings": 0.15}
SIX: Mapping[Arm, float] = {
    "svd": 0.30,
    "item_cf": 0.25,
    "embeddings": 0.15,
    "graph": 0.15,
    "long_tail": 0.10,
    "serendipity": 0.05,
}

Lists = dict[int, dict[Arm, CandidateList]]


def built(catalogue: Catalogue) -> Lists:
    """Every user's list by every arm; where a user has none, everybody's without what the user has rated."""
    ratings = catalogue.ratings
    genres = [(movie.id, movie.genres) for movie in catalogue.movies]
    table = rating_table(ratings.users, ratings.movies, ratings.values, genres)
    rated: dict[int, set[int]] = {user: set() for user in catalogue.users.tolist()}
    for user, movie in zip(ratings.users.tolist(), ratings.movies.tolist(), strict=True):
        rated[user].add(movie)
    found: Lists = {}
    for made in candidate_lists(table, silent):
        found.setdefault(made.user_id, {})[made.algorithm] = made
    everybody = found.pop(EVERYBODY)
    return {
        user: {arm: found.get(user, {}).get(arm) or _without(everybody[arm], seen) for arm in ARMS}
        for user, seen in rated.items()
    }


def blend(lists: Mapping[Arm, CandidateList], weights: Mapping[Arm, float]) -> list[int]:
    """Movies by the weighted sum of the arms' scores, each brought to 0–1 (min–max) within its list."""
    total: dict[int, float] = {}
    for arm, weight in weights.items():
        made = lists[arm]
        low, high = min(made.scores), max(made.scores)
        for movie, score in zip(made.movie_ids, made.scores, strict=True):
            total[movie] = total.get(movie, 0.0) + weight * (score - low) / ((high - low) or 1.0)
    return sorted(total, key=lambda movie: (-total[movie], movie))


def first(movies: Iterable[int], places: int = 10) -> list[int]:
    return list(islice(movies, places))


def _without(made: CandidateList, seen: set[int]) -> CandidateList:
    kept = [place for place, movie in enumerate(made.movie_ids) if movie not in seen]
    movies, scores = [made.movie_ids[place] for place in kept], [made.scores[place] for place in kept]
    return CandidateList(made.user_id, made.algorithm, movies, scores)
