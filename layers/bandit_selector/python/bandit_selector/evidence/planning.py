"""How long a test takes on a site's own traffic. Pure; must not know where the traffic was measured."""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from bandit_selector.evidence.lift import planned_error
from bandit_selector.evidence.ratio import Ratio

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a site shows: places (movies shown) and visitors a day, clicks per place, and how contexts share the places.

    `design_effect` is the variance of the click rate over what it would be if every place came from another visitor
    (Kish 1965). `mix` sums to 1, one number a context. Raises ValueError, which names the field.
    """

    places_per_day: float
    visitors_per_day: float
    ctr: float
    design_effect: float
    contexts: tuple[str, ...]
    mix: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.places_per_day > 0:
            raise ValueError(f"places_per_day must be above 0; got {self.places_per_day}.")
        if not 0 < self.visitors_per_day <= self.places_per_day:
            raise ValueError(
                f"visitors_per_day must be above 0 and at most the places a day; got {self.visitors_per_day}."
            )
        if not 0 < self.ctr < 1:
            raise ValueError(f"ctr must lie between 0 and 1, both excluded; got {self.ctr}.")
        if not self.design_effect >= 1:
            raise ValueError(f"design_effect must be at least 1; got {self.design_effect}.")
        if len(self.mix) != len(self.contexts) or abs(sum(self.mix) - 1) > 1e-6 or min(self.mix) < 0:
            raise ValueError("mix needs one share for each context, and they must sum to 1.")


def users_for_rate(measured: Ratio, users: int, ctr: float, lift: float) -> int | None:
    """Visitors per group that show a relative `lift` over `ctr` with 80 % power, by how visitors of both groups act.

    Their movies and their design effect are measured on `users` visitors together, which tells nothing of a lift (an
    internal pilot: Wittes & Brittain 1990). None while they cannot be measured.
    """
    rate = measured.value
    if not measured.known or not rate or rate >= 1 or not users:
        return None
    effect = max(1.0, measured.variance * measured.denominator / (rate * (1 - rate)))
    noise = 2 * effect * (1 - ctr) / ctr * users / measured.denominator
    return max(1, round(noise / planned_error(lift) ** 2))


def days_until_shown(traffic: Traffic, lift: float, share: float) -> float:
    """Days until the A/B test shows a relative `lift` with 80 % power, looked at every day; inf without two groups.

    The variance of ln(R₁/R₀) after d days is deff (1 − R)/R · (1/n₁ + 1/n₀) with n₁ = share · places · d. It must reach
    the planned error of the test. A negative lift (harm) is found as soon as its mirror image, 1/(1 + lift) − 1.
    """
    if not 0 < share < 1:
        return inf
    larger = lift if lift > 0 else 1 / (1 + lift) - 1
    noise = traffic.design_effect * (1 - traffic.ctr) / traffic.ctr * (1 / share + 1 / (1 - share))
    return noise / traffic.places_per_day / planned_error(larger) ** 2
