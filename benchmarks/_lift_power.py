"""How many visits show a lift: both lists at the same visit, an A/B test, and one adjusted by a covariate."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from bandit_selector.evidence.lift import boundary, planned_error
from bandit_selector.evidence.paired import by_visitor, paired_lift
from bandit_selector.lists.session import ARM
from numpy.typing import NDArray

from benchmarks._lift_online import Visited, paired_visits
from benchmarks._lift_worlds import PLACES, Shop, control_slates, each, guarded, mixture_slates

RUNS: Final = 100
LEARNED: Final = 50  # runs of what is served while it learns
DRAWS: Final = 8  # lists of each kind that a user's visits are drawn from
PLANNED: Final = 0.15
LOOKS: Final = (300, 500, 1000, 2000, 3000, 4000, 5000)  # visits
SHOWN: Final = (500, 1000, 3000, 5000)

Floats = NDArray[np.float64]


def power(shop: Shop, second: str, ratings: Floats) -> Mapping[str, list[float]]:
    """Share of runs that show the lift of the session arm's mixture, at any look up to each number of SHOWN visits.

    Both lists of a visit are those of one draw, so that a movie of both is clicked in both, and the long tail has the
    same places.
    """
    mixed = mixture_slates(shop, guarded(ARM, second), session=True)
    ours, theirs = (np.rint(PLACES * each(shop.split, slates, DRAWS)) for slates in (mixed, control_slates(shop)))
    shown = {"paired": np.zeros(len(LOOKS)), "A/B": np.zeros(len(LOOKS)), "A/B with CUPED": np.zeros(len(LOOKS))}
    for run in range(RUNS):
        rng = np.random.default_rng([run, 6])
        who, draw = rng.integers(0, len(ours), LOOKS[-1]), rng.integers(0, DRAWS, LOOKS[-1])
        treated = rng.random(len(ours)) < 0.5
        both = ours[who, draw], theirs[who, draw]
        for way, judge in (("paired", _paired), ("A/B", _split), ("A/B with CUPED", _cuped)):
            seen = [judge(who[:n], both[0][:n], both[1][:n], treated, ratings) for n in LOOKS]
            shown[way] += np.maximum.accumulate(seen)
    return {way: (found / RUNS)[[LOOKS.index(n) for n in SHOWN]].tolist() for way, found in shown.items()}


def while_learning(visited: Visited) -> Mapping[str, list[float]]:
    """The same for what the product's rule serves while it learns, read out as a demo does: here, and elsewhere."""
    shown = {"here": np.zeros(len(LOOKS)), "elsewhere": np.zeros(len(LOOKS))}
    for run in range(LEARNED):
        who, visits = paired_visits(visited, run, LOOKS[-1])
        shown["here"] += np.maximum.accumulate([_is_shown(visits[:n]) for n in LOOKS])
        shown["elsewhere"] += np.maximum.accumulate([_is_shown(by_visitor(who[:n], visits[:n])) for n in LOOKS])
    return {where: (found / LEARNED)[[LOOKS.index(n) for n in SHOWN]].tolist() for where, found in shown.items()}


def _is_shown(units: Floats) -> bool:
    lift = paired_lift(units, PLANNED)
    return lift is not None and lift.low > 0


def _paired(who: NDArray[np.int64], ours: Floats, theirs: Floats, treated: NDArray[np.bool_], ratings: Floats) -> bool:
    del ratings, treated
    listed = np.full(len(who), PLACES)
    return _is_shown(by_visitor(who, np.column_stack([ours, listed, theirs, listed])))


def _split(who: NDArray[np.int64], ours: Floats, theirs: Floats, treated: NDArray[np.bool_], ratings: Floats) -> bool:
    del ratings
    return _unpaired(who, np.where(treated[who], ours, theirs), treated, np.zeros(len(treated)))


def _cuped(who: NDArray[np.int64], ours: Floats, theirs: Floats, treated: NDArray[np.bool_], ratings: Floats) -> bool:
    return _unpaired(who, np.where(treated[who], ours, theirs), treated, np.log(ratings))


def _unpaired(who: NDArray[np.int64], clicks: Floats, treated: NDArray[np.bool_], covariate: Floats) -> bool:
    """Whether the anytime interval of ln(R₁/R₀) between visitors is above 0, adjusted by a covariate known before."""
    visits, clicked = np.bincount(who, minlength=len(treated)), np.bincount(who, clicks, len(treated))
    here = visits > 0
    x, n, group, before = clicked[here], visits[here] * PLACES, treated[here], covariate[here]
    parts = [(x[group == side].sum(), n[group == side].sum()) for side in (True, False)]
    if min(part[0] for part in parts) < 100:
        return False
    rate = np.where(group, parts[0][0] / parts[0][1], parts[1][0] / parts[1][1])
    spread = np.where(group, 1 / parts[0][0], -1 / parts[1][0]) * (x - rate * n)
    centred = np.where(group, 1 / parts[0][0], -1 / parts[1][0]) * (before - np.average(before, weights=n)) * n
    slope = (spread @ centred) / (centred @ centred) if centred.any() else 0.0
    error = float(np.sqrt(((spread - slope * centred) ** 2).sum()))
    estimate = float(np.log(parts[0][0] / parts[0][1] / (parts[1][0] / parts[1][1])) - slope * centred.sum())
    return estimate > float(boundary((planned_error(PLANNED) / error) ** 2)) * error
