"""A site of a given size with meaningless ratings: to measure the builder's cost, never its quality."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from infra.local.site import Catalogue, Movie, Ratings

GENRES: Final = ("Action", "Comedy", "Drama", "Horror", "Romance", "Sci-Fi")
TITLES: Final = 1_000_000  # more movies than any catalogue here, so that a pair fits one number


def made_up(users: int, movies: int, ratings: int) -> Catalogue:
    """Exactly `ratings` different pairs; as on real sites, few users and few movies have most of them."""
    random = np.random.default_rng(1)
    pairs = np.empty(0, dtype=np.int64)
    while len(pairs) < ratings:
        rating = _drawn(random.lognormal(size=users), ratings, random) * TITLES
        rated = _drawn(1 / (20 + np.arange(movies)), ratings, random)
        pairs = np.unique(np.concatenate([pairs, rating + rated]))
    chosen = random.permutation(pairs)[:ratings]
    values = random.integers(1, 11, ratings) / 2
    titles = tuple(Movie(n + 1, f"Movie {n + 1}", (GENRES[n % 6], GENRES[n // 6 % 6])) for n in range(movies))
    times = np.full(ratings, 1_700_000_000, dtype=np.int64)
    return Catalogue(np.arange(1, users + 1), titles, Ratings(chosen // TITLES + 1, chosen % TITLES + 1, values, times))


def _drawn(weights: NDArray[np.float64], times: int, random: np.random.Generator) -> NDArray[np.int64]:
    return random.choice(len(weights), times, p=weights / weights.sum())
