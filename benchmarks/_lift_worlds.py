"""Visits to real ratings in a session and by returning visitors, and what each list policy would be clicked there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

import numpy as np
from bandit_selector.lists.session import ARM, LAST, Neighbours, Reaction, Session, session_list
from bandit_selector.lists.slate import ArmList, Page, Stock, bandit_slate, blend, control_slate
from numpy.typing import NDArray

from benchmarks._lists import CONTROL, Lists, built, rated
from functions.candidates.arms import ARMS
from functions.candidates.neighbours import MOST, neighbourhoods
from functions.candidates.ratings import RatingTable, counts, long_tail, rating_table
from infra.local.demo.held_out import HeldOut
from infra.local.site import Catalogue, Ratings

PLACES: Final = 10
SERVED: Final = Page(0, PLACES, long_tail_share=0.2)
DRAWS: Final = 2  # lists a user, of which the mean counts
GAP_SECONDS: Final = 1800
LEAST: Final = 5  # later ratings of a returning visitor
KNOWN: Final = 20  # ratings before
FLOOR: Final = 0.001

Floats = NDArray[np.float64]
Slates = Callable[[int, int], list[int]]
"""(user, number of the draw) → the movies of a list."""


@dataclass(frozen=True, slots=True)
class Split:
    """What the site knows, and each user's later movies."""

    catalogue: Catalogue
    later: Mapping[int, set[int]]

    @property
    def users(self) -> list[int]:
        return list(self.later)


def in_session(world: HeldOut) -> Split:
    """The last 20 % of each user's ratings are later, for users who went on within half an hour."""
    going_on = {user for user, before in world.before.items() if before and before[0][1].total_seconds() <= GAP_SECONDS}
    return Split(world.catalogue, {user: set(truth) for user, truth in world.later.items() if user in going_on})


def returning(catalogue: Catalogue) -> Split:
    """The later ratings begin with a session of their own, the one nearest to the last 20 %."""
    ratings = catalogue.ratings
    order = np.lexsort((ratings.movies, ratings.times, ratings.users))
    late = np.zeros(len(ratings), dtype=np.bool_)
    for rows in np.split(order, np.flatnonzero(np.diff(ratings.users[order])) + 1):
        starts = np.flatnonzero(np.diff(ratings.times[rows]) > GAP_SECONDS) + 1
        usable = starts[(starts >= KNOWN) & (len(rows) - starts >= LEAST)]
        if len(usable):
            late[rows[usable[np.abs(usable - 0.8 * len(rows)).argmin()] :]] = True
    later: dict[int, set[int]] = {}
    for user, movie in zip(ratings.users[late].tolist(), ratings.movies[late].tolist(), strict=True):
        later.setdefault(user, set()).add(movie)
    return Split(Catalogue(catalogue.users, catalogue.movies, ratings.where(~late)), later)


@dataclass(frozen=True, slots=True)
class Shop:
    """Every user's lists, the nightly ones and that of a session."""

    split: Split
    nightly: Lists
    sessions: Mapping[int, ArmList]

    def of(self, user: int, *, session: bool) -> dict[str, ArmList]:
        own = dict(self.nightly[user])
        return own | {ARM: self.sessions[user]} if session and user in self.sessions else own


@dataclass(frozen=True, slots=True)
class Studied:
    """One kind of visit of one folder, by user: the hits of control, designs, single arms and EASE, known ratings.

    `power` is the share of runs that show the session arm's lift, by way and number of visits.
    """

    name: str
    control: Floats
    designs: dict[str, Floats]
    alone: dict[str, Floats]
    ratings: Floats
    ease: dict[str, Floats] = field(default_factory=dict[str, Floats])
    power: Mapping[str, list[float]] = field(default_factory=dict[str, list[float]])


def opened(split: Split) -> Shop:
    """Builds all lists from what the site knows."""
    return Shop(split, built(split.catalogue), sessions(split))


def known(split: Split) -> RatingTable:
    """What the site knows, as the nightly builder reads it."""
    ratings = split.catalogue.ratings
    genres = [(movie.id, movie.genres) for movie in split.catalogue.movies]
    return rating_table(ratings.users, ratings.movies, ratings.values, genres, ratings.times.astype(np.float64))


def sessions(split: Split, most: int = MOST) -> dict[int, ArmList]:
    """The session arm's list of each user, from at most so many neighbours a movie."""
    table = known(split)
    near = {
        movie: Neighbours(np.array(ids), np.array(following), np.array(alike))
        for movie, ids, following, alike in neighbourhoods(table, most) or ()
    }
    head = frozenset(table.movies[~long_tail(counts(table.matrix))].tolist())
    seen, last = rated(split.catalogue), _last(split.catalogue.ratings, set(split.users))
    found: dict[int, ArmList] = {}
    for user in split.users:
        said = [Reaction(at, near.get(movie)) for movie, at in last[user]]
        made = session_list(Session(said, head), seen[user])
        if made:
            found[user] = made
    return found


def _last(ratings: Ratings, users: set[int]) -> dict[int, list[tuple[int, float]]]:
    found: dict[int, list[tuple[int, float]]] = {user: [] for user in users}
    order = np.lexsort((ratings.movies, -ratings.times, ratings.users))
    columns = (column[order].tolist() for column in (ratings.users, ratings.movies, ratings.times))
    for user, movie, at in zip(*columns, strict=True):
        if user in found and len(found[user]) < LAST:
            found[user].append((movie, float(at)))
    return found


def each(split: Split, slates: Slates, draws: int) -> Floats:
    """(users, draws): the share of ten movies of each list that the user rated later."""
    return np.array(
        [[len(set(slates(user, draw)) & split.later[user]) / PLACES for draw in range(draws)] for user in split.users]
    )


def control_slates(shop: Shop) -> Slates:
    """Today's control list, as it is served."""

    def slates(user: int, draw: int) -> list[int]:
        stock = Stock(shop.nightly[user], {})
        return [p.movie_id for p in control_slate(stock, CONTROL, SERVED, _random(user, draw), "hybrid_control")]

    return slates


def mixture_slates(shop: Shop, probabilities: Mapping[str, float], *, session: bool = False) -> Slates:
    """Places whose arms are drawn by these probabilities, as they are served."""

    def slates(user: int, draw: int) -> list[int]:
        lists = shop.of(user, session=session) | _further(shop.nightly[user], probabilities)
        places = bandit_slate(Stock(lists, {}), probabilities, SERVED, _random(user, draw))
        return [place.movie_id for place in places]

    return slates


def control(shop: Shop) -> Floats:
    """Per user the hits of control's list, a mean over DRAWS lists."""
    return each(shop.split, control_slates(shop), DRAWS).mean(axis=1)


def mixture(shop: Shop, probabilities: Mapping[str, float], *, session: bool = False) -> Floats:
    """The same of lists whose arms are drawn."""
    return each(shop.split, mixture_slates(shop, probabilities, session=session), DRAWS).mean(axis=1)


def guarded(best: str, second: str, arms: tuple[str, ...] = ARMS) -> dict[str, float]:
    """The best arm at the cap of 70 %, the second with what is left, all others at the floor."""
    rest = {arm: FLOOR for arm in arms if arm not in {best, second}}
    return {best: 0.7, second: 0.3 - sum(rest.values()), **rest}


def _further(lists: Mapping[str, ArmList], arms: Mapping[str, float]) -> dict[str, ArmList]:
    """A seventh arm that is made of the six."""
    made: dict[str, ArmList] = {}
    if "hybrid" in arms:
        made["hybrid"] = blend(lists, CONTROL, ())
    if "consensus" in arms:  # the mean rank in all lists: every arm weighs alike
        ranks = {
            arm: ArmList(one.movie_ids, [-at for at in range(len(one.movie_ids))], one.long_tail)
            for arm, one in lists.items()
        }
        made["consensus"] = blend(ranks, dict.fromkeys(ranks, 1.0), ())
    return made


def _random(user: int, draw: int) -> Random:
    return Random(user * 100 + draw)  # nothing secret
