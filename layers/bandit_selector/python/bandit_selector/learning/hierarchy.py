"""The Gaussian prior that ties cells together, and its Laplace posterior; must not know policies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bandit_selector.learning.counts import Counts, Reals

MAX_STEPS = 50


@dataclass(frozen=True, slots=True)
class Prior:
    """The belief before any outcome: standard deviations on the logit scale, and pseudo-counts of the pooled rate."""

    arm: float = 0.5
    context: float = 0.5
    arm_factor: float = 0.2
    cell: float = 0.2
    successes: float = 12.0
    outcomes: float = 100.0


def pooled_logit(counts: Counts, prior: Prior) -> float:
    """The logit of the success rate over all cells, shrunk towards the prior's."""
    successes = counts.successes.sum() + prior.successes
    failures = counts.failures.sum() + prior.outcomes - prior.successes
    return float(np.log(successes / failures))


def kernel(contexts: Sequence[str], arms: int, prior: Prior) -> Reals:
    """Prior covariance of the cells' logits, (contexts · arms)², cells ordered context by context.

    f = μ + context + arm + Σ_j (arm × level of factor j) + cell, all independent Gaussians. With a single context,
    its effect cannot be separated from μ, nor its factors' effects from the arms', so both are left out.
    """
    same_arm: Reals = np.eye(arms)
    same_context: Reals = np.eye(len(contexts))
    by_arm: Reals = prior.arm**2 + prior.cell**2 * same_context
    if len(contexts) == 1:
        return np.multiply(1.0, np.kron(by_arm, same_arm))
    by_arm += prior.arm_factor**2 * shared_levels(contexts)
    return np.kron(by_arm, same_arm) + np.kron(prior.context**2 * same_context, np.ones((arms, arms)))


def shared_levels(contexts: Sequence[str]) -> Reals:
    """How many factors have the same level in two contexts, shape (contexts, contexts)."""
    levels = [context.split("|") for context in contexts]
    factors = max(map(len, levels), default=0)
    shared = np.zeros((len(levels), len(levels)))
    for j in range(factors):
        column = np.array([level[j] if j < len(level) else f"none in {i}" for i, level in enumerate(levels)])
        shared += column[:, None] == column
    return shared


def laplace(successes: Reals, outcomes: Reals, covariance: Reals, mean: float) -> tuple[Reals, Reals]:
    """Mode (cells) and covariance (cells²) of logits f ~ N(mean, covariance) given binomial counts (cells).

    Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), algorithm 3.1 and equation 3.27,
    with the binomial likelihood's W = N p(1−p) and gradient S − N p. Every step solves with B = I + √W K √W.
    Its eigenvalues are ≥ 1, so the solution is stable even with no outcomes, or with a million in one cell and none in
    another. A step that lowers the posterior density is halved.
    """
    weights, score = np.zeros_like(successes), -np.inf  # f − mean = K · weights
    for _ in range(MAX_STEPS):
        step, previous, length = _newton_step(weights, successes, outcomes, covariance, mean), score, 1.0
        while (score := _log_posterior(weights + length * step, successes, outcomes, covariance, mean)) < previous:
            length /= 2
            if length < 1e-3:
                break
        weights = weights + length * step
        if score - previous < 1e-6:
            break
    logit = mean + covariance @ weights
    root = np.sqrt(outcomes * sigmoid(logit) * sigmoid(-logit))
    scaled = root[:, None] * covariance
    return logit, covariance - scaled.T @ np.linalg.solve(np.eye(len(root)) + scaled * root, scaled)


def _newton_step(weights: Reals, successes: Reals, outcomes: Reals, covariance: Reals, mean: float) -> Reals:
    centred = covariance @ weights
    p = sigmoid(mean + centred)
    root = np.sqrt(outcomes * p * (1 - p))
    target = root**2 * centred + successes - outcomes * p
    scaled = root[:, None] * covariance
    return target - root * np.linalg.solve(np.eye(len(root)) + scaled * root, scaled @ target) - weights


def _log_posterior(weights: Reals, successes: Reals, outcomes: Reals, covariance: Reals, mean: float) -> float:
    centred = covariance @ weights
    likelihood = successes @ (mean + centred) - outcomes @ np.logaddexp(0, mean + centred)
    return float(likelihood - weights @ centred / 2)


def sigmoid(logit: Reals) -> Reals:
    return 1 / (1 + np.exp(-logit))
