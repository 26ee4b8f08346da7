"""Successes and failures per context and arm, as learning sees them; it must not know where they are kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counts:
    """Outcomes per cell, discounted; `successes` and `failures` have shape (contexts, arms) and are ≥ 0.

    A context is named by its key, such as `evening|weekend|power_user`: the parts between bars are the levels of its
    factors, by position. Any other key (such as the 40-digit hash of an old installation) has one factor, whose level
    no other context shares.
    """

    contexts: tuple[str, ...]
    arms: tuple[str, ...]
    successes: Reals
    failures: Reals

    @property
    def cells(self) -> list[tuple[str, str]]:
        """(context, arm) of every cell, in the order of the arrays."""
        return [(context, arm) for context in self.contexts for arm in self.arms]

    def __post_init__(self) -> None:
        shape = (len(self.contexts), len(self.arms))
        for name, values in (("successes", self.successes), ("failures", self.failures)):
            if values.shape != shape:
                raise ValueError(f"{name} must have shape (contexts, arms) = {shape}; got {values.shape}.")
            if not np.all((values >= 0) & np.isfinite(values)):
                raise ValueError(f"{name} must be finite and not negative; got {values.min()}.")
        for name, labels in (("contexts", self.contexts), ("arms", self.arms)):
            if len(set(labels)) != len(labels):
                raise ValueError(f"{name} must differ from one another; got {labels}.")
