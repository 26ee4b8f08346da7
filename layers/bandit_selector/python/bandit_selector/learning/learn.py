"""Turns counts into the probabilities that serving draws from. Must not know storage, clocks or requests."""

from dataclasses import dataclass

import numpy as np

from bandit_selector.learning.best import probability_best
from bandit_selector.learning.counts import Counts, Reals
from bandit_selector.learning.guard import Guards, guard
from bandit_selector.learning.posterior import Policy, Posterior, posterior


@dataclass(frozen=True, slots=True)
class Learned:
    """The content of one publication. `best` is P(arm is best), `probability` the guarded one; rows sum to 1.

    Both have the shape (contexts, arms).
    """

    posterior: Posterior
    best: Reals
    probability: Reals


def learn(
    counts: Counts, traffic: Reals, policy: Policy, prior_alpha: float, prior_beta: float, guards: Guards
) -> Learned:
    """Counts → posterior → P(arm is best) → guarded probability, for contexts with these shares of traffic."""
    believed = posterior(counts, policy, prior_alpha, prior_beta)
    best = probability_best(believed.alpha, believed.beta) if counts.arms else np.zeros_like(believed.alpha)
    return Learned(believed, best, guard(best, believed.mean, traffic, guards) if counts.arms else best)
