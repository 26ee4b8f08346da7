"""Turns counts into one Beta posterior per context and arm. Must not know how arms are drawn."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bandit_selector.learning.counts import Counts, Reals
from bandit_selector.learning.density import quantile
from bandit_selector.learning.hierarchy import Prior, effects, laplace, pooled_logit, sigmoid

Policy = Literal["shared", "independent"]

PRIOR = Prior()
EAGERNESS = 1.05
"""The c of `_kept`: above 1, an arm that holds all outcomes is still drawn with some variance."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """The posterior of every cell; every array has the shape (contexts, arms).

    Serving draws from Beta(alpha, beta). `mean` is the expected success rate and `variance` the variance of its logit;
    under `shared` it is larger than the variance of that Beta. `own`, `borrowed` and `prior` sum to 1: they are the
    shares of the posterior's precision, on the logit scale, that come from the cell's own outcomes, from other cells'
    outcomes, and from the prior.
    """

    alpha: Reals
    beta: Reals
    mean: Reals
    variance: Reals
    own: Reals
    borrowed: Reals
    prior: Reals


def posterior(
    counts: Counts,
    policy: Policy,
    prior_alpha: float,
    prior_beta: float,
    prior: Prior = PRIOR,
) -> Posterior:
    """The posterior under a policy.

    `independent`: Beta(prior_alpha + S, prior_beta + F) per cell. `shared`: cells with a
    common arm, context or factor level share evidence, by the hierarchy of `prior`; prior_alpha and prior_beta are
    not used. A single context has nothing to share and all to lose: its cells are independent.
    """
    if policy == "independent" or (policy == "shared" and len(counts.contexts) == 1):
        return _independent(counts, prior_alpha, prior_beta)
    if policy == "shared":
        return _shared(counts, prior)
    raise ValueError(f"policy must be 'shared' or 'independent'; got {policy!r}.")


def _independent(counts: Counts, prior_alpha: float, prior_beta: float) -> Posterior:
    alpha, beta = prior_alpha + counts.successes, prior_beta + counts.failures
    own = (counts.successes + counts.failures) / (alpha + beta)
    variance = (alpha + beta) / (alpha * beta)
    return Posterior(alpha, beta, alpha / (alpha + beta), variance, own, np.zeros_like(own), 1 - own)


def _shared(counts: Counts, prior: Prior) -> Posterior:
    """Beta(1/(v(1−p)), 1/(v p)), whose logit has the mean ≈ logit p and the variance ≈ v of the Laplace posterior."""
    shape = counts.successes.shape
    if 0 in shape:
        return Posterior(*(np.zeros(shape) for _ in range(7)))
    outcomes = counts.successes + counts.failures
    known = effects(counts.contexts, prior)
    logit, blocks = laplace(counts.successes, outcomes, known, pooled_logit(counts, prior))
    mean, miss = sigmoid(logit), sigmoid(-logit)
    contrast = _contrast(blocks)
    drawn = contrast * _kept(1 / (contrast * mean * miss))
    total = np.diagonal(blocks, axis1=1, axis2=2)
    own = outcomes * mean * miss * total
    unlearned = total / known.variance
    borrowed = np.maximum(1 - own - unlearned, 0)
    return Posterior(1 / (drawn * miss), 1 / (drawn * mean), mean, total, own, borrowed, unlearned)


def interval(believed: Posterior, level: float = 0.95) -> tuple[Reals, Reals]:
    """The equal-tailed credible interval of each cell's success rate, from the Beta with its mean and variance."""
    alpha, beta = 1 / (believed.variance * (1 - believed.mean)), 1 / (believed.variance * believed.mean)
    return quantile(alpha, beta, (1 - level) / 2), quantile(alpha, beta, (1 + level) / 2)


def _contrast(blocks: Reals) -> Reals:
    """Each cell's variance minus its mean covariance with the other arms of its context, (contexts, arms).

    An effect that all arms of a context share, such as the context's own level, cannot change which arm is best.
    """
    variance = np.diagonal(blocks, axis1=1, axis2=2)
    return variance - (blocks.sum(axis=2) - variance) / max(blocks.shape[1] - 1, 1)


def _kept(evidence: Reals) -> Reals:
    """The share of an arm's variance to draw with, from the arms' evidence in outcomes; both (contexts, arms).

    Thompson sampling explores an arm with n of a context's N outcomes until n·KL ≈ ln N. The smaller rate ln(N/n) is
    enough: MOSS (Audibert & Bubeck 2009) and KL-UCB+ (Garivier & Cappé 2011) explore at it. A variance scaled by g
    lowers ln N to g ln N, so g = ln(c·N/n) / ln N. Evidence with borrowed outcomes is n = 1/(v p(1−p)). An arm with
    little keeps its variance, so that bad luck at the start does not exclude it for good. With EAGERNESS c > 1 the arm
    with the most keeps a part, too.
    """
    known = np.maximum(evidence, 2.0)
    total = known.sum(axis=1, keepdims=True)
    return np.log(EAGERNESS * total / known) / np.log(total)
