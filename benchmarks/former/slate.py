"""Version 1.0: which movie stands at which place. Knows no I/O; randomness is an argument."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from bandit_selector.learning.guard import draw, remaining
from bandit_selector.lists.names import algorithm_of
from bandit_selector.lists.slate import Page, Place


@dataclass(frozen=True, slots=True)
class Candidate:
    """A movie that an arm would show, with the arm's own score for it."""

    movie_id: int
    score: float
    long_tail: bool


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
    the arms that still have a movie, scaled when an arm has dropped out. So position is independent of arm.
    """
    shelves = {arm: _Shelf(candidates[arm]) for arm in probabilities if candidates.get(arm)}
    chances: dict[tuple[str, ...], list[float]] = {}

    def choose(arms: tuple[str, ...]) -> _Choice:
        if arms not in chances:
            chances[arms] = remaining([probabilities[arm] for arm in arms])
        drawn = draw(chances[arms], randomness.random())
        return _Choice(arms[drawn], algorithm_of(arms[drawn]), chances[arms][drawn])

    return _fill(shelves, page, randomness, choose)


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
