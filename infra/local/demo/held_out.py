"""Visitors who react by real ratings that the builder has not seen; they must not know how a list was made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
from bandit_selector.lists.session import LAST
from numpy.typing import NDArray

from infra.local.demo.visitors import Reaction, Visit, visits_of
from infra.local.site import Catalogue, Ratings

_SCROLL = timedelta(seconds=3)  # from one place of a list to the next
_WATCH = timedelta(minutes=1)  # from the click to the rating; short, to fit into a demo
_BACKGROUND_CLICKS = 0.01  # click rate on movies that the visitor never rated: noise for the learner


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Real users, movies and ratings; the site has the earlier part, the visitors answer from the later."""

    catalogue: Catalogue
    later: dict[int, dict[int, float]]
    movies: frozenset[int]
    before: dict[int, list[tuple[int, timedelta]]]  # the last ratings that the site has, and how long before the later
    name: Literal["movielens"] = "movielens"
    sentence: str = (
        "Real users, movies and ratings (MovieLens, temporal split): a visitor clicks a shown movie that is "
        "among the last 20 % of the visitor's own ratings, which the lists' builder has not seen, and rates "
        "it as then; any other with probability 0.01. Visiting times are simulated; each visit is at the moment "
        "between the ratings that the site has and the later ones, so most are in the middle of a rating session."
    )

    def visits(self, start: datetime, rng: np.random.Generator, per_day: int = 1000) -> Iterator[Visit]:
        return visits_of(tuple(self.later), start, rng, per_day)

    def rated_before(self, user_id: int, at: datetime) -> Sequence[tuple[int, datetime]]:
        return [(movie, at - ago) for movie, ago in self.before[user_id]]

    def react(
        self,
        user_id: int,
        shown: Sequence[int],
        at: datetime,  # noqa: ARG002  ratings do not depend on the hour
        rng: np.random.Generator,
    ) -> list[Reaction]:
        truth = self.later[user_id]
        if unknown := set(shown) - self.movies:
            raise KeyError(f"movies {sorted(unknown)} are not in the catalogue")
        curious = rng.random(len(shown)) < _BACKGROUND_CLICKS
        clicks = [
            Reaction(position, movie, "click", _SCROLL * position)
            for position, movie in enumerate(shown, 1)
            if movie in truth or curious[position - 1]
        ]
        ratings = [
            Reaction(click.position, click.movie_id, "rating", click.delay + _WATCH, truth[click.movie_id])
            for click in clicks
            if click.movie_id in truth
        ]
        return clicks + ratings


def held_out(catalogue: Catalogue, share: float = 0.2) -> HeldOut:
    """The world of a catalogue of real ratings: the site gets the earlier part, the visitors the later."""
    earlier, later = temporal_split(catalogue.ratings, share)
    truth: dict[int, dict[int, float]] = {}
    columns = (later.users.tolist(), later.movies.tolist(), later.values.tolist())
    for user, movie, value in zip(*columns, strict=True):
        truth.setdefault(user, {})[movie] = value
    site = Catalogue(catalogue.users, catalogue.movies, earlier)
    return HeldOut(site, truth, frozenset(movie.id for movie in catalogue.movies), _before(earlier, later))


def _before(earlier: Ratings, later: Ratings) -> dict[int, list[tuple[int, timedelta]]]:
    """Each user's LAST movies of the earlier ratings, newest first, and how long before the first of the later."""
    first: dict[int, int] = {}
    for user, seconds in zip(later.users.tolist(), later.times.tolist(), strict=True):
        first[user] = min(seconds, first.get(user, seconds))
    order = np.lexsort((earlier.movies, -earlier.times, earlier.users))
    found: dict[int, list[tuple[int, timedelta]]] = {user: [] for user in first}
    for user, movie, seconds in zip(
        *(c[order].tolist() for c in (earlier.users, earlier.movies, earlier.times)), strict=True
    ):
        if user in found and len(found[user]) < LAST:
            found[user].append((movie, timedelta(seconds=first[user] - seconds)))
    return found


def temporal_split(ratings: Ratings, share: float = 0.2) -> tuple[Ratings, Ratings]:
    """(earlier, later): the last `share` of each user's ratings, rounded down; ties by movie id."""
    order = np.lexsort((ratings.movies, ratings.times, ratings.users))
    _, first, counts = np.unique(ratings.users[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, counts)
    later: NDArray[np.bool_] = np.empty(len(order), dtype=np.bool_)
    later[order] = rank >= np.repeat(counts - np.floor(counts * share).astype(np.int64), counts)
    return ratings.where(~later), ratings.where(later)
