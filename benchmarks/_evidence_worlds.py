"""Synthetic visitors for studies of the A/B read-out: sums by cluster at each look. Judges nothing.

A run is an array [look, group, cluster, (clicked, shown)], cumulated over looks; `count` runs of it are stacked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from bandit_selector.evidence.experiment import CLUSTERS
from numpy.typing import NDArray

PLANNED: Final = 0.15  # the lift that a test is planned for
PER_DAY: Final = 133  # new visitors of a group
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


@dataclass(frozen=True, slots=True)
class Known:
    """Visitors who come at random within the test, a share `back` of whom the site knows from before it.

    Activity is lognormal(sigma), logit CTR has sd `taste` and `daypart` · one of −1, 0, 0, 1 by the time of day at
    which a visitor comes. Before the test a known visitor was shown as much as in it.
    """

    treated: int
    untreated: int
    back: float
    sigma: float = 1.0
    taste: float = 0.7
    daypart: float = 0.0
    movies: float = 40.0
    lift: float = 0.0

    def run(self, rng: np.random.Generator, looks: int) -> tuple[Array, Array]:
        """Sums [look, phase, group, cluster, (clicked, shown)], and backgrounds as `covariates` takes them."""
        number = self.treated + self.untreated
        activity = self.movies * np.exp(self.sigma * rng.normal(size=number) - self.sigma**2 / 2)
        period = rng.integers(4, size=number)
        group = (np.arange(number) >= self.treated).astype(np.int64)
        logit = np.log(RATE / (1 - RATE)) + rng.normal(scale=self.taste, size=number)
        logit += self.daypart * np.array([-1, 0, 0, 1])[period]
        own = 1 / (1 + np.exp(-logit))
        place = group * CLUSTERS + rng.integers(CLUSTERS, size=number)
        shown_before = rng.poisson(activity) * (rng.random(number) < self.back)
        before = np.stack([rng.binomial(shown_before, own), shown_before], axis=-1)
        shown = rng.poisson(activity / looks, size=(looks, number))
        clicked = rng.binomial(shown, np.clip((1 + self.lift * (group == 0)) * own, 0, 1))
        came = (shown.cumsum(axis=0) > 0)[..., None]
        periods = [np.stack([period == one, np.ones(number)], axis=-1) for one in (0, 1, 2)]
        ratios = [_summed((came * part).astype(np.float64), place) for part in (before, *periods)]
        return cumulated(shown, clicked, place)[:, None], np.stack(ratios, axis=1)[:, :, None]


def _summed(values: Array, place: NDArray[np.int64]) -> Array:
    """From [look, visitor, (x, n)]: sums [look, group, cluster, (x, n)]."""
    looks = len(values)
    first: NDArray[np.int64] = np.arange(looks, dtype=np.int64)[:, None]
    at: NDArray[np.int64] = (first * (2 * CLUSTERS) + place).ravel()
    sums = [np.bincount(at, values[..., part].ravel(), looks * 2 * CLUSTERS) for part in (0, 1)]
    return np.stack(sums, axis=-1).reshape(looks, 2, CLUSTERS, 2)


def cumulated(shown: NDArray[np.int64], clicked: NDArray[np.int64], place: NDArray[np.int64]) -> Array:
    """From [look, visitor] and each visitor's group · CLUSTERS + cluster: cumulated sums, as this module says."""
    looks = shown.shape[0]
    first: NDArray[np.int64] = np.arange(looks, dtype=np.int64)[:, None]
    at: NDArray[np.int64] = (first * (2 * CLUSTERS) + place).ravel()
    sums = [np.bincount(at, part.ravel(), looks * 2 * CLUSTERS) for part in (clicked, shown)]
    return np.stack(sums, axis=-1).reshape(looks, 2, CLUSTERS, 2).cumsum(axis=0)


def fresh(
    rng: np.random.Generator,
    days: int,
    a_day: int | tuple[int, int],
    movies: int = 10,
    sd: float = 0.5,
    lift: float = 0.0,
    rate: float = RATE,
) -> Array:
    """New visitors every day, `a_day` in each group, who come once: sums of each single day, not cumulated."""
    answer = np.zeros((days, 2, CLUSTERS, 2))
    for group, number in enumerate((a_day, a_day) if isinstance(a_day, int) else a_day):
        clicked, clusters = newcomers(rng, days, number, movies, sd, 1 + lift * (group == 0), rate)
        for day, cluster in enumerate(clusters):
            answer[day, group, :, 0] = np.bincount(cluster, clicked[day], CLUSTERS)
            answer[day, group, :, 1] = movies * np.bincount(cluster, minlength=CLUSTERS)
    return answer


def newcomers(
    rng: np.random.Generator,
    days: int,
    number: int,
    movies: int = 10,
    sd: float = 0.5,
    factor: float = 1.0,
    rate: float = RATE,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Clicks and cluster of each new visitor of a group, [day, visitor]; chances of a click are times `factor`."""
    logit = np.log(rate / (1 - rate)) + rng.normal(scale=sd, size=(days, number))
    clicked = rng.binomial(movies, np.clip(factor / (1 + np.exp(-logit)), 0, 1))
    return clicked, rng.integers(CLUSTERS, size=(days, number))


def returning(
    rng: np.random.Generator, until: int, a_day: int, days: float, movies: int = 10, sd: float = 0.5
) -> tuple[Array, Array]:
    """New visitors every day in each group, who come on 1 + geometric days in all, `days` on average: cumulated sums
    [day, group, cluster, (clicked, shown)], and how many have come to each group."""
    number = 2 * a_day * until
    first = np.repeat(np.arange(until), 2 * a_day)
    place = (np.arange(number) % 2) * CLUSTERS + rng.integers(CLUSTERS, size=number)
    chance = 1 / (1 + np.exp(-(np.log(RATE / (1 - RATE)) + rng.normal(scale=sd, size=number))))
    last = first + rng.geometric(1 / days, size=number) - 1
    day = np.arange(until)[:, None]
    shown = movies * ((day >= first) & (day <= last))
    return cumulated(shown, rng.binomial(shown, chance), place), np.arange(1.0, until + 1) * a_day


def panel(
    rng: np.random.Generator, until: int, number: int, often: float, movies: int = 10, sd: float = 0.5
) -> tuple[Array, Array]:
    """A fixed panel of `number` visitors in each group, each of whom comes on a day with a chance of `often` on
    average: cumulated sums and how many have come, as `returning` has them."""
    place = (np.arange(2 * number) % 2) * CLUSTERS + rng.integers(CLUSTERS, size=2 * number)
    chance = 1 / (1 + np.exp(-(np.log(RATE / (1 - RATE)) + rng.normal(scale=sd, size=2 * number))))
    own = rng.beta(2, 2 * (1 - often) / often, size=2 * number)
    shown = movies * (rng.random((until, 2 * number)) < own).astype(np.int64)
    came = (shown.cumsum(axis=0) > 0).sum(axis=1) / 2
    return cumulated(shown, rng.binomial(shown, chance), place), came


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
