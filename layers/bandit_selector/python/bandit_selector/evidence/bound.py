"""How much a single visitor may weigh in the test's verdict. Must not know storage.

A visitor weighs at most `places` movies, and with it clicks in proportion; and at most the share of clicks that `rate`
and two standard deviations of chance let expect. Both bounds hold alike in both groups, because both are measured on
all visitors together (winsorising: Tukey 1962, "The future of data analysis"; for ratios Deng, Xu, Kohavi & Walker
2013). What is estimated is then the lift in clicks per movie with these weights. Nobody is left out, and a few accounts
that click everything weigh like a few eager visitors. The SQL function bandit_excess applies it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log2
from typing import Final

import numpy as np

from bandit_selector.evidence.lift import Array

FEWEST_ABOVE: Final = 20
"""So many visitors, if there are more, lie above a quantile: a few accounts cannot set it."""
RATE_STEP: Final = 0.05
CHANCE: Final = 2.0
"""Standard deviations of chance that a visitor's clicks may be above the rate."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The most movies that a visitor weighs, and the share of clicks up to which it counts in full."""

    places: int
    rate: float


def bound_of(visitors: Sequence[tuple[int, int]] | Array, quantile: float) -> Bound | None:
    """The bound from (shown, clicked) of a sample of visitors of both groups; None without any visitor or for 1.

    `places` is the quantile of movies shown, raised to a power of 2; `rate` the same quantile of the click rates of the
    half with more movies, raised to a multiple of .05. So bounds change rarely while totals grow.
    """
    if quantile >= 1 or not len(visitors):
        return None
    shown, clicked = np.array(visitors, dtype=np.float64).T
    known = shown >= np.median(shown)
    places = _quantile(shown, quantile)
    rate = _quantile(clicked[known] / shown[known], quantile)
    return Bound(2 ** ceil(log2(places)), min(1.0, RATE_STEP * max(1, ceil(rate / RATE_STEP - 1e-9))))


def weighed(shown: Array, clicked: Array, bound: Bound | None) -> tuple[Array, Array]:
    """Movies and clicks as each visitor weighs, by the rule of the SQL function bandit_excess."""
    if bound is None:
        return shown, clicked
    weight = np.minimum(shown, bound.places)
    each = np.maximum(shown, 1)
    most = weight * (bound.rate + CHANCE * np.sqrt(bound.rate * (1 - bound.rate) / each))
    return weight, np.minimum(clicked * weight / each, most)


def _quantile(values: Array, share: float) -> float:
    """The quantile with at least FEWEST_ABOVE values above it; of few values, the median."""
    above = max(floor((1 - share) * len(values)), FEWEST_ABOVE)
    return float(np.sort(values)[max(len(values) - 1 - above, (len(values) - 1) // 2)])
