"""Synthetic logs of a bandit whose rule learns while it logs, and the truth about them. Knows no estimator."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from bandit_selector.evidence.logged import BLOCKS, Log, Names, Reals, Whole
from bandit_selector.learning.memory import Ages, Memory
from bandit_selector.services.learning_rule import half_lives, learn_from
from bandit_selector.settings import Settings
from numpy.typing import NDArray

from benchmarks.arena.environments import ARMS, CONTEXTS

LIST = 10  # places of one visit, which share a context and a visitor
TASTE = 0.5  # the spread of visitors' levels, on the logit scale
_TASTES = np.array([NormalDist(0, TASTE).inv_cdf((k + 0.5) / 500) for k in range(500)])


@dataclass(frozen=True, slots=True)
class Truth:
    """A log, and the mean rates of the visitors it is a sample of; `rates` has the shape (contexts, arms)."""

    log: Log
    rates: Reals

    def value(self, table: Reals) -> float:
        """The clicks per place that a policy would have with all such visitors; `table`: (blocks, contexts, arms)."""
        return float((table * self.rates).sum(axis=2).mean())


def logged(rng: np.random.Generator, places: int, visitors: int, adaptive: bool = True, floor: float = 0.01) -> Truth:
    """Visits of LIST places by visitors of uneven activity and taste, in 24 contexts; CTR near 12 %.

    With `adaptive` the product's rule chooses, published BLOCKS times; else fixed random probabilities do.
    """
    base = -2 + rng.normal(0, 0.3, (1, len(ARMS))) + rng.normal(0, 0.2, (len(CONTEXTS), len(ARMS)))
    activity = rng.lognormal(0, 1, visitors)
    visits = places // LIST
    visitor = np.repeat(rng.choice(visitors, visits, p=activity / activity.sum()), LIST)
    context = np.repeat(rng.integers(0, len(CONTEXTS), visits), LIST)
    taste = rng.normal(0, TASTE, visitors)
    rates = 1 / (1 + np.exp(-(base[context] + taste[visitor][:, None])))
    uniform, clicks = rng.random((2, len(visitor)))
    chooser = _Rule(floor) if adaptive else _Fixed(rng, floor)
    arm, propensity = np.empty(len(visitor), dtype=np.int64), np.empty(len(visitor))
    edges = np.linspace(0, len(visitor), BLOCKS + 1).astype(int)
    for first, last in pairwise(edges.tolist()):
        part = slice(first, last)
        chances = chooser.chances[context[part]]
        arm[part] = (chances.cumsum(axis=1) < uniform[part, None]).sum(axis=1).clip(0, len(ARMS) - 1)
        propensity[part] = np.take_along_axis(chances, arm[part, None], axis=1)[:, 0]
        won = clicks[part] < rates[np.arange(first, last), arm[part]]
        chooser.learn(context[part], arm[part], won)
    reward = (clicks < np.take_along_axis(rates, arm[:, None], axis=1)[:, 0]).astype(np.int8)
    seconds = np.arange(len(visitor), dtype=np.float64)
    numbered = np.unique(visitor, return_inverse=True)[1]
    log = Log(Names(CONTEXTS, ARMS), numbered, context, arm, propensity, reward, seconds)
    return Truth(log, (1 / (1 + np.exp(-(base[:, :, None] + _TASTES)))).mean(axis=2))


class _Fixed:
    def __init__(self, rng: np.random.Generator, floor: float) -> None:
        drawn = rng.dirichlet(np.ones(len(ARMS)), len(CONTEXTS))
        self.chances = floor + (1 - floor * len(ARMS)) * drawn

    def learn(self, context: Whole, arm: Whole, won: NDArray[np.bool_]) -> None:
        """Learns nothing."""


class _Rule:
    """The product's rule, as served."""

    def __init__(self, floor: float) -> None:
        self._settings = Settings(min_arm_probability=floor)
        self._memory = Memory.empty(len(CONTEXTS), len(ARMS))
        self._ages = Ages(*(np.zeros((len(CONTEXTS), 1)) for _ in range(3)))
        self.chances = learn_from(CONTEXTS, self._memory, self._settings).probability

    def learn(self, context: Whole, arm: Whole, won: NDArray[np.bool_]) -> None:
        successes, failures = (np.zeros((len(CONTEXTS), len(ARMS))) for _ in range(2))
        np.add.at(successes, (context[won], arm[won]), 1)
        np.add.at(failures, (context[~won], arm[~won]), 1)
        now = self._ages.after(len(arm), len(arm), half_lives(self._settings))
        self._memory, self._ages = self._memory.aged(self._ages, now).plus(successes, failures), now
        self.chances = learn_from(CONTEXTS, self._memory, self._settings).probability
