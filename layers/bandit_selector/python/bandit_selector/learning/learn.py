"""Turns counts into the probabilities that serving draws from. Must not know storage, clocks or requests."""

from dataclasses import dataclass

import numpy as np

from bandit_selector.learning.best import probability_best
from bandit_selector.learning.counts import Counts, Reals, forget
from bandit_selector.learning.guard import draw, guard
from bandit_selector.learning.posterior import Policy, Posterior, interval, posterior

__all__ = [
    "Counts",
    "Learned",
    "Policy",
    "Posterior",
    "draw",
    "forget",
    "guard",
    "interval",
    "learn",
    "posterior",
    "probability_best",
]


@dataclass(frozen=True, slots=True)
class Learned:
    """The content of one publication. `best` is P(arm is best), `probability` the guarded one; rows sum to 1.

    Both have the shape (contexts, arms).
    """

    posterior: Posterior
    best: Reals
    probability: Reals


def learn(
    counts: Counts,
    policy: Policy,
    prior_alpha: float,
    prior_beta: float,
    floor: float,
    cap: float,
) -> Learned:
    """Counts → posterior → P(arm is best) → guarded probability, for every context at once."""
    believed = posterior(counts, policy, prior_alpha, prior_beta)
    best = probability_best(believed.alpha, believed.beta) if counts.arms else believed.alpha
    guarded = np.array([guard(row, floor, cap) for row in best.tolist() if row]).reshape(best.shape)
    return Learned(believed, best, guarded)
