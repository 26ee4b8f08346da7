"""Rules that were tried and not adopted, as players: other half-lives, other forgetting, estimated prior scales.

Empirical Bayes: every tenth publication each scale is moved by a factor of √2, up or down, if that raises the evidence:
the marginal likelihood by Laplace's approximation (Rasmussen & Williams 2006, equation 3.32). The bounds are half and
twice the product's scales.
"""

from dataclasses import dataclass, replace

import numpy as np
from bandit_selector.learning.counts import Counts, Reals
from bandit_selector.learning.hierarchy import Effects, Prior, effects, laplace, pooled_logit, sigmoid
from bandit_selector.learning.memory import Memory
from bandit_selector.learning.posterior import PRIOR, posterior
from bandit_selector.learning.refutation import APART, KEPT, MATERIAL, Forgetting, standing, surprising
from bandit_selector.lists.context import moment_of
from bandit_selector.settings import Settings
from numpy.typing import NDArray

from benchmarks.arena.policies import DEFAULTS, Sampled, Served, player

SCALES = ("arm", "context", "arm_factor", "cell")
EVERY, FACTOR, BOUND = 10, 2**0.5, 2.0


class EmpiricalBayes(Sampled):
    """Unguarded Thompson sampling from posteriors under scales that the counts have chosen."""

    prior: Prior = PRIOR
    publications: int = 0

    def publish(self, offer: tuple[Memory, Settings]) -> None:
        memory, settings = offer
        counts = Counts(self.contexts, settings.arms, memory.long_successes, memory.long_failures)
        if self.publications % EVERY == EVERY - 1 and len(self.contexts) > 1:
            self.prior = improved(counts, self.prior)
        self.publications += 1
        believed = posterior(counts, settings.policy, settings.prior_alpha, settings.prior_beta, self.prior)
        self.alpha_beta = believed.alpha, believed.beta
        self.least = float("nan")


def improved(counts: Counts, prior: Prior) -> Prior:
    """The scales after one step each towards more evidence, within the bounds."""
    best: Prior = prior
    most = evidence(counts, prior)
    for name in SCALES:
        usual: float = getattr(PRIOR, name)
        for factor in (1 / FACTOR, FACTOR):
            moved: float = getattr(best, name) * factor
            tried: Prior = replace(best, **{name: min(max(moved, usual / BOUND), usual * BOUND)})
            if (found := evidence(counts, tried)) > most:
                best, most = tried, found
    return best


def evidence(counts: Counts, prior: Prior) -> float:
    """ln p(counts | scales), by Laplace's approximation."""
    outcomes = counts.successes + counts.failures
    known, mean = effects(counts.contexts, prior), pooled_logit(counts, prior)
    logit, _ = laplace(counts.successes, outcomes, known, mean)
    p = sigmoid(logit)
    fit = np.sum(counts.successes * logit - outcomes * np.logaddexp(0, logit))
    penalty = np.sum((counts.successes - outcomes * p) * (logit - mean))  # fᵀ K⁻¹ f at the mode
    root = np.sqrt(outcomes * p * (1 - p)).ravel()
    spread = np.linalg.slogdet(np.eye(root.size) + root[:, None] * covariance(known, p.shape[1]) * root).logabsdet
    return float(fit - penalty / 2 - spread / 2)


def covariance(known: Effects, arms: int) -> Reals:
    """K as a matrix of all cells, context by context."""
    of_arm = (known.design * known.scale) @ known.design.T + np.diag(known.own)
    return np.kron(of_arm, np.eye(arms)) + np.kron(np.eye(len(of_arm)), np.full((arms, arms), known.shared))


@dataclass(slots=True)
class Certain(Served):
    """Forgets an arm only where it differs for certain from what moved all arms."""

    def forget(self) -> None:
        moments = [moment_of(key) for key in self.contexts]
        stands = standing(self.memory, moments)
        certain = (stands.apart > APART) & (stands.moved_apart > MATERIAL)
        self._forget((stands.own > surprising(len(stands.own))) & certain)

    def _forget(self, hit: NDArray[np.bool_]) -> None:
        if hit.any():
            self.memory = self.memory.shortened(np.where(hit, 0.0, KEPT))
            self.told += [Forgetting(self.settings.arms[arm], 0.0, 0.0, 0.0) for arm in np.flatnonzero(hit)]


class Hasty(Certain):
    """Forgets an arm that moved, whatever the others did."""

    def forget(self) -> None:
        stands = standing(self.memory, [moment_of(key) for key in self.contexts])
        self._forget((stands.own > surprising(len(stands.own))) & (stands.moved > MATERIAL))


def _with(**changes: object) -> Settings:
    return DEFAULTS.model_copy(update={"dominance": "alert", **changes})


POLICIES = {
    "unguarded, empirical Bayes": player(DEFAULTS, EmpiricalBayes),
    "alert, half-life 50,000": player(_with(half_life=50_000)),
    "alert, half-life 100,000": player(_with(half_life=100_000)),
    "alert, short half-life 4,000": player(_with(short_half_life=4_000)),
    "alert, forgets when certain": player(_with(), Certain),
    "alert, forgets in a tide": player(_with(), Hasty),
}
