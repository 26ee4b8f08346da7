"""How many requests a list and its feedback are, as the browser client gathers them. Knows the synthetic world."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np

from infra.local.demo.visitors import Reaction
from infra.local.demo.world import MOVIES, synthetic

PLACES = 30
AT_ONCE = 25  # reactions in one request, as clients/browser has it
SCROLL = timedelta(seconds=3)  # a place, as in the synthetic world


@dataclass(frozen=True, slots=True)
class Feedback:
    """Of a list, on average: reactions, requests that carry them, and both with what was seen."""

    reactions: float
    requests: float
    requests_with_seen: float
    messages_with_seen: float


def measured(lists: int, reactions: float, gather: timedelta, seed: int = 0) -> Feedback:
    """Synthetic visits, whose reactions are thinned by movie until a list has `reactions` on average."""
    rng = np.random.default_rng(seed)
    told = [_by_movie(found) for found in _visits(lists, rng)]
    keep = reactions * lists / sum(len(found) for movies in told for found in movies)
    kept = [[one for found in movies if rng.random() < keep for one in found] for movies in told]
    moments = [[one.delay for one in found] for found in kept]
    seen = [SCROLL * place for place in range(1, PLACES + 1)]
    both = [grouped([*one, *seen], gather) for one in moments]
    return Feedback(
        reactions=sum(map(len, moments)) / lists,
        requests=sum(len(grouped(one, gather)) for one in moments) / lists,
        requests_with_seen=sum(map(len, both)) / lists,
        messages_with_seen=(sum(map(len, moments)) + lists * len(grouped(seen, gather))) / lists,
    )


def grouped(moments: Iterable[timedelta], gather: timedelta) -> list[list[timedelta]]:
    """The moments of each request: all within `gather` of its first."""
    groups: list[list[timedelta]] = []
    for moment in sorted(moments):
        if groups and moment <= groups[-1][0] + gather:
            groups[-1].append(moment)
        else:
            groups.append([moment])
    return groups


def _visits(lists: int, rng: np.random.Generator) -> Iterable[Sequence[Reaction]]:
    world = synthetic(0)
    for visit in islice(world.visits(datetime(2026, 6, 1, tzinfo=UTC), rng), lists):
        shown = (rng.choice(MOVIES, PLACES, replace=False) + 1).tolist()
        yield world.react(visit.user_id, shown, visit.at, rng)


def _by_movie(found: Sequence[Reaction]) -> list[list[Reaction]]:
    movies: dict[int, list[Reaction]] = {}
    for one in found:
        movies.setdefault(one.movie_id, []).append(one)
    return list(movies.values())
