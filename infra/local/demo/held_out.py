"""Visitors who react by real ratings that the builder has not seen; they must not know how a list was made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Literal

import numpy as np
from bandit_selector.lists.session import LAST
from numpy.typing import NDArray

from infra.local.demo.visitors import Rated, Reaction, Visit, visits_of
from infra.local.site import Catalogue, Ratings

_SCROLL = timedelta(seconds=3)  # from one place of a list to the next
_WATCH = timedelta(minutes=1)  # from the click to the rating; short, to fit into a demo
_BACKGROUND_CLICKS = 0.01  # click rate on movies that the visitor never rated: noise for the learner


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Real users, movies and ratings; the site has the earlier part, the visitors answer from the later."""

    catalogue: Catalogue
    later: dict[int, dict[int, float]]  # in the order of time
    movies: frozenset[int]
    before: dict[int, list[tuple[int, timedelta]]]  # the last ratings that the site has, and how long before the later
    since: dict[int, list[timedelta]]  # from the first of the later ratings to each of them
    name: Literal["movielens"] = "movielens"
    sentence: str = (
        "Real users, movies and ratings (MovieLens, temporal split): a visitor clicks a shown movie that is "
        "among the last 20 % of the visitor's own ratings and comes after this visit, and rates it as then; any other "
        "with probability 0.01. The nightly lists are made of the first 80 %. Visiting times are simulated; each visit "
        "is at a random moment of the last 20 %, so most are in the middle of a rating session."
    )

    def visits(self, start: datetime, rng: np.random.Generator, per_day: int = 1000) -> Iterator[Visit]:
        return visits_of(tuple(self.later), start, rng, per_day)

    def rated_before(self, user_id: int, at: datetime) -> Sequence[Rated]:
        """The last ratings that the site has, and the later ones up to this visit."""
        made = self._made(user_id, at)
        now = self.since[user_id][made]
        earlier = [Rated(movie, at - ago - now) for movie, ago in self.before[user_id]]
        later = zip(self.later[user_id].items(), self.since[user_id], strict=True)
        return [*earlier, *(Rated(movie, at - now + since, stars) for (movie, stars), since in islice(later, made))]

    def _made(self, user_id: int, at: datetime) -> int:
        """How many of the later ratings were made before a visit: any number but all, drawn from the visit itself."""
        return Random(f"{user_id} {at.isoformat()}").randrange(len(self.later[user_id]))  # nothing secret

    def react(
        self,
        user_id: int,
        shown: Sequence[int],
        at: datetime,
        rng: np.random.Generator,
    ) -> list[Reaction]:
        truth = dict(islice(self.later[user_id].items(), self._made(user_id, at), None))
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
    since: dict[int, list[timedelta]] = {}
    first: dict[int, int] = {}
    order = np.lexsort((later.movies, later.times, later.users))
    columns = (column[order].tolist() for column in (later.users, later.movies, later.values, later.times))
    for user, movie, value, seconds in zip(*columns, strict=True):
        truth.setdefault(user, {})[movie] = value
        since.setdefault(user, []).append(timedelta(seconds=seconds - first.setdefault(user, seconds)))
    site = Catalogue(catalogue.users, catalogue.movies, earlier)
    movies = frozenset(movie.id for movie in catalogue.movies)
    return HeldOut(site, truth, movies, _before(earlier, first), since)


def _before(earlier: Ratings, first: Mapping[int, int]) -> dict[int, list[tuple[int, timedelta]]]:
    """Each user's LAST movies of the earlier ratings, newest first, and how long before the `first` of the later."""
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
