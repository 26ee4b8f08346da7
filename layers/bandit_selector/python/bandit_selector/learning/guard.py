"""Keeps every arm drawn and no arm above a share of all traffic; draws. Must not know why an arm is likely."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandit_selector.learning.counts import Reals

WIDTH = 0.02
"""In clicks per place: contexts whose gaps differ by less than this share what the cap takes."""
_HALVINGS = 50
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Guards:
    """`floor` holds in every context, `cap` over all traffic; cap = 1 caps nothing."""

    floor: float
    cap: float

    def __post_init__(self) -> None:
        if not 0 <= self.floor <= self.cap <= 1:
            raise ValueError(f"guards need 0 ≤ floor ≤ cap ≤ 1; got floor={self.floor}, cap={self.cap}.")


Rivals = Callable[[int], Reals]
"""P(arm is best of all but one), shape (contexts, arms), by the one that is left out; 0 in its column."""


def guard(best: Reals, mean: Reals, traffic: Reals, guards: Guards, rivals: Rivals | None = None) -> Reals:
    """The probabilities that serving draws from: p = floor + (1 − A·floor)·q, with Σ_c traffic_c p_ca ≤ cap for all a.

    `best` is P(arm is best) and `mean` the believed rate, both (contexts, arms); rows of `best` sum to 1. `traffic`
    (contexts) are the contexts' shares, with sum 1. q = best while no arm exceeds the cap. If k arms cannot meet a
    bound, it becomes 1/k. With a cap of a half or more at most one arm can exceed it, and what it loses is taken where
    that costs the fewest clicks, for its `rivals`; with a smaller one several can, and q is the nearest in relative
    entropy.
    """
    arms = best.shape[1]
    if arms < 2 or not len(best):
        return np.ones_like(best)
    floor, cap = min(guards.floor, 1 / arms), max(guards.cap, 1 / arms)
    free = 1 - arms * floor
    room = (cap - floor) / free if free > _TINY else 1.0
    if (traffic @ best).max() <= room:
        return floor + free * best
    if room < 0.5:
        return floor + free * _nearest(best, traffic, room)
    return floor + free * _cheapest(best, mean, traffic, room, rivals or _highest(mean))


def guard_groups(
    best: Reals, mean: Reals, traffic: Reals, guards: Guards, groups: Sequence[str], rivals: Rivals | None = None
) -> Reals:
    """As `guard`, with the cap kept over the traffic of each group; `groups` names each context's."""
    probability = np.ones_like(best)
    for group in set(groups):
        rows = np.array([name == group for name in groups])
        there = _of_rows(rivals, rows) if rivals else None
        probability[rows] = guard(best[rows], mean[rows], traffic[rows] / traffic[rows].sum(), guards, there)
    return probability


def _of_rows(rivals: Rivals, rows: NDArray[np.bool_]) -> Rivals:
    return lambda left_out: rivals(left_out)[rows]


def _highest(mean: Reals) -> Rivals:
    """The arm with the highest mean of those that are left is best, for certain."""

    def rivals(left_out: int) -> Reals:
        others = mean.copy()
        others[:, left_out] = -np.inf
        return np.eye(mean.shape[1])[others.argmax(axis=1)]

    return rivals


def _cheapest(best: Reals, mean: Reals, traffic: Reals, room: float, rivals: Rivals) -> Reals:
    """The arm with most traffic keeps best · (1 − d), d = clip((level − gap) / WIDTH, 0, 1) in each context.

    gap = its mean − the best other mean: the clicks lost per place that it gives up. `level` is such that it has
    `room` of all traffic: the fractional knapsack (Dantzig 1957), with a slope of WIDTH instead of a jump. What is
    taken goes to the others by their chances to be the best of them: Thompson sampling without the arm.
    """
    top = int((traffic @ best).argmax())
    gap = mean[:, top] - np.delete(mean, top, axis=1).max(axis=1)

    def taken(level: float) -> Reals:
        return best[:, top] * np.clip((level - gap) / WIDTH, 0, 1)

    low, high = float(gap.min()), float(gap.max()) + WIDTH
    for _ in range(_HALVINGS):
        level = (low + high) / 2
        low, high = (level, high) if traffic @ (best[:, top] - taken(level)) > room else (low, level)
    q = best + taken(high)[:, None] * rivals(top)
    q[:, top] -= taken(high)
    return q


def _nearest(best: Reals, traffic: Reals, room: float) -> Reals:
    """argmin Σ_c traffic_c KL(q_c ‖ best_c) with Σ_c traffic_c q_ca ≤ room: q_ca ∝ best_ca exp(−λ_a), λ ≥ 0.

    One λ after the other, by bisection, until all hold (Bregman 1967, cyclic projections on half-spaces). What a cap
    near 1/k still lacks after that is evened out.
    """
    q = (best + _TINY) / (best + _TINY).sum(axis=1, keepdims=True)
    for _ in range(20 * q.shape[1]):
        share = traffic @ q
        top = int(share.argmax())
        if share[top] <= room + _TINY:
            return q
        q = _lowered(q, top, traffic, room)
    return _evened(q, float((traffic @ q).max()), room)


def _evened(q: Reals, top: float, room: float) -> Reals:
    """Mixed with equal chances, as far as the arm whose share is `top` needs it to have `room`."""
    even = 1 / q.shape[1]
    mixed = min(max((top - room) / max(top - even, 1e-300), 0.0), 1.0)
    return (1 - mixed) * q + mixed * even


def _lowered(q: Reals, top: int, traffic: Reals, room: float) -> Reals:
    logit = np.log(np.maximum(q[:, top], 1e-300)) - np.log(np.maximum(1 - q[:, top], 1e-300))

    def kept(penalty: float) -> Reals:
        return 1 / (1 + np.exp(np.clip(penalty - logit, -700, 700)))

    low, high = 0.0, float(logit.max()) + 60.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if traffic @ kept(middle) > room else (low, middle)
    return _replaced(q, top, kept(high))


def _replaced(shares: Reals, top: int, kept: Reals) -> Reals:
    """Column `top` becomes `kept`; the others keep their ratios and fill each row to 1."""
    others = shares.copy()
    others[:, top] = 0
    q = others * ((1 - kept) / np.maximum(others.sum(axis=1), 1e-300))[:, None]
    q[:, top] = kept
    return q


def remaining(probabilities: Sequence[float]) -> list[float]:
    """The chances at a place where only these arms have a movie: scaled to sum 1, which no floor can fall below.

    Nothing else is guarded here: the cap is kept over all traffic, not at one place.
    """
    if not probabilities or not min(probabilities) >= 0:
        raise ValueError(f"chances need at least one arm, and none below 0; got {list(probabilities)}.")
    total = sum(probabilities)
    return [p / total for p in probabilities] if total > 0 else [1 / len(probabilities)] * len(probabilities)


def draw(probabilities: Sequence[float], uniform: float) -> int:
    """The index that a uniform number in [0, 1) selects, by inversion of the cumulative probabilities."""
    for index, probability in enumerate(probabilities):
        uniform -= probability
        if uniform < 0:
            return index
    return max(range(len(probabilities)), key=probabilities.__getitem__)  # rounding made the sum less than 1
