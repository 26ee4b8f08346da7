"""How visitors come back, and what the product would plan for them day by day. Knows no database and no file."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from bandit_selector.evidence.background import Adjustment
from bandit_selector.evidence.experiment import CLUSTERS, Part, Plan, read_out
from bandit_selector.evidence.lift import Array
from bandit_selector.evidence.planning import Weeks
from bandit_selector.evidence.split import Arrivals
from bandit_selector.evidence.tally import Tally

from benchmarks._evidence_worlds import PER_DAY, PLANNED, panel, returning

COMING: Final[Mapping[str, Callable[[np.random.Generator], tuple[Array, Array]]]] = {
    "who return for 3 days": lambda rng: returning(rng, 60, PER_DAY, days=3.0),
    "who return for 30 days": lambda rng: returning(rng, 120, PER_DAY // 8, days=30.0),
    "of a panel of 600, half of whom come on a day": lambda rng: panel(rng, 90, 300, 0.5, movies=5),
    "of a panel of 2,000, a tenth of whom come on a day": lambda rng: panel(rng, 120, 1_000, 0.1, movies=3),
}
"""How visitors come and come back."""


def plannable(days: tuple[Array, Array]) -> tuple[list[int], int]:
    """What the product would plan on each day until it has all of the planned information, and how many came by then.

    Where that is never reached, those who would have come by what is known on the last day.
    """
    sums, came = days
    plan = Plan(0.5, PLANNED, adjustment=Adjustment())
    found: list[int] = []
    for day in range(len(sums)):
        each = int(came[day])
        read = read_out(_parts(sums[day]), [Arrivals(0.5, each, each)], plan, day + 1, _weeks(sums, came, day))
        if (read.information or 0.0) >= 1:
            return found, each
        if read.plannable:
            found.append(read.plannable)
    return found, found[-1] if found else 0


def _weeks(sums: Array, came: Array, day: int) -> Weeks | None:
    if day < 13:
        return None
    ends = (day - 14, day - 7, day)
    shown = [float(sums[end, ..., 1].sum()) if end >= 0 else 0.0 for end in ends]
    visitors = [2 * float(came[end]) if end >= 0 else 0.0 for end in ends]
    return Weeks(
        (round(visitors[1] - visitors[0]), round(visitors[2] - visitors[1])),
        (round(shown[1] - shown[0]), round(shown[2] - shown[1])),
    )


def _parts(sums: Array) -> list[Part]:
    return [
        Part(0, group, cluster, Tally(int(sums[at, cluster, 1]), int(sums[at, cluster, 0])))
        for at, group in enumerate(("treatment", "control"))
        for cluster in range(CLUSTERS)
    ]
