"""Keeps every arm's probability between a floor and a cap, and draws. Must not know why an arm is likely."""

from collections.abc import Sequence

_TINY = 1e-12


def guard(probabilities: Sequence[float], floor: float, cap: float) -> list[float]:
    """The nearest probabilities with floor ≤ each ≤ cap and sum 1.

    "Nearest" is measured by relative entropy: arms strictly between the bounds are scaled by one factor and keep their
    ratios. The input need not sum to 1. So when arms drop out of a place, guard the published probabilities of the
    remaining arms again; the cap may then bind, the floor cannot. Guarding twice changes nothing. If k arms cannot
    meet a bound, it becomes 1/k: the cap when k·cap < 1, the floor when k·floor > 1. Arms with probability 0 share
    equally what the cap takes from the others.

    This is plain Python, because six arms take only a few µs. Variable fixing (Bitran & Hax 1981) finds the arms at a
    bound: each pass fixes the arms on the side that is violated more. There is at most one pass per arm.
    """
    _check(probabilities, floor, cap)
    even = 1 / len(probabilities)
    low, high = min(floor, even), max(cap, even)
    largest = max(probabilities) or 1.0
    guarded = [max(p / largest, _TINY) for p in probabilities]
    free: list[int] = list(range(len(guarded)))
    remaining = 1.0
    while free:
        factor = remaining / sum([guarded[i] for i in free])
        under = [i for i in free if guarded[i] * factor < low]
        over = [i for i in free if guarded[i] * factor > high]
        lacking = sum([low - guarded[i] * factor for i in under])
        excess = sum([guarded[i] * factor - high for i in over])
        bound, fixed = (low, under) if lacking > excess else (high, over)
        if not fixed:
            for i in free:
                guarded[i] *= factor
            break
        for i in fixed:
            guarded[i] = bound
        free = [i for i in free if i not in fixed]
        remaining -= bound * len(fixed)
    return guarded


def _check(probabilities: Sequence[float], floor: float, cap: float) -> None:
    if not probabilities:
        raise ValueError("guard needs at least one arm's probability; got none.")
    if not 0 <= floor <= cap <= 1:
        raise ValueError(f"guard needs 0 ≤ floor ≤ cap ≤ 1; got floor={floor}, cap={cap}.")
    if not (min(probabilities) >= 0 and sum(probabilities) < float("inf")):
        raise ValueError(f"probabilities must be finite and not negative; got {list(probabilities)}.")


def draw(probabilities: Sequence[float], uniform: float) -> int:
    """The index that a uniform number in [0, 1) selects, by inversion of the cumulative probabilities."""
    for index, probability in enumerate(probabilities):
        uniform -= probability
        if uniform < 0:
            return index
    return max(range(len(probabilities)), key=probabilities.__getitem__)  # rounding made the sum less than 1
