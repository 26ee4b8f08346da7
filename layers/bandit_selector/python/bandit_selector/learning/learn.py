"""Turns counts into the probabilities that serving draws from. Must not know storage, clocks or requests."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bandit_selector.learning.best import probability_best
from bandit_selector.learning.counts import Counts, Reals
from bandit_selector.learning.guard import Guards, guard_groups
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
    counts: Counts,
    traffic: Reals,
    policy: Policy,
    prior_alpha: float,
    prior_beta: float,
    guards: Guards,
    groups: Sequence[str] | None = None,
) -> Learned:
    """Counts → posterior → P(arm is best) → guarded probability, for contexts with these shares of traffic.

    The cap is kept over all traffic, or over that of each group of contexts, which `groups` names.
    """
    believed = posterior(counts, policy, prior_alpha, prior_beta)
    if not counts.arms:
        return Learned(believed, np.zeros_like(believed.alpha), np.zeros_like(believed.alpha))
    best = probability_best(believed.alpha, believed.beta)

    def rivals(left_out: int) -> Reals:
        alpha, beta = (np.delete(part, left_out, axis=1) for part in (believed.alpha, believed.beta))
        return np.insert(probability_best(alpha, beta), left_out, 0.0, axis=1)

    capped = groups or [""] * len(counts.contexts)
    return Learned(believed, best, guard_groups(best, believed.mean, traffic, guards, capped, rivals))
