"""Counts → one Beta posterior per context and arm; it must not know how arms are drawn."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bandit_selector.learning.counts import Counts, Reals
from bandit_selector.learning.density import quantile
from bandit_selector.learning.hierarchy import Prior, kernel, laplace, pooled_logit, sigmoid

Policy = Literal["shared", "independent"]

PRIOR = Prior()
EAGERNESS = 1.05
ALONE = 0.5


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of every cell; every array has shape (contexts, arms).

    Beta(alpha, beta) is to be drawn from. `mean` is the believed success rate and `variance` that of its logit;
    for `shared` it is wider than the Beta to draw from. `own`, `borrowed` and `prior` are shares of the posterior's
    precision on the logit scale and sum to 1: from the cell's own outcomes, from other cells' outcomes, and
    from neither.
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

    `independent`: Beta(prior_alpha + S, prior_beta + F) per cell. `shared`: evidence flows between contexts
    that have something in common, by the hierarchy of `prior`; prior_alpha and prior_beta play no part.
    """
    if policy == "independent":
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
    """Beta(1/(v(1−p)), 1/(v p)), whose logit has mean ≈ logit p and variance ≈ v, as Laplace finds them."""
    shape = counts.successes.shape
    if 0 in shape:
        return Posterior(*(np.zeros(shape) for _ in range(7)))
    covariance = kernel(counts.contexts, len(counts.arms), prior)
    successes, outcomes = counts.successes.ravel(), (counts.successes + counts.failures).ravel()
    logit, spread = laplace(successes, outcomes, covariance, pooled_logit(counts, prior))
    mean, miss = sigmoid(logit).reshape(shape), sigmoid(-logit).reshape(shape)
    drawn = _tempered(_contrast(spread, *shape), mean * miss)
    total = spread.diagonal().reshape(shape)
    own = outcomes.reshape(shape) * mean * miss * total
    unlearned = total / covariance.diagonal().reshape(shape)
    borrowed = np.maximum(1 - own - unlearned, 0)
    return Posterior(1 / (drawn * miss), 1 / (drawn * mean), mean, total, own, borrowed, unlearned)


def interval(believed: Posterior, level: float = 0.95) -> tuple[Reals, Reals]:
    """The equal-tailed credible interval of each cell's success rate, from the Beta with its mean and variance."""
    alpha, beta = 1 / (believed.variance * (1 - believed.mean)), 1 / (believed.variance * believed.mean)
    return quantile(alpha, beta, (1 - level) / 2), quantile(alpha, beta, (1 + level) / 2)


def _contrast(covariance: Reals, contexts: int, arms: int) -> Reals:
    """Per cell, its variance less its mean covariance with the same context's other arms, (contexts, arms).

    What all arms of a context share (its own level) cannot change which of them is best.
    """
    cells = np.arange(contexts)
    blocks = covariance.reshape(contexts, arms, contexts, arms)[cells, :, cells, :]
    variance = np.diagonal(blocks, axis1=1, axis2=2)
    return variance - (blocks.sum(axis=2) - variance) / max(arms - 1, 1)


def _tempered(variance: Reals, bernoulli: Reals) -> Reals:
    """The variance to draw with, narrower for the arms that are known best; (contexts, arms), bernoulli = p(1−p).

    Thompson sampling explores an arm with n of a context's N outcomes until n·KL ≈ ln N; less is enough, ln(N/n): the
    exploration rate of MOSS (Audibert & Bubeck 2009) and KL-UCB+ (Garivier & Cappé 2011). A variance scaled by g lowers
    ln N to g ln N, so g = ln(c·N/n) / ln N. n = 1/(v p(1−p)) counts what is believed in outcomes, borrowed ones too.
    An unlucky arm with little evidence keeps its width, so that no run stays locked in; EAGERNESS c > 1 keeps some of
    the best one's. A context that is alone borrows nothing, and has all to lose: it keeps ALONE of the width at least.
    """
    known = np.maximum(1 / (variance * bernoulli), 2.0)
    total = known.sum(axis=1, keepdims=True)
    kept = np.log(EAGERNESS * total / known) / np.log(total)
    return variance * (np.maximum(kept, ALONE) if len(variance) == 1 else kept)
