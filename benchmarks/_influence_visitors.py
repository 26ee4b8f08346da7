"""Honest visitors: how many places each looks at on each day. Heavy-tailed; must not know arms or groups."""

from dataclasses import dataclass

import numpy as np

from benchmarks.arena.environments import Indices

DAYS = 7


@dataclass(frozen=True, slots=True)
class Site:
    """`visitors` in each group; each comes on a day with probability `comes` and reads lists of `length` places.

    A visitor reads one list and, with the visitor's own mean (lognormal, median `more`), further ones.
    """

    name: str
    visitors: int
    length: int
    comes: float = 0.4
    more: float = 0.4
    spread: float = 0.7


SITES = (
    Site("2,000 visitors a group, lists of 10", 2_000, 10),
    Site("2,000 visitors a group, lists of 30", 2_000, 30),
    Site("small: 200 visitors a group, lists of 10", 200, 10),
    Site("heavy users: lists of 10, five times as many", 2_000, 10, more=4.0),
)


def places(site: Site, visitors: int, rng: np.random.Generator) -> Indices:
    """Places of each visitor and day, shape (visitors, DAYS)."""
    further = site.more * np.exp(rng.normal(0, site.spread, (visitors, 1)))
    lists = 1 + rng.poisson(np.broadcast_to(further, (visitors, DAYS)))
    return lists * (rng.random((visitors, DAYS)) < site.comes) * site.length


def counted(shown: Indices, bound: int | None) -> Indices:
    """Those of them that count."""
    return shown if bound is None else np.minimum(shown, bound)
