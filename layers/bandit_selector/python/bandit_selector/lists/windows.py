"""Pages of one list: every page of a seed is a window of one list, whose places are drawn once. Knows no storage."""

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from bandit_selector.lists.slate import ArmList, Place, Stock


class Shown(NamedTuple):
    """A place that was recorded, and the event id of its impression."""

    place: Place
    event_id: int

    @property
    def list_id(self) -> int:
        return self.event_id >> 6


def missing(first: int, last: int, taken: Collection[int]) -> list[range]:
    """The runs of positions from `first` to `last` at which nothing was shown yet, in order."""
    free = [position for position in range(first, last + 1) if position not in taken]
    ends = [0, *(at for at, (left, right) in enumerate(pairwise(free), start=1) if right > left + 1), len(free)]
    return [range(free[start], free[end - 1] + 1) for start, end in pairwise(ends) if end > start]


def length(stock: Stock, shown: Sequence[Shown]) -> int:
    """How many places the whole list can have: what was shown, and every unrated movie that any arm lists."""
    lists: list[ArmList] = [*stock.own.values(), *stock.everybodys.values()]
    movies = {movie_id for movies in lists for movie_id in movies.movie_ids} - set(stock.rated)
    return len(movies | {one.place.movie_id for one in shown})
