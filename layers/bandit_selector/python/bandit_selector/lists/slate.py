"""Which movie stands at which place, and which arm put it there. Knows no I/O; randomness is an argument."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from bandit_selector.learning.guard import draw, remaining
from bandit_selector.lists.names import algorithm_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """A movie that an arm would show, with the arm's own score for it."""

    movie_id: int
    score: float
    long_tail: bool


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a list, as it is recorded; `position` counts from 1 over all pages.

    `propensity` is the probability that the place's arm was drawn with; None where nothing was drawn.
    """

    position: int
    movie_id: int
    score: float
    algorithm: str
    propensity: float | None


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


Candidates = Mapping[str, Sequence[Candidate]]
"""Per arm, its movies from best to worst."""


class _Shelf:
    """What one arm has left, best first; a movie that another arm has shown is skipped."""

    __slots__ = ("_next", "everything", "long_tail")

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.everything = candidates
        self.long_tail = [candidate for candidate in candidates if candidate.long_tail]
        self._next = [0, 0]

    def best(self, only_long_tail: bool, shown: set[int]) -> Candidate | None:
        """The best one not yet shown, or None."""
        row = self.long_tail if only_long_tail else self.everything
        at = self._next[only_long_tail]
        while at < len(row) and row[at].movie_id in shown:
            at += 1
        self._next[only_long_tail] = at
        return row[at] if at < len(row) else None


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which shelf fills a place, the name it is recorded under, and the probability it was drawn with."""

    shelf: str
    algorithm: str
    propensity: float | None


def bandit_slate(
    candidates: Candidates, probabilities: Mapping[str, float], page: Page, randomness: Random
) -> list[Place]:
    """Draws each place's arm independently and takes that arm's best movie not yet on the list.

    The propensity of a place is exactly the probability that its arm was drawn with: the published probabilities of
    the arms that still have a movie, scaled to sum 1 when an arm has dropped out. So position is independent of arm.
    """
    shelves = {arm: _Shelf(candidates[arm]) for arm in probabilities if candidates.get(arm)}
    chances: dict[tuple[str, ...], list[float]] = {}

    def choose(arms: tuple[str, ...]) -> _Choice:
        if arms not in chances:
            chances[arms] = remaining([probabilities[arm] for arm in arms])
        drawn = draw(chances[arms], randomness.random())
        return _Choice(arms[drawn], algorithm_of(arms[drawn]), chances[arms][drawn])

    return _fill(shelves, page, randomness, choose)


def control_slate(
    candidates: Candidates, weights: Mapping[str, float], page: Page, randomness: Random, algorithm: str
) -> list[Place]:
    """The fixed hybrid: movies by weighted blend of the arms' scores, under the same long-tail rule."""
    shelf = {"": _Shelf(blend(candidates, weights))}
    return _fill(shelf, page, randomness, lambda _: _Choice("", algorithm, None))


def _fill(
    shelves: Mapping[str, _Shelf], page: Page, randomness: Random, choose: Callable[[tuple[str, ...]], _Choice]
) -> list[Place]:
    """The page's places. `choose` gets the shelves that have a movie for a place; the list ends when none has."""
    shown: set[int] = set()
    places: list[Place] = []
    for only_long_tail in page.reserved(randomness):
        offers = _offers(shelves, only_long_tail, shown)
        if not offers:
            break
        choice = choose(tuple(offers))
        movie = offers[choice.shelf]
        shown.add(movie.movie_id)
        places.append(Place(len(places) + 1, movie.movie_id, movie.score, choice.algorithm, choice.propensity))
    return places[page.offset :]


def _offers(shelves: Mapping[str, _Shelf], only_long_tail: bool, shown: set[int]) -> dict[str, Candidate]:
    """What each arm would put at a place; without any long tail left, a reserved place is like any other."""
    offers = {arm: movie for arm, shelf in shelves.items() if (movie := shelf.best(only_long_tail, shown))}
    return offers if offers or not only_long_tail else _offers(shelves, False, shown)


def blend(candidates: Candidates, weights: Mapping[str, float]) -> list[Candidate]:
    """All movies by Σ weight · (score − min) / (max − min) over the arms that list them; ties by id.

    Where no weighted arm has a movie left, the others' lists follow in their own order.
    """
    scores: dict[int, float] = {}
    long_tail: dict[int, bool] = {}
    for arm, movies in candidates.items():
        best, worst = max(movie.score for movie in movies), min(movie.score for movie in movies)
        for movie in movies:
            relative = (movie.score - worst) / (best - worst) if best > worst else 1.0
            scores[movie.movie_id] = scores.get(movie.movie_id, 0.0) + weights.get(arm, 0.0) * relative
            long_tail[movie.movie_id] = movie.long_tail
    ranked = sorted(scores, key=lambda movie_id: (-scores[movie_id], movie_id))
    return [Candidate(movie_id, scores[movie_id], long_tail[movie_id]) for movie_id in ranked]


def is_treated(user_id: int, salt: str, treatment_share: float) -> bool:
    """Whether `use_bandit=auto` puts a user into the treatment group: sticky, and independent of other salts."""
    point = int.from_bytes(sha256(f"{salt}:{user_id}".encode()).digest()[:8], "big") / 2**64
    return point < treatment_share
