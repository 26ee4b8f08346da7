"""The product's rules, and uniform choice, as players; must not know a world's rates."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from bandit_selector.learning.counts import Counts
from bandit_selector.learning.memory import Ages, Memory
from bandit_selector.learning.posterior import posterior
from bandit_selector.learning.refutation import Forgetting
from bandit_selector.services.learning_rule import forget_refuted, half_lives, learn_from
from bandit_selector.settings import Settings

from benchmarks.arena.environments import BATCH, Environment, Indices, Reals
from benchmarks.arena.simulation import Outcomes, Player

DEFAULTS = Settings()
PUBLICATIONS = 300  # per game of the shared rule: publishing more often costs time and gains little
START = Ages(*(np.zeros(()) for _ in range(3)))


@dataclass(slots=True)
class Uniform:
    """Draws every available arm with equal probability."""

    rng: np.random.Generator
    least: float = float("nan")

    def choose(self, visits: Indices, available: Indices) -> Indices:
        return self.rng.choice(available, len(visits))

    def learn(self, outcomes: Outcomes) -> None:
        pass


@dataclass(slots=True)
class Served:
    """The rule as it is served: drawn from the guarded P(best), forgetting what is refuted. `least` is the smallest
    probability published."""

    contexts: tuple[str, ...]
    rng: np.random.Generator
    settings: Settings
    every: int
    least: float = 1.0
    memory: Memory = field(init=False)
    ages: Ages = START
    unpublished: float = field(init=False, default=float("inf"))
    offered: Indices = field(init=False, default_factory=lambda: np.zeros(0, np.int64))
    told: list[Forgetting] = field(init=False, default_factory=list[Forgetting])
    cumulated: Reals = field(init=False)

    def __post_init__(self) -> None:
        self.memory = Memory.empty(len(self.contexts), len(self.settings.arms))

    def choose(self, visits: Indices, available: Indices) -> Indices:
        if self.unpublished >= self.every or len(available) != len(self.offered):
            self.forget()
            self.publish(self.offer(available))
            self.unpublished, self.offered = 0, available
        return available[self.draw(visits)]

    def forget(self) -> None:
        self.memory, told = forget_refuted(self.contexts, self.memory, self.settings)
        self.told += told

    def offer(self, available: Indices) -> tuple[Memory, Settings]:
        """The memory of the available arms, and the settings with these."""
        names = tuple(self.settings.arms[int(a)] for a in available)
        columns = {name: getattr(self.memory, name)[:, available] for name in Memory.__slots__}
        return Memory(**columns), self.settings.model_copy(update={"arms": names})

    def publish(self, offer: tuple[Memory, Settings]) -> None:
        probability = learn_from(self.contexts, *offer).probability
        self.least = min(self.least, float(probability.min()))
        self.cumulated = probability.cumsum(axis=1)

    def draw(self, visits: Indices) -> Indices:
        return (self.cumulated[visits] > self.rng.random((len(visits), 1))).argmax(axis=1)

    def learn(self, outcomes: Outcomes) -> None:
        new, shape = len(outcomes.visits), self.memory.long_successes.shape
        successes, failures = np.zeros(shape), np.zeros(shape)
        np.add.at(successes, (outcomes.visits, outcomes.arms), outcomes.clicked)
        np.add.at(failures, (outcomes.visits, outcomes.arms), 1 - outcomes.clicked)
        now = self.ages.after(new, outcomes.seconds, half_lives(self.settings))
        self.memory, self.ages = self.memory.aged(self.ages, now).plus(successes, failures), now
        self.unpublished += new


class Sampled(Served):
    """The same without floor and cap: Thompson sampling from the posteriors."""

    alpha_beta: tuple[Reals, Reals]

    def publish(self, offer: tuple[Memory, Settings]) -> None:
        memory, settings = offer
        counts = Counts(self.contexts, settings.arms, memory.long_successes, memory.long_failures)
        believed = posterior(counts, settings.policy, settings.prior_alpha, settings.prior_beta)
        self.alpha_beta = believed.alpha, believed.beta
        self.least = float("nan")

    def draw(self, visits: Indices) -> Indices:
        alpha, beta = self.alpha_beta
        return self.rng.beta(alpha[visits], beta[visits]).argmax(axis=1)


def player(settings: Settings, maker: type[Served] = Served) -> Callable[[Environment, int], Player]:
    """How a rule under these settings comes into a world."""

    def made(world: Environment, seed: int) -> Player:
        every = BATCH if settings.policy == "independent" else max(BATCH, world.horizon // PUBLICATIONS)
        named = settings.model_copy(update={"arms": world.arms, "control_weights": {world.arms[0]: 1.0}})
        return maker(world.contexts, np.random.default_rng([seed, 1]), named, every)

    return made


def _with(**changes: object) -> Settings:
    return DEFAULTS.model_copy(update=changes)


POLICIES: dict[str, Callable[[Environment, int], Player]] = {
    "as served": player(DEFAULTS),
    "as served, alert": player(_with(dominance="alert")),
    "shared, unguarded": player(DEFAULTS, Sampled),
    "as served, days": player(_with(dominance_over="days")),
    "independent": player(_with(policy="independent"), Sampled),
    "uniform": lambda _, seed: Uniform(np.random.default_rng([seed, 1])),
}
