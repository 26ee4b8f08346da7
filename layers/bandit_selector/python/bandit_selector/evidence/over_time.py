"""The test day by day, for charts; the verdict is the whole test's. Knows no storage."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby

from bandit_selector.evidence.experiment import GROUPS, Part, Plan, compare, pooled
from bandit_selector.evidence.lift import Lift
from bandit_selector.evidence.ratio import Interval, rate_bounds
from bandit_selector.evidence.tally import Tally


def ctr_by_day(days: Iterable[tuple[date, Part]]) -> list[tuple[str, dict[str, Interval]]]:
    """Both groups' CTR on each day with its 95 % interval, as (day, {group: interval}); `days` is ordered by day."""
    answer: list[tuple[str, dict[str, Interval]]] = []
    for day, together in groupby(days, key=lambda one: one[0]):
        parts = [part for _, part in together]
        found = {group: pooled("ctr", [part for part in parts if part.group == group]) for group in GROUPS}
        bounds = {group: rate_bounds(ratio) for group, ratio in found.items()}
        answer.append((str(day), {group: interval for group, interval in bounds.items() if interval}))
    return answer


def lift_over_time(days: Iterable[tuple[date, Part]], plan: Plan) -> list[tuple[str, Lift]]:
    """The lift in CTR of all days up to each day, from the first day on which it can be read out; oldest first.

    Single visitors are not bounded here, because their totals are known for the whole test only.
    """
    sums: dict[tuple[int, str, int], Part] = {}
    answer: list[tuple[str, Lift]] = []
    for day, together in groupby(days, key=lambda one: one[0]):
        for _, part in together:
            key = (part.phase, part.group, part.cluster)
            before = sums[key].tally if key in sums else Tally()
            sums[key] = Part(*key, before + part.tally)
        lift = compare("ctr", sums.values(), plan.lift).lift
        if lift:
            answer.append((str(day), lift))
    return answer
