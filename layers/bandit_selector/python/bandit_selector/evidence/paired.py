"""Two lists judged by the same visitor at the same visit. Only a simulation can: it knows both reactions."""

from math import exp, inf, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bandit_selector.evidence.lift import boundary, planned_error
from bandit_selector.evidence.ratio import LEVEL, Interval

READ_OUT_FROM: Final = 50
"""Units with a click on either list, and units by the weight of their places; with fewer, the normal approximation is
poor."""


def by_visitor(who: NDArray[np.int64], visits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums of each visitor's visits, a row for each who came; `who` names the visitor of each visit."""
    known, row = np.unique(who, return_inverse=True)
    sums = np.zeros((len(known), visits.shape[1]))
    np.add.at(sums, row, visits)
    return sums


def paired_lift(units: NDArray[np.float64], planned_lift: float, level: float = LEVEL) -> Interval | None:
    """The relative lift of a list over control's; None before it can be read out.

    `units` has a row for each: movies clicked and movies listed of the list, then of control's. A unit is a visitor
    with all visits, for what holds for other visitors of the kind; or one visit, for what holds for these visitors
    however often they come, if each visit's visitor was drawn from them by chance. While a list learns, it is the lift
    that was served on average until then, not that of what is known in the end: given the past, who comes is still
    drawn by chance. What was learned from these visitors may suit others a little less.
    ln(R₁/R₀) has the variance k/(k−1) · Σ z², z = (x₁ − R₁n₁)/Σx₁ − (x₀ − R₀n₀)/Σx₀ over k units: both ratios are
    linearised together, so that what they share cancels out (Deng, Knoblich & Lu 2018). The interval holds at every
    look at once; it is narrowest at the information that the plan asks for, as that of the A/B test.
    """
    known = units[(units[:, 1] > 0) & (units[:, 3] > 0)]
    clicked, listed, control_clicked, control_listed = known.T
    if np.count_nonzero(clicked + control_clicked) < READ_OUT_FROM or not clicked.sum() or not control_clicked.sum():
        return None
    if listed.sum() ** 2 / (listed**2).sum() < READ_OUT_FROM:  # the effective number (Kish 1965)
        return None
    ours, theirs = clicked.sum() / listed.sum(), control_clicked.sum() / control_listed.sum()
    apart = (clicked - ours * listed) / clicked.sum() - (
        control_clicked - theirs * control_listed
    ) / control_clicked.sum()
    error = sqrt(float((apart**2).sum()) * len(known) / (len(known) - 1))
    if not 0 < error < inf:
        return None
    reach = float(boundary((planned_error(planned_lift, level) / error) ** 2, level)) * error
    estimate = log(ours / theirs)
    return Interval(exp(estimate) - 1, exp(estimate - reach) - 1, exp(estimate + reach) - 1)
