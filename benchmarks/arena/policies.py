"""The product's rules, and uniform choice, as players; must not know a world's rates."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from bandit_selector.learning.counts import Counts, forget
from bandit_selector.learning.learn import learn
from bandit_selector.learning.posterior import Policy, posterior
from bandit_selector.settings import Settings

from benchmarks.arena.environments import ARMS, BATCH, Indices, Reals, World
from benchmarks.arena.simulation import Outcomes, Player

DEFAULTS = Settings()
HALF_LIFE = DEFAULTS.half_life
PUBLICATIONS = 600  # per game of the shared rule, in long games: publishing more often costs time and gains little


@dataclass(slots=True)
class Uniform:
    """Draws every available arm with equal probability."""

    rng: np.random.Generator

    def choose(self, visits: Indices, available: Indices) -> Indices:
        return self.rng.choice(available, len(visits))

    def learn(self, outcomes: Outcomes) -> None:
        pass


@dataclass(slots=True)
class Thompson:
    """Thompson sampling from the product's posteriors, published after every `every` outcomes."""

    contexts: tuple[str, ...]
    rng: np.random.Generator
    policy: Policy
    half_life: float
    every: int
    successes: Reals = field(init=False)
    failures: Reals = field(init=False)
    unpublished: float = field(init=False, default=float("inf"))
    offered: Indices = field(init=False, default_factory=lambda: np.zeros(0, np.int64))
    published: tuple[Reals, Reals] = field(init=False)

    def __post_init__(self) -> None:
        self.successes = np.zeros((len(self.contexts), len(ARMS)))
        self.failures = np.zeros_like(self.successes)

    def choose(self, visits: Indices, available: Indices) -> Indices:
        if self.unpublished >= self.every or len(available) != len(self.offered):
            self.publish(self.counts(available))
            self.unpublished, self.offered = 0, available
        return available[self.draw(visits)]

    def counts(self, available: Indices) -> Counts:
        arms: tuple[str, ...] = tuple(ARMS[int(a)] for a in available)
        return Counts(self.contexts, arms, self.successes[:, available], self.failures[:, available])

    def publish(self, counts: Counts) -> None:
        believed = posterior(counts, self.policy, DEFAULTS.prior_alpha, DEFAULTS.prior_beta)
        self.published = believed.alpha, believed.beta

    def draw(self, visits: Indices) -> Indices:
        alpha, beta = self.published
        return self.rng.beta(alpha[visits], beta[visits]).argmax(axis=1)

    def learn(self, outcomes: Outcomes) -> None:
        new, cells = len(outcomes.visits), (outcomes.visits, outcomes.arms)
        self.successes, self.failures = forget(self.successes, self.failures, new, self.half_life)
        np.add.at(self.successes, cells, outcomes.clicked)
        np.add.at(self.failures, cells, 1 - outcomes.clicked)
        self.unpublished += new


class Served(Thompson):
    """The same rule as served: drawn from P(best) with floor and cap."""

    def publish(self, counts: Counts) -> None:
        probability = learn(
            counts,
            self.policy,
            DEFAULTS.prior_alpha,
            DEFAULTS.prior_beta,
            DEFAULTS.min_arm_probability,
            DEFAULTS.max_algorithm_dominance,
        ).probability
        self.published = probability, probability.cumsum(axis=1)

    def draw(self, visits: Indices) -> Indices:
        return (self.published[1][visits] > self.rng.random((len(visits), 1))).argmax(axis=1)


def _thompson(policy: Policy, half_life: float, maker: type[Thompson] = Thompson) -> Callable[[World, int], Player]:
    def player(world: World, seed: int) -> Player:
        every = BATCH if policy == "independent" else max(BATCH, world.horizon // PUBLICATIONS)
        return maker(world.contexts, np.random.default_rng([seed, 1]), policy, half_life, every)

    return player


POLICIES: dict[str, Callable[[World, int], Player]] = {
    "independent": _thompson("independent", float("inf")),
    "shared": _thompson("shared", HALF_LIFE),
    "uniform": lambda _, seed: Uniform(np.random.default_rng([seed, 1])),
    "shared, half-life 20,000": _thompson("shared", 20_000),
    "shared, never forgetting": _thompson("shared", float("inf")),
    "shared, floor and cap": _thompson("shared", HALF_LIFE, Served),
}
