"""What is remembered of every cell: a long memory, a short one, and recent traffic. Must not know storage or clocks.

Each is a sum over outcomes of weights that halve with age. `Ages` are kept in half-lives since the first outcome, so a
cell that nothing has happened in need not be written: what it holds is multiplied by 0.5^(age now − age then).
"""

from dataclasses import dataclass, fields, replace
from math import inf
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bandit_selector.learning.counts import Reals


@dataclass(frozen=True, slots=True)
class HalfLife:
    """What is remembered has half its weight after this many outcomes of the service, and not before these seconds."""

    outcomes: float
    seconds: float

    def __post_init__(self) -> None:
        if not self.outcomes > 0 or not self.seconds >= 0:
            raise ValueError(f"a half-life must be > 0 outcomes and ≥ 0 s; got {self.outcomes} and {self.seconds}.")

    def age(self, outcomes: float, seconds: float) -> float:
        """How many half-lives pass while so much happens; `seconds` may be inf where there is no clock."""
        by_count = outcomes / self.outcomes
        return min(by_count, seconds / self.seconds) if self.seconds else by_count


@dataclass(frozen=True, slots=True)
class HalfLives:
    long: HalfLife
    short: HalfLife
    traffic: HalfLife

    @classmethod
    def never(cls) -> Self:
        """Nothing is forgotten; POLICY=independent, as in the deployment guide."""
        return cls(*(HalfLife(inf, 0) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Ages:
    """In half-lives; the fields are numbers for the service and arrays (contexts, arms) for cells."""

    long: Reals
    short: Reals
    traffic: Reals

    def after(self, outcomes: float, seconds: float, lives: HalfLives) -> "Ages":
        """Ages when so much has happened; the short memory is never the longer one, whatever is set."""
        long, short, traffic = (life.age(outcomes, seconds) for life in (lives.long, lives.short, lives.traffic))
        return Ages(self.long + long, self.short + max(short, long), self.traffic + traffic)


@dataclass(frozen=True, slots=True)
class Memory:
    """Weighted outcomes per cell; every array has shape (contexts, arms).

    With w and v an outcome's short and long weight, `short_squares` is Σ w² and `cross` Σ w v: what the variance of a
    comparison of the two memories is made of. `traffic` are the outcomes with the weights of recent traffic.
    """

    long_successes: Reals
    long_failures: Reals
    short_successes: Reals
    short_failures: Reals
    short_squares: Reals
    cross: Reals
    traffic: Reals

    @classmethod
    def empty(cls, contexts: int, arms: int) -> Self:
        return cls(*(np.zeros((contexts, arms)) for _ in fields(cls)))

    def aged(self, then: Ages, now: Ages) -> "Memory":
        """Every weight multiplied by 0.5^(half-lives between `then` and `now`): exponential forgetting.

        Raj & Kalyani 2017, discounted Thompson sampling.
        """
        long, short = 0.5 ** (now.long - then.long), 0.5 ** (now.short - then.short)
        return Memory(
            self.long_successes * long,
            self.long_failures * long,
            self.short_successes * short,
            self.short_failures * short,
            self.short_squares * short**2,
            self.cross * short * long,
            self.traffic * 0.5 ** (now.traffic - then.traffic),
        )

    def plus(self, successes: Reals, failures: Reals) -> "Memory":
        """With new outcomes of weight 1. A conversion (one success more, one failure less) adds no outcome.

        It takes a failure back; what was discounted since may be less than one, so nothing falls below 0.
        """
        arrived = successes + failures
        return Memory(
            np.maximum(self.long_successes + successes, 0),
            np.maximum(self.long_failures + failures, 0),
            np.maximum(self.short_successes + successes, 0),
            np.maximum(self.short_failures + failures, 0),
            np.maximum(self.short_squares + arrived, 0),
            np.maximum(self.cross + arrived, 0),
            np.maximum(self.traffic + arrived, 0),
        )

    def recalling(self, history: Reals) -> "Memory":
        """With what is new in the arms' history, (2, contexts, arms): older outcomes, and no recent traffic.

        What is less than before is taken back; where newer outcomes have refuted it meanwhile, nothing falls below 0.
        """
        return replace(
            self,
            long_successes=np.maximum(self.long_successes + history[0], 0),
            long_failures=np.maximum(self.long_failures + history[1], 0),
        )

    def shortened(self, kept: Reals) -> "Memory":
        """Of what is older than the short memory, each arm keeps the share `kept` (arms)."""
        older_successes = np.maximum(self.long_successes - self.short_successes, 0)
        older_failures = np.maximum(self.long_failures - self.short_failures, 0)
        return replace(
            self,
            long_successes=self.short_successes + kept * older_successes,
            long_failures=self.short_failures + kept * older_failures,
            cross=self.short_squares + kept * np.maximum(self.cross - self.short_squares, 0),
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known before a publication; every array has shape (contexts, arms).

    `successes` and `failures` are all that was learned. `memory` holds `seen_*` of them, as it was at each cell's age
    `then`; `ages` is the service's own at the last publication, `seconds` ago (inf where there is no clock).
    """

    contexts: tuple[str, ...]
    arms: tuple[str, ...]
    successes: Reals
    failures: Reals
    seen_successes: Reals
    seen_failures: Reals
    memory: Memory
    then: Ages
    ages: Ages
    seconds: float

    @property
    def news(self) -> NDArray[np.bool_]:
        """Which contexts have counts that changed since they were last seen; shape (contexts)."""
        changed = (self.successes != self.seen_successes) | (self.failures != self.seen_failures)
        return np.any(changed, axis=1)


def remembered(recorded: Recorded, lives: HalfLives) -> tuple[Memory, Ages]:
    """The memory as of now: older outcomes aged by those that came since, and these added. And the service's ages."""
    successes = recorded.successes - recorded.seen_successes
    failures = recorded.failures - recorded.seen_failures
    arrived = max(float(successes.sum() + failures.sum()), 0.0)
    now = recorded.ages.after(arrived, recorded.seconds, lives)
    return recorded.memory.aged(recorded.then, now).plus(successes, failures), now


def traffic(memory: Memory) -> Reals:
    """Each context's share of recent traffic, never 0; shape (contexts)."""
    seen = memory.traffic.sum(axis=1) + 1
    return seen / seen.sum()
