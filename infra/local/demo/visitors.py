"""Who visits the site in a demo and what they do with a list; visitors must not know how the list was made.

A demo holds one `World` and uses it like this:

    world = synthetic(seed)                      # infra.local.demo.world
    world = held_out(read_movielens(folder))     # infra.local.demo.held_out, infra.local.movielens
    site.load(connection, world.catalogue)       # the builder sees only this
    for visit in world.visits(start, rng):       # endless, in the order of simulated time
        shown = ...                              # movie ids that the service answered for visit.user_id
        for reaction in world.react(visit.user_id, shown, visit.at, rng):
            ...                                  # POST /analytics/track/..., at visit.at + reaction.delay

Times are UTC and simulated: the clock follows the visits, so every context occurs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

import numpy as np

from infra.local.site import Catalogue

Action = Literal["click", "rating", "thumbs_up", "thumbs_down"]


@dataclass(frozen=True, slots=True)
class Visit:
    """A user asks for recommendations at a simulated moment (timezone-aware, UTC)."""

    user_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a visitor did with one movie of a list, `delay` after being shown it; `position` counts from 1.

    `rating` is 0.5–5.0 in halves for the action `rating`, and None for every other.
    """

    position: int
    movie_id: int
    action: Action
    delay: timedelta
    rating: float | None = None


@dataclass(frozen=True, slots=True)
class Rated:
    """A rating that the site has at a visit; with `stars` it was made during the visitor's stay."""

    movie_id: int
    at: datetime
    stars: float | None = None


class World(Protocol):
    """A catalogue and the visitors who react to it; all randomness comes from the generator passed in."""

    @property
    def name(self) -> Literal["synthetic", "movielens"]:
        """What a report calls it."""
        ...

    @property
    def sentence(self) -> str:
        """What a reader of this world's numbers must know about them."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """What the site knows before the first visit."""
        ...

    def visits(self, start: datetime, rng: np.random.Generator, per_day: int = 1000) -> Iterator[Visit]:
        """Endless visits from `start` on, about `per_day` in each simulated day."""
        ...

    def rated_before(self, user_id: int, at: datetime) -> Sequence[Rated]:
        """The ratings that this visit follows; empty where no visit follows one."""
        ...

    def react(self, user_id: int, shown: Sequence[int], at: datetime, rng: np.random.Generator) -> list[Reaction]:
        """What the visitor does with the movie ids shown from the top, in the order of delay; often nothing.

        Raises KeyError for a user or a movie that is not in the catalogue.
        """
        ...


def visits_of(users: Sequence[int], start: datetime, rng: np.random.Generator, per_day: int) -> Iterator[Visit]:
    """Users drawn uniformly, at times of a Poisson process of `per_day` visits a day."""
    at = start
    while True:
        at += timedelta(days=float(rng.exponential(1 / per_day)))
        yield Visit(users[int(rng.integers(len(users)))], at)
