"""The test as the monitor judges it on a morning, from single visitors: the product's functions, in its order.

Knows no database. `tests/integration/services/test_mornings.py` shows that the monitor answers and mails the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from bandit_selector.evidence.background import Background
from bandit_selector.evidence.bound import bound_of, weighed
from bandit_selector.evidence.experiment import CLUSTERS, GROUPS, Part, Plan, ReadOut, read_out
from bandit_selector.evidence.lift import Array
from bandit_selector.evidence.split import Arrivals
from bandit_selector.evidence.tally import Tally
from numpy.typing import NDArray

PERIODS: Final = ("morning", "afternoon", "evening", "night")
Whole: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Visitors:
    """A row for each visitor, phase and group, all settled: what was shown and clicked until a morning.

    `group` is a place in GROUPS; `period` that of the row's first list, in PERIODS; `first` whether that list is the
    visitor's first of the test.
    """

    phase: Whole
    group: Whole
    cluster: Whole
    period: Whole
    shown: Whole
    clicked: Whole
    first: NDArray[np.bool_]


def judged(known: Visitors, shares: Mapping[int, float], plan: Plan, days: int, quantile: float) -> ReadOut:
    """The read-out on a morning after `days` whole UTC days; its plan holds what is adjusted from now on.

    `shares` has each phase's planned share, `quantile` is VISITOR_WEIGHT_QUANTILE.
    """
    parts = [part for phase in shares for part in _parts(known, phase, quantile)]
    came = [_arrivals(known, phase, share) for phase, share in shares.items()]
    found = read_out(parts, came, plan, days)
    return read_out(parts, came, replace(plan, adjustment=found.adjustable), days) if found.adjustable else found


def _arrivals(known: Visitors, phase: int, share: float) -> Arrivals:
    treated, untreated = (int((known.first & (known.phase == phase) & (known.group == at)).sum()) for at in (0, 1))
    return Arrivals(share, treated, untreated)


def _parts(known: Visitors, phase: int, quantile: float) -> list[Part]:
    mine = known.phase == phase
    shown, clicked = known.shown[mine].astype(np.float64), known.clicked[mine].astype(np.float64)
    bound = bound_of(np.stack([shown, clicked], axis=-1), quantile)
    weight, clicks = weighed(shown, clicked, bound)
    place = known.group[mine] * CLUSTERS + known.cluster[mine]
    sums = [_summed(values, place) for values in (shown, clicked, _over(clicked, clicks), _over(shown, weight))]
    periods = [_summed((known.period[mine] == at).astype(np.float64), place) for at in range(3)]
    visitors = _summed(np.ones(len(place)), place)
    return [
        Part(
            phase,
            GROUPS[at // CLUSTERS],
            at % CLUSTERS,
            Tally(int(sums[0][at]), int(sums[1][at])),
            *(sums[2][at], sums[3][at]),
            Background(int(visitors[at]), 0.0, 0.0, *(int(one[at]) for one in periods)),
        )
        for at in np.flatnonzero(sums[0])
    ]


def _over(values: Array, counted: Array) -> Array:
    """What exceeds the bound, in thousandths as the database keeps it."""
    return np.round(1000 * (values - counted)) / 1000


def _summed(values: Array, place: Whole) -> Array:
    return np.bincount(place, values, 2 * CLUSTERS)
