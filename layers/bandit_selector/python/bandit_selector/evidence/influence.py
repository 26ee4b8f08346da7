"""Bounds how much one visitor's total can move the test: totals are winsorised alike in both groups.

What is estimated then is no longer clicks per movie shown of all places. It is the ratio of winsorised totals: the sum
over visitors of min(clicks, c), over the sum over visitors of min(places, n). Both caps are the same quantiles over the
visitors of both groups together, so a difference between groups cannot come from different caps. Without an effect the
ratio is the same in both groups in expectation, as assignment is random; with an effect, ordinary visitors count whole
and the few largest count as much as the cap (Tukey 1962, "The future of data analysis"; Dixon 1960).
"""

from collections.abc import Mapping, Sequence
from math import floor
from typing import Final, TypeAlias

Totals: TypeAlias = Sequence[tuple[float, float]]
"""(numerator, denominator) of each visitor: clicks and places over the whole test."""

SHARE: Final = 0.99
"""The quantile at which visitors' totals are capped; docs/decisions has the simulation that chose it."""
LARGEST_GROUP: Final = 20
"""At least this many visitors lie above the cap where there are that many, so that a few accounts cannot set it."""


def winsorised(groups: Mapping[str, Totals], share: float = SHARE) -> dict[str, list[tuple[float, float]]]:
    """Every visitor's totals, with caps over all groups together; group and order are kept."""
    everybody = [one for totals in groups.values() for one in totals]
    if not everybody:
        return {name: [] for name in groups}
    most_x, most_n = (cap([one[part] for one in everybody], share) for part in (0, 1))
    return {name: [(min(x, most_x), min(n, most_n)) for x, n in totals] for name, totals in groups.items()}


def cap(values: Sequence[float], share: float = SHARE) -> float:
    """The value that the share `share` of `values` does not exceed, with at least LARGEST_GROUP above it.

    Of fewer than 2 · LARGEST_GROUP values it is the median. Raises ValueError without a value.
    """
    if not values:
        raise ValueError("a cap needs at least one value")
    above = max(floor((1 - share) * len(values)), LARGEST_GROUP)
    return sorted(values)[max(len(values) - 1 - above, (len(values) - 1) // 2)]
