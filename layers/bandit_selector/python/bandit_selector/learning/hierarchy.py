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


@dataclass(frozen=True, slots=True)
class Effects:
    """The prior covariance K of the logits f = μ + context + arm + Σ_j (arm × level of factor j) + cell, by its parts.

    Cells (c, a) and (c', a') covary by [a = a'] Σ_e scale_e design_ce design_c'e + [c = c'] (own_c [a = a'] + shared).
    `design` has the shape (contexts, effects of one arm): 1, and the levels that contexts have in common, one-hot. A
    level that only one context has is part of that context's `own`.
    """

    design: Reals
    scale: Reals
    own: Reals
    shared: float

    @property
    def variance(self) -> Reals:
        """Of each context's cells, before any outcome; shape (contexts, 1)."""
        return (self.design**2 @ self.scale + self.own + self.shared)[:, None]

    def times(self, vector: Reals) -> Reals:
        """K · vector; both have the shape (contexts, arms)."""
        by_effect = self.scale[:, None] * (self.design.T @ vector)
        own = self.own[:, None] * vector + self.shared * vector.sum(axis=1, keepdims=True)
        return self.design @ by_effect + own


def pooled_logit(counts: Counts, prior: Prior) -> float:
    """The logit of the success rate over all cells, shrunk towards the prior's."""
    successes = counts.successes.sum() + prior.successes
    failures = counts.failures.sum() + prior.outcomes - prior.successes
    return float(np.log(successes / failures))


def effects(contexts: Sequence[str], prior: Prior) -> Effects:
    """The parts of K for contexts by their keys."""
    one = np.ones((len(contexts), 1))
    own = np.full(len(contexts), prior.cell**2)
    columns = _levels(contexts)
    common = [column for column in columns if column.sum() > 1]
    factors = max(context.count("|") + 1 for context in contexts) if contexts else 0
    alone = factors - np.sum(common, axis=0) if common else np.full(len(contexts), float(factors))
    scale = np.array([prior.arm**2] + [prior.arm_factor**2] * len(common))
    return Effects(np.column_stack([one, *common]), scale, own + prior.arm_factor**2 * alone, prior.context**2)


def _levels(contexts: Sequence[str]) -> list[Reals]:
    """For each factor's each level, which contexts have it: a column of zeros and ones."""
    seen: dict[tuple[int, str], list[int]] = {}
    for row, context in enumerate(contexts):
        for factor, level in enumerate(context.split("|")):
            seen.setdefault((factor, level), []).append(row)
    return [np.bincount(rows, minlength=len(contexts)).astype(float) for rows in seen.values()]


def laplace(successes: Reals, outcomes: Reals, prior: Effects, mean: float) -> tuple[Reals, Reals]:
    """Mode and covariance of logits f ~ N(mean, K) given binomial counts, which have the shape (contexts, arms).

    The mode has that shape; of the covariance, the blocks (contexts, arms, arms) are returned. Rasmussen & Williams,
    Gaussian Processes for Machine Learning (2006), algorithm 3.1 and equation 3.27, with the binomial likelihood's
    W = N p(1−p) and gradient S − N p. Every solution is as large as the effects are many, not the cells (`_Solved`).
    A step that lowers the posterior density is halved.
    """
    weights, score = np.zeros_like(successes), -np.inf  # f − mean = K · weights
    for _ in range(MAX_STEPS):
        step, previous, length = _newton_step(weights, successes, outcomes, prior, mean), score, 1.0
        while (score := _log_posterior(weights + length * step, successes, outcomes, prior, mean)) < previous:
            length /= 2
            if length < 1e-3:
                break
        weights = weights + length * step
        if score - previous < 1e-6:
            break
    logit = mean + prior.times(weights)
    return logit, _Solved(prior, outcomes * sigmoid(logit) * sigmoid(-logit)).blocks()


class _Solved:
    """(K + W⁻¹)⁻¹ and (K⁻¹ + W)⁻¹ without a matrix of cells, for W ≥ 0 of the shape (contexts, arms).

    K = F D Fᵀ + Λ, where F D Fᵀ are the arms' effects and Λ_c = own_c I + shared 1 1ᵀ. By Woodbury's identity
    (Golub & Van Loan, Matrix Computations, 2.1.4), (K + W⁻¹)⁻¹ = G − G F Q Fᵀ G with G = (Λ + W⁻¹)⁻¹ and
    Q = (D⁻¹ + Fᵀ G F)⁻¹. By the Sherman–Morrison formula, G_c = diag(g) − h g gᵀ, g = W / (1 + own W),
    h = shared / (1 + shared Σ g).
    """

    __slots__ = ("_g", "_h", "_inner", "_prior", "_root", "_t")

    def __init__(self, prior: Effects, weight: Reals) -> None:
        contexts, arms = weight.shape
        self._prior = prior
        self._t = 1 / (1 + prior.own[:, None] * weight)
        self._g = weight * self._t
        self._h = prior.shared / (1 + prior.shared * self._g.sum(axis=1, keepdims=True))
        scaled = prior.design * np.sqrt(prior.scale)
        effects = scaled.shape[1]
        mixed = ((np.sqrt(self._h) * self._g)[:, :, None] * scaled[:, None, :]).reshape(contexts, arms * effects)
        self._inner = np.eye(arms * effects) - mixed.T @ mixed  # D^½ Q⁻¹ D^½
        own = np.matmul(scaled.T[None], self._g.T[:, :, None] * scaled[None])
        for arm in range(arms):
            part = slice(arm * effects, (arm + 1) * effects)
            self._inner[part, part] += own[arm]
        self._root = scaled

    def _times_g(self, vector: Reals) -> Reals:
        return self._g * (vector - self._h * (self._g * vector).sum(axis=1, keepdims=True))

    def times(self, vector: Reals) -> Reals:
        """(K + W⁻¹)⁻¹ · vector."""
        first = self._times_g(vector)
        by_effect = np.linalg.solve(self._inner, (self._root.T @ first).T.ravel())
        return first - self._times_g(self._root @ by_effect.reshape(vector.shape[1], -1).T)

    def blocks(self) -> Reals:
        """(K⁻¹ + W)⁻¹ within each context: own diag(t) + h t tᵀ + T F Q Fᵀ Tᵀ, t = 1 / (1 + own W), T = t (I − h 1 gᵀ).

        Shape (contexts, arms, arms).
        """
        contexts, arms = self._t.shape
        effects = self._root.shape[1]
        inverse = np.linalg.inv(self._inner).reshape(arms, effects, arms, effects)
        half = (self._root @ inverse.transpose(1, 0, 2, 3).reshape(effects, -1)).reshape(contexts, arms * arms, effects)
        spread = np.matmul(half, self._root[:, :, None]).reshape(contexts, arms, arms)
        turn = self._t[:, :, None] * (np.eye(arms) - (self._h * self._g)[:, None, :])
        alone = self._t[:, :, None] * (
            self._prior.own[:, None, None] * np.eye(arms) + self._h[:, :, None] * self._t[:, None, :]
        )
        return alone + turn @ spread @ turn.transpose(0, 2, 1)


def _newton_step(weights: Reals, successes: Reals, outcomes: Reals, prior: Effects, mean: float) -> Reals:
    centred = prior.times(weights)
    p = sigmoid(mean + centred)
    weight = outcomes * p * (1 - p)
    target = weight * centred + successes - outcomes * p
    return target - _Solved(prior, weight).times(prior.times(target)) - weights


def _log_posterior(weights: Reals, successes: Reals, outcomes: Reals, prior: Effects, mean: float) -> float:
    centred = prior.times(weights)
    likelihood = np.sum(successes * (mean + centred) - outcomes * np.logaddexp(0, mean + centred))
    return float(likelihood - np.sum(weights * centred) / 2)


def sigmoid(logit: Reals) -> Reals:
    return 1 / (1 + np.exp(-logit))
