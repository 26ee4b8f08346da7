"""Were visitors split as planned? The anytime test of the sample ratio. Must not know what the groups are shown.

Each visitor counts once, by the first group, against the share in force at that time. Under another split, logit q′ is
logit q + θ for every share q, with θ ~ N(0, .02²) or N(0, .2²), each with half the weight: the first finds small
deviations with much data, the second large ones soon. E = mean over θ of Π (q′/q)^n₁ ((1−q′)/(1−q))^n₀ is an e-value at
every look (Lindon & Malek 2022, "Anytime-valid inference for multinomial count data", has the case of one share).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bandit_selector.evidence.lift import Array

MISMATCH_BELOW: Final = 0.001
"""The anytime p-value of the split below which the groups are not compared."""
DEVIATIONS: Final = (0.02, 0.2)
"""Standard deviations of θ, in logits: .02 is 50.5 % for 50 %, .2 is 55 %."""

_STEPS: Final = np.linspace(-8, 8, 161)
_BISECTIONS: Final = 60


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The visitors who came for the first time while `share` of them should become treatment."""

    share: float
    treated: int
    untreated: int


def sample_ratio_p(arrivals: Sequence[Arrivals]) -> float:
    """The anytime p-value of the hypothesis that visitors were split as planned; 1 where no share lies in (0, 1)."""
    tested = [part for part in arrivals if 0 < part.share < 1]
    if not tested:
        return 1.0
    counts = np.array([(part.treated, part.untreated) for part in tested], dtype=np.float64)
    return float(np.exp(-np.maximum(log_evidence(counts, np.array([part.share for part in tested])), 0.0)))


def log_evidence(counts: Array, shares: Array) -> Array:
    """ln E of counts[..., share, (treated, untreated)]."""
    logits = np.log(shares / (1 - shares))
    parts = [_log_integral(counts, logits, deviation) for deviation in DEVIATIONS]
    return np.logaddexp.reduce(parts, axis=0) - np.log(len(parts))


def _log_integral(counts: Array, logits: Array, deviation: float) -> Array:
    """ln ∫ Π … N(θ; 0, deviation²) dθ, by the trapezoid rule around the integrand's highest point."""
    number = counts.sum(-1)
    low = np.full(counts.shape[:-2], -40.0)
    high = -low
    for _ in range(_BISECTIONS):  # the logarithm is concave, so its slope has one zero
        middle = (low + high) / 2
        rises = (counts[..., 0] - number * _sigmoid(logits + middle[..., None])).sum(-1) - middle / deviation**2 > 0
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    chance = _sigmoid(logits + low[..., None])
    step = 1 / np.sqrt((number * chance * (1 - chance)).sum(-1) + 1 / deviation**2)
    theta = low[..., None] + _STEPS * step[..., None]
    shifted = logits + theta[..., None]
    likelihood = counts[..., None, :, 0] * (_log_sigmoid(shifted) - _log_sigmoid(logits))
    likelihood = likelihood + counts[..., None, :, 1] * (_log_sigmoid(-shifted) - _log_sigmoid(-logits))
    density = likelihood.sum(-1) - theta**2 / 2 / deviation**2 - np.log(deviation * np.sqrt(2 * np.pi))
    return np.logaddexp.reduce(density, axis=-1) + np.log(step * (_STEPS[1] - _STEPS[0]))


def _sigmoid(logit: Array) -> Array:
    return np.exp(_log_sigmoid(logit))


def _log_sigmoid(logit: Array) -> Array:
    return -np.logaddexp(0.0, -logit)
