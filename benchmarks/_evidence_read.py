"""The product's own read-out on arrays of simulated runs. Must not make visitors."""

import numpy as np
from bandit_selector.evidence.background import Covariate, adjustment, covariates, saved
from bandit_selector.evidence.lift import Array, contrast, reach
from bandit_selector.evidence.ratio import ENOUGH_CLUSTERS, LEVEL
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


def verdicts(
    sums: Array, lift: float, level: float = LEVEL, enough: float = ENOUGH_CLUSTERS, known: Array | None = None
) -> tuple[Flags, Flags]:
    """Which looks call treatment higher and which lower, from sums[..., phase, group, cluster, (clicked, shown)].

    `known` are covariates, as `contrast` takes them.
    """
    found = contrast(sums, known)
    with np.errstate(invalid="ignore"):
        far = reach(found, lift, level) * found.error
        called = found.readable(enough) & (np.abs(found.log_lift) > far)
    return called & (found.log_lift > 0), called & (found.log_lift < 0)


def ever(
    sums: Array, lift: float, level: float = LEVEL, enough: float = ENOUGH_CLUSTERS, known: Array | None = None
) -> bool:
    """Whether any look at one run's sums[look, …] calls a difference."""
    higher, lower = verdicts(sums, lift, level, enough, known)
    return bool((higher | lower).any())


def adjusted(sums: Array, backgrounds: Array, lift: float, decided: int) -> tuple[bool, tuple[Covariate, ...], float]:
    """A run as the product reads it: what is adjusted is decided at look `decided` and used from the next one on.

    Whether any look calls a difference, the covariates, and the share of visitors that they save in the end.
    """
    chosen = adjustment(sums[decided], backgrounds[decided]).covariates
    before = ever(sums[: decided + 1], lift)
    after = ever(sums[decided + 1 :], lift, known=covariates(backgrounds[decided + 1 :], chosen))
    return before or after, chosen, float(saved(sums[-1], backgrounds[-1], chosen)) if chosen else 0.0
