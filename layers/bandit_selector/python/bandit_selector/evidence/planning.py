"""How long a test takes on a site's own traffic. Pure; must not know where the traffic was measured."""

from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_selector.evidence.lift import planned_error
from bandit_selector.evidence.ratio import Ratio

Reals = NDArray[np.float64]
FARTHEST_WEEK: Final = 1_040


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
        if not 1 <= self.design_effect < inf:
            raise ValueError(
                f"design_effect must be a number of at least 1; got {self.design_effect}."
                " A log of one visitor has none."
            )
        if len(self.mix) != len(self.contexts) or abs(sum(self.mix) - 1) > 1e-6 or min(self.mix) < 0:
            raise ValueError("mix needs one share for each context, and they must sum to 1.")


@dataclass(frozen=True, slots=True)
class Weeks:
    """New visitors of the test, and movies shown in it, in the week before last and in the last week."""

    visitors: tuple[int, int]
    shown: tuple[int, int]


def users_at_full(information: float, effect: float, so_far: tuple[float, float], weeks: Weeks) -> float:
    """Visitors when the test has all of its information, as a multiple of those so far; both groups alike.

    Single clicks make 1/`effect` of the lift's variance, the part that falls with movies shown; the rest falls with
    visitors. Visitors and movies `so_far` grow as in the last week; where that had fewer than the week before, each
    week to come has fewer in the same proportion. Where they never suffice, the number of their kind that would.
    """
    visitors, shown = so_far
    single = 1 / max(effect, 1.0)

    def informed(week: int) -> tuple[float, float]:
        more = 1 + _growth(weeks.visitors, week) / visitors
        part = single / (1 + _growth(weeks.shown, week) / shown) + (1 - single) / more
        return information / part, more

    low, high = 0, FARTHEST_WEEK
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if informed(middle)[0] < 1 else (low, middle)
    reached, more = informed(high)
    return more / min(1.0, reached)


def _growth(each: tuple[int, int], weeks: int) -> float:
    """What the next weeks add, given the last two."""
    before, last = each
    kept = min(1.0, last / before) if before else 1.0
    return last * (weeks if kept == 1 else kept * (1 - kept**weeks) / (1 - kept))


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
