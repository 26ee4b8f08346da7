"""The product's own read-out on arrays of simulated runs. Must not make visitors."""

import numpy as np
from bandit_selector.evidence.lift import Array, contrast, reach
from bandit_selector.evidence.ratio import ENOUGH_CLUSTERS, LEVEL
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


def verdicts(sums: Array, lift: float, level: float = LEVEL, enough: float = ENOUGH_CLUSTERS) -> tuple[Flags, Flags]:
    """Which looks call treatment higher and which lower, from sums[..., phase, group, cluster, (clicked, shown)]."""
    found = contrast(sums)
    with np.errstate(invalid="ignore"):
        far = reach(found, lift, level) * found.error
        called = found.readable(enough) & (np.abs(found.log_lift) > far)
    return called & (found.log_lift > 0), called & (found.log_lift < 0)


def ever(sums: Array, lift: float, level: float = LEVEL, enough: float = ENOUGH_CLUSTERS) -> bool:
    """Whether any look at one run's sums[look, …] calls a difference."""
    higher, lower = verdicts(sums, lift, level, enough)
    return bool((higher | lower).any())
