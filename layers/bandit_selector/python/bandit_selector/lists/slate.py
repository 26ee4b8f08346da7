"""Which movie stands at which place, and which arm put it there. Knows no I/O; randomness is an argument."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from struct import pack, unpack
from typing import NamedTuple

from bandit_selector.learning.guard import draw, remaining
from bandit_selector.lists.names import algorithm_of


@dataclass(frozen=True, slots=True)
class ArmList:
    """One arm's movies from best to worst, with the arm's own scores; three sequences of one length."""

    movie_ids: Sequence[int]
    scores: Sequence[float]
    long_tail: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Stock:
    """What one visitor may be shown, per arm: an own list, and everybody's once the own one is used up.

    Movies that the visitor has `rated` are not shown.
    """

    own: Mapping[str, ArmList]
    everybodys: Mapping[str, ArmList]
    rated: Collection[int] = ()

    def lists(self, arm: str) -> list[ArmList]:
        """The arm's lists, in the order in which they are used up."""
        return [lists[arm] for lists in (self.own, self.everybodys) if arm in lists]


class Candidate(NamedTuple):
    """A movie that an arm would show at a place."""

    movie_id: int
    score: float


class Place(NamedTuple):
    """One place of a list, as it is recorded; `position` counts from 1 over all pages.

    `propensity` is the probability that the place's arm was drawn with; None where nothing was drawn. `whole` is false
    where an arm had no movie for the place, so that the others were drawn more often than published.
    """

    position: int
    movie_id: int
    score: float
    algorithm: str
    propensity: float | None
    whole: bool = True

    def at(self, position: int) -> "Place":
        """The same at another position of the list."""
        return self if position == self.position else self._replace(position=position)


@dataclass(frozen=True, slots=True)
class Page:
    """`limit` places after the first `offset`; of each page, at least `long_tail_share` are long tail."""

    offset: int
    limit: int
    long_tail_share: float

    def reserved(self, randomness: Random) -> list[bool]:
        """For each place up to the page's end, whether only the long tail may fill it.

        Which places are reserved is drawn, so that neither arm nor position is favoured by it, and repeats with every
        `limit` places, so that a page has its share wherever it begins. Drawn by a generator of its own, so that a
        list's later pages leave its earlier draws as they were.
        """
        own = Random(randomness.getrandbits(64))  # noqa: S311 # nothing secret
        needed = math.ceil(round(self.long_tail_share * self.limit, 9))
        chosen = set(own.sample(range(self.limit), needed))
        return [place % self.limit in chosen for place in range(self.offset + self.limit)]


class Shelf:
    """What one arm has left, best first. It skips movies that were shown, or that another arm has shown."""

    __slots__ = ("_best", "_left")

    def __init__(self, lists: Sequence[ArmList]) -> None:
        self._left = [_movies(lists, only_long_tail) for only_long_tail in (False, True)]
        self._best = [next(left, None) for left in self._left]

    def best(self, only_long_tail: bool, shown: set[int]) -> Candidate | None:
        """The best movie that was not shown yet, or None."""
        best = self._best[only_long_tail]
        while best and best.movie_id in shown:
            best = self._best[only_long_tail] = next(self._left[only_long_tail], None)
        return best


def _movies(lists: Sequence[ArmList], only_long_tail: bool) -> Iterator[Candidate]:
    for movies in lists:
        for movie_id, score, long_tail in zip(movies.movie_ids, movies.scores, movies.long_tail, strict=True):
            if long_tail or not only_long_tail:
                yield Candidate(movie_id, score)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which shelf fills a place, the name it is recorded under, and the probability it was drawn with."""

    shelf: str
    algorithm: str
    propensity: float | None
    whole: bool = True


def bandit_slate(stock: Stock, probabilities: Mapping[str, float], page: Page, randomness: Random) -> list[Place]:
    """Draws each place's arm independently and takes that arm's best movie not yet on the list.

    The propensity of a place is exactly the probability that its arm was drawn with: the published probabilities of
    the arms that still have a movie, scaled to sum 1 when an arm has dropped out. So position is independent of arm.
    """
    shelves = {arm: Shelf(stock.lists(arm)) for arm in probabilities}
    known: dict[tuple[str, ...], tuple[list[float], list[_Choice]]] = {}

    def choose(arms: tuple[str, ...]) -> _Choice:
        if arms not in known:
            known[arms] = _choices(arms, probabilities)
        chances, choices = known[arms]
        return choices[draw(chances, randomness.random())]

    return _fill(shelves, stock, page, randomness, choose)[page.offset :]


def _choices(arms: tuple[str, ...], probabilities: Mapping[str, float]) -> tuple[list[float], list[_Choice]]:
    """What is drawn from where only these arms have a movie: their chances, and a choice for each."""
    chances, whole = remaining([probabilities[arm] for arm in arms]), len(arms) == len(probabilities)
    drawn = zip(arms, chances, strict=True)
    return chances, [_Choice(arm, algorithm_of(arm), as_recorded(chance), whole) for arm, chance in drawn]


def control_slate(
    stock: Stock, weights: Mapping[str, float], page: Page, randomness: Random, algorithm: str
) -> list[Place]:
    """The fixed hybrid: movies by weighted blend of the arms' scores, under the same long-tail rule."""
    return whole_control(stock, weights, page, randomness, algorithm)[page.offset :]


def whole_control(
    stock: Stock, weights: Mapping[str, float], page: Page, randomness: Random, algorithm: str
) -> list[Place]:
    """The same from place 1 to the page's end."""
    first = {**stock.everybodys, **stock.own}
    shelf = {"": Shelf([blend(lists, weights, stock.rated) for lists in (first, stock.everybodys)])}
    return _fill(shelf, stock, page, randomness, lambda _: _Choice("", algorithm, None))


def _fill(
    shelves: Mapping[str, Shelf],
    stock: Stock,
    page: Page,
    randomness: Random,
    choose: Callable[[tuple[str, ...]], _Choice],
) -> list[Place]:
    """The places up to the page's end. `choose` gets the shelves that have a movie for a place; the list ends when none
    has."""
    shown = set(stock.rated)
    places: list[Place] = []
    for only_long_tail in page.reserved(randomness):
        offers = offered(shelves, only_long_tail, shown)
        if not offers:
            break
        choice = choose(tuple(offers))
        movie = offers[choice.shelf]
        shown.add(movie.movie_id)
        filled = movie.movie_id, movie.score, choice.algorithm, choice.propensity, choice.whole
        places.append(Place(len(places) + 1, *filled))
    return places


def offered(shelves: Mapping[str, Shelf], only_long_tail: bool, shown: set[int]) -> dict[str, Candidate]:
    """What each arm would put at a place; without any long tail left, a reserved place is like any other."""
    offers = {arm: movie for arm, shelf in shelves.items() if (movie := shelf.best(only_long_tail, shown))}
    return offers if offers or not only_long_tail else offered(shelves, False, shown)


def blend(lists: Mapping[str, ArmList], weights: Mapping[str, float], rated: Collection[int]) -> ArmList:
    """All unrated movies by Σ weight · (score − min) / (max − min) over the arms that list them; ties by id.

    Movies that no weighted arm lists follow, because their sum is 0.
    """
    seen = set(rated)
    scores: dict[int, float] = {}
    long_tail: dict[int, bool] = {}
    for arm, movies in lists.items():
        listed = zip(movies.movie_ids, movies.scores, movies.long_tail, strict=True)
        left = [entry for entry in listed if entry[0] not in seen]
        best, worst = max((score for _, score, _ in left), default=0), min((score for _, score, _ in left), default=0)
        weight = weights.get(arm, 0.0)
        for movie_id, score, is_tail in left:
            relative = (score - worst) / (best - worst) if best > worst else 1.0
            scores[movie_id] = scores.get(movie_id, 0.0) + weight * relative
            long_tail[movie_id] = is_tail
    ranked = sorted(scores, key=lambda movie_id: (-scores[movie_id], movie_id))
    return ArmList(ranked, [scores[movie_id] for movie_id in ranked], [long_tail[movie_id] for movie_id in ranked])


def as_recorded(number: float) -> float:
    """A probability or score in the 32 bits in which bandit_lists keeps it: to seven digits, 0 below 1e-45.

    PostgreSQL itself would refuse so small a number.
    """
    return unpack("f", pack("f", number))[0]


def is_treated(user_id: int, salt: str, treatment_share: float) -> bool:
    """Whether `use_bandit=auto` puts a user into the treatment group: sticky, and independent of other salts."""
    point = int.from_bytes(sha256(f"{salt}:{user_id}".encode()).digest()[:8], "big") / 2**64
    return point < treatment_share
