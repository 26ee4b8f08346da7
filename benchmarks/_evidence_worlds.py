"""Synthetic visitors for studies of the A/B read-out: sums by cluster at each look. Judges nothing.

A run is an array [look, group, cluster, (clicked, shown)], cumulated over looks; `count` runs of it are stacked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

CLUSTERS: Final = 128
RATE: Final = 0.12
Array: TypeAlias = NDArray[np.float64]
World: TypeAlias = Callable[[np.random.Generator], Array]


@dataclass(frozen=True, slots=True)
class Population:
    """A fixed population that returns: activity lognormal(sigma), logit CTR sd `taste` + `slope` · z(ln activity)."""

    treated: int
    untreated: int
    sigma: float
    taste: float
    slope: float = 0.0
    movies: float = 100.0
    lift: float = 0.0
    rate: float = RATE

    def run(self, rng: np.random.Generator, moments: Array) -> Array:
        """Sums at each moment, a share of the whole in (0, 1], ascending."""
        number = self.treated + self.untreated
        z = rng.normal(size=number)
        activity = self.movies * np.exp(self.sigma * z - self.sigma**2 / 2)
        group = (np.arange(number) >= self.treated).astype(np.int64)
        logit = np.log(self.rate / (1 - self.rate)) + rng.normal(scale=self.taste, size=number) + self.slope * z
        chance = np.clip((1 + self.lift * (group == 0)) / (1 + np.exp(-logit)), 0, 1)
        spans = np.diff(moments, prepend=0.0)
        shown = rng.poisson(activity * spans[:, None])
        clicked = rng.binomial(shown, chance)
        return cumulated(shown, clicked, group * CLUSTERS + rng.integers(CLUSTERS, size=number))


def cumulated(shown: NDArray[np.int64], clicked: NDArray[np.int64], place: NDArray[np.int64]) -> Array:
    """From [look, visitor] and each visitor's group · CLUSTERS + cluster: cumulated sums, as this module says."""
    looks = shown.shape[0]
    first: NDArray[np.int64] = np.arange(looks, dtype=np.int64)[:, None]
    at: NDArray[np.int64] = (first * (2 * CLUSTERS) + place).ravel()
    sums = [np.bincount(at, part.ravel(), looks * 2 * CLUSTERS) for part in (clicked, shown)]
    return np.stack(sums, axis=-1).reshape(looks, 2, CLUSTERS, 2).cumsum(axis=0)


def fresh(
    rng: np.random.Generator, days: int, a_day: int, movies: int = 10, sd: float = 0.5, lift: float = 0.0
) -> Array:
    """New visitors every day, `a_day` in each group, who come once: sums of each single day, not cumulated."""
    answer = np.zeros((days, 2, CLUSTERS, 2))
    for group in (0, 1):
        logit = np.log(RATE / (1 - RATE)) + rng.normal(scale=sd, size=(days, a_day))
        clicked = rng.binomial(movies, np.clip((1 + lift * (group == 0)) / (1 + np.exp(-logit)), 0, 1))
        for day, cluster in enumerate(rng.integers(CLUSTERS, size=(days, a_day))):
            answer[day, group, :, 0] = np.bincount(cluster, clicked[day], CLUSTERS)
            answer[day, group, :, 1] = movies * np.bincount(cluster, minlength=CLUSTERS)
    return answer


def contexts(rng: np.random.Generator, users: int, looks: int, lift: float = 0.0, movies: int = 200) -> Array:
    """`users` per group with activity 1:4:20 and 200 movies each in all, in 24 contexts with sixteen clusters.

    Sums [look, context, group, cluster, (clicked, shown)], cumulated over looks. Contexts differ in their click rates.
    """
    number = 2 * users
    group = np.arange(number, dtype=np.int64) % 2
    activity = rng.choice([1.0, 4.0, 20.0], size=number)
    activity *= movies / activity.mean()
    logit = np.linspace(-2.6, -1.2, 24)[:, None] + rng.normal(scale=0.5, size=number)
    chance = np.clip((1 + lift * (group == 0)) / (1 + np.exp(-logit)), 0, 1)
    place = group * 16 + rng.integers(16, size=number)
    answer = np.zeros((looks, 24, 2, 16, 2))
    for look in range(looks):
        shown = rng.poisson(activity / 24 / looks, size=(24, number))
        clicked = rng.binomial(shown, chance)
        for context in range(24):
            for part, values in enumerate((clicked, shown)):
                answer[look, context, :, :, part] = np.bincount(place, values[context], 32).reshape(2, 16)
    return answer.cumsum(axis=0)
