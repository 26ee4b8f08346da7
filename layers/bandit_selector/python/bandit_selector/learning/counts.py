"""Discounted successes and failures per context and arm; it must not know where they are kept."""

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


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of every cell before a publication; every array has shape (contexts, arms).

    `successes` and `failures` are all that was learned. The last version had seen `seen_*` of them, and remembered
    `discounted_*`. Before the first version, both are 0.
    """

    contexts: tuple[str, ...]
    arms: tuple[str, ...]
    successes: Reals
    failures: Reals
    seen_successes: Reals
    seen_failures: Reals
    discounted_successes: Reals
    discounted_failures: Reals


def remembered(recorded: Recorded, half_life: float) -> Counts:
    """The last version's memory, discounted by the outcomes that came since, and those outcomes.

    A conversion (a failure that becomes a success) moves one outcome and ages nothing.
    """
    new_successes = recorded.successes - recorded.seen_successes
    new_failures = recorded.failures - recorded.seen_failures
    arrived = max(float(new_successes.sum() + new_failures.sum()), 0.0)
    kept = forget(recorded.discounted_successes, recorded.discounted_failures, arrived, half_life)
    # A conversion takes a failure back; what was discounted since may be less than one.
    successes, failures = np.maximum(kept[0] + new_successes, 0), np.maximum(kept[1] + new_failures, 0)
    return Counts(recorded.contexts, recorded.arms, successes, failures)


def forget(successes: Reals, failures: Reals, outcomes: float, half_life: float) -> tuple[Reals, Reals]:
    """The discounted counts, before `outcomes` new ones are added. `half_life` is in outcomes; inf never forgets.

    S, F ← (S, F) · 0.5^(outcomes / half_life): exponential forgetting (Raj & Kalyani 2017, discounted
    Thompson sampling). It counts the outcomes of the whole service, so rare contexts do not remember longer than busy
    ones.
    """
    if not half_life > 0 or outcomes < 0:
        raise ValueError(f"half_life must be > 0 and outcomes ≥ 0; got half_life={half_life}, outcomes={outcomes}.")
    kept = 0.5 ** (outcomes / half_life)
    return successes * kept, failures * kept
