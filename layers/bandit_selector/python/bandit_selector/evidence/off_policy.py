"""What another policy would have earned on logged impressions. Pure; must not know which policies are worth asking.

A policy is a table of probabilities, shape (blocks, contexts, arms): what it would draw from in each part of the log.
The unit is one place of a list. Each row has the probability that it was really drawn with, so a logging policy that
changed between rows is no problem: every term has the right expectation, given what was known when it was drawn. The
estimates are of clicks per place when a place's click depends on its own movie only.

A visitor's impressions are correlated, so every error is that of a ratio of sums over visitors, linearised (Deng,
Knoblich & Lu 2018, "Applying the delta method in metric analytics").
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from bandit_selector.evidence.lift import boundary, planned_error
from bandit_selector.evidence.logged import BLOCKS, FOLDS, Log, Reals
from bandit_selector.evidence.ratio import LEVEL, Interval

FEWEST_VISITORS: Final = 30.0
"""Below this effective number of visitors the normal interval of an estimate is too short."""
MISSING: Final = 0.01
"""The largest share of a policy's places that may lie where the log has no impression."""
LARGEST: Final = 0.01
_PLANNED: Final = 0.10


@dataclass(frozen=True, slots=True)
class Missing:
    """Where a policy would draw an arm that the log never shows: the largest cell, and the share of all of them."""

    context: str
    arm: str
    share: float


@dataclass(frozen=True, slots=True)
class Value:
    """Clicks per place under a policy by three estimators, and how far it lies from what was served.

    `ips`: Σ w r / n with w = policy's probability / propensity. `snips`: Σ w r / Σ w. `doubly_robust`: the model's
    value, corrected by IPS of its errors. `lift` is the doubly robust one against the log's own clicks per place.
    `effective` is (Σw)² / Σw² in impressions, `visitors` the same over visitors, `largest` the share of all weight in
    the largest 1 % of weights, `filled` the mean weight: below 1 where the policy's arm had no movie left.
    `clipped` is the share of weight that clipping removed.
    """

    ips: Interval
    snips: Interval
    doubly_robust: Interval
    lift: Interval
    effective: float
    visitors: float
    largest: float
    filled: float
    clipped: float


@dataclass(frozen=True, slots=True)
class Estimator:
    """A log prepared for any number of policies.

    `clip` bounds a weight: less variance, and a bias towards zero for IPS and towards the model for the doubly robust
    estimate; inf clips nothing. With `anytime`, intervals hold at every look at once (`ratio.boundary`), else at one.
    """

    log: Log
    model: Reals
    clip: float = np.inf
    anytime: bool = False

    def value(self, table: Reals) -> Value:
        """The estimates for a policy with support. `table`: (blocks, contexts, arms), rows sum to 1."""
        log = self.log
        plain = table.ravel()[log.cell] / log.propensity
        weight = np.minimum(plain, self.clip) if self.clip < np.inf else plain
        shown, clicks = log.per_visitor(), log.per_visitor(log.reward)
        weights = log.per_visitor(weight)
        weighted = log.per_visitor(weight * log.reward)
        robust = log.per_visitor(self._corrected(table, weight))
        return Value(
            ips=self._ratio(weighted, shown),
            snips=self._ratio(weighted, weights),
            doubly_robust=self._ratio(robust, shown),
            lift=self._lift(robust, clicks, shown),
            effective=_effective(weight),
            visitors=_effective(weights),
            largest=_share_of_largest(weight),
            filled=float(plain.mean()),
            clipped=1 - float(weight.sum() / plain.sum()) if plain.sum() else 0.0,
        )

    def served(self) -> Interval:
        """The log's own clicks per place."""
        return self._ratio(self.log.per_visitor(self.log.reward), self.log.per_visitor())

    def _corrected(self, table: Reals, weight: Reals) -> Reals:
        """Σ_a π(a) m(a) + w (r − m(drawn)) per impression.

        Dudík, Langford & Li 2011, "Doubly robust policy evaluation". m comes from the other folds' visitors.
        """
        log, arms = self.log, len(self.log.names.arms)
        expected = np.einsum("bca,fca->fbc", table, self.model).reshape(FOLDS, -1)
        drawn = self.model.reshape(FOLDS, -1)[log.fold, log.context.astype(np.int64) * arms + log.arm]
        return expected[log.fold, log.place] + weight * (log.reward - drawn)

    def _ratio(self, over: Reals, under: Reals) -> Interval:
        total = under.sum()
        value = float(over.sum() / total) if total else 0.0
        error = sqrt(_spread(over - value * under)) / total if total else 0.0
        reach = self._reach(error / value if value > 0 else np.inf)
        return Interval(value, value - reach * error, value + reach * error)

    def _lift(self, ours: Reals, theirs: Reals, shown: Reals) -> Interval:
        """Of two values over the same visitors: ours / theirs − 1, by the error of its logarithm."""
        if not (theirs.sum() > 0 and ours.sum() > 0):
            return Interval(0.0, -1.0, np.inf)
        ratio = float(ours.sum() / theirs.sum())
        rates = ours.sum() / shown.sum(), theirs.sum() / shown.sum()
        influence = (ours - rates[0] * shown) / ours.sum() - (theirs - rates[1] * shown) / theirs.sum()
        error = sqrt(_spread(influence))
        reach = self._reach(error) * error
        return Interval(ratio - 1, ratio * float(np.exp(-reach)) - 1, ratio * float(np.exp(reach)) - 1)

    def _reach(self, relative_error: float) -> float:
        """Half the interval's width in standard errors."""
        if not self.anytime:
            return NORMAL
        if not 0 < relative_error < np.inf:
            return NORMAL
        return float(boundary((planned_error(_PLANNED) / relative_error) ** 2, LEVEL))


NORMAL: Final = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def missing(log: Log, table: Reals) -> Missing | None:
    """Where the policy draws and the log never did, if that is more than MISSING of its places; else None."""
    _, by_block = log.outcomes()
    shown = by_block.sum(axis=0)
    traffic = by_block.sum(axis=2) / len(log)
    mass = np.einsum("bc,bca->ca", traffic, table) * (shown == 0)
    if mass.sum() <= MISSING:
        return None
    context, arm = np.unravel_index(int(mass.argmax()), mass.shape)
    return Missing(log.names.contexts[context], log.names.arms[arm], float(mass.sum()))


def everywhere(log: Log, probabilities: Reals) -> Reals:
    """The table of a policy that does not learn, from its probabilities (contexts, arms)."""
    shape = (BLOCKS, len(log.names.contexts), len(log.names.arms))
    return np.broadcast_to(probabilities, shape).astype(np.float64)


def _spread(influence: Reals) -> float:
    """The variance of a sum over visitors whose terms sum to zero."""
    clusters = len(influence)
    return float((influence**2).sum()) * clusters / (clusters - 1) if clusters > 1 else np.inf


def _effective(weights: Reals) -> float:
    """(Σw)² / Σw² (Kish 1965)."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _share_of_largest(weight: Reals) -> float:
    count = max(1, round(LARGEST * len(weight)))
    total = float(weight.sum())
    return float(np.partition(weight, -count)[-count:].sum()) / total if total else 0.0
