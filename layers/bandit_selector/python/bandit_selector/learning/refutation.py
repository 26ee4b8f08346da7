"""Forgets what the newest outcomes refute, and nothing else. Must not know storage, clocks or how arms are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Final

import numpy as np

from bandit_selector.learning.counts import Reals
from bandit_selector.learning.memory import Memory

KEPT: Final = 0.1
"""Of what is older than the short memory, the share that arms keep that were not refuted when another one was."""
CLUMPED: Final = 2.2
"""The clicks of one list are correlated: the variance of a list's rate is this many times the binomial one."""
MATERIAL: Final = 0.10
"""A rate that moved by less than this share of itself is not worth forgetting for."""
HALF_LIVES_A_YEAR: Final = 365 * 24 / 6
"""Of a short memory of at least six hours; busier or quieter, there are never more."""
BLOCK: Final = 0.05
"""The length, in half-lives, of the blocks of `surprising`."""
APART: Final = 3.0
"""Standard errors by which an arm must differ from what moved all arms together. Tides are rare: see `refute`."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """An arm whose older outcomes were forgotten: by how many standard errors its rate differed, and from what to what.

    `before` is what its rate would have been in its recent places by all it was remembered for, `after` what it was.
    """

    arm: str
    z: float
    before: float
    after: float


def surprising(arms: int) -> float:
    """The z that a rate that never changes passes at most once a year in expectation, looked at any number of times.

    Within a block of `BLOCK` half-lives the discounted sum, times its growing weight, is a martingale, so by Ville's
    inequality it passes u standard errors of the block's end with probability ≤ exp(−u²/2) on either side (Garivier &
    Moulines 2011, theorem 4, in time instead of counts); the block's start has 2^(2·BLOCK) times less variance. Over
    all arms and blocks of a year: 2 · arms · blocks · exp(−u²/2) = 1.
    """
    return sqrt(2 * log(2 * arms * HALF_LIVES_A_YEAR / BLOCK) * 4**BLOCK)


def refute(memory: Memory, arms: tuple[str, ...], moments: Sequence[str]) -> tuple[Memory, tuple[Forgetting, ...]]:
    """The memory without what was refuted. A refuted arm keeps its short memory, the others that and KEPT of the rest.

    An arm is refuted when its recent successes differ from what its own cells' older outcomes let expect, both as such
    and after a common factor of all arms is taken out: a tide (a holiday, a broken tracker) changes all arms.
    `moments` names for each context when it is visited; contexts of one name are visited at the same times.
    """
    if len(arms) < 2 or not memory.long_successes.size:
        return memory, ()
    own, apart, moved = standing(memory, moments)
    hit = (own > surprising(len(arms))) & (apart > APART) & (moved > MATERIAL)
    if not hit.any():
        return memory, ()
    told = tuple(_told(memory, arms, own, int(arm)) for arm in np.flatnonzero(hit))
    return memory.shortened(np.where(hit, 0.0, KEPT)), told


def standing(memory: Memory, moments: Sequence[str]) -> tuple[Reals, Reals, Reals]:
    """Per arm: z of its recent successes, z once what all arms have in common is out, and by what share that moved.

    With E expected and S found in the contexts of one moment, the tide there is τ = ΣS/ΣE and an arm's own part
    S − τE. As it is (1 − s)·S less s times the others', s = E/ΣE, so is its variance made. Contexts that are visited at
    different times see different tides, so the tide is taken out moment by moment.
    """
    together = (np.array(moments)[None, :] == np.array(sorted(set(moments)))[:, None]).astype(float)
    found, expected, variance = (together @ part for part in _compared(memory))
    own = _z((found - expected).sum(axis=0), variance.sum(axis=0))
    whole = np.maximum(expected.sum(axis=1, keepdims=True), 1e-12)
    tide, share = found.sum(axis=1, keepdims=True) / whole, expected / whole
    variance = variance * np.maximum(tide, 1.0)
    others = variance.sum(axis=1, keepdims=True) - variance
    apart = (found - tide * expected).sum(axis=0)
    apart_variance = ((1 - share) ** 2 * variance + share**2 * others).sum(axis=0)
    return own, _z(apart, apart_variance), np.abs(apart) / np.maximum((tide * expected).sum(axis=0), 1e-12)


def _told(memory: Memory, arms: tuple[str, ...], z: Reals, arm: int) -> Forgetting:
    found, expected, _ = (part.sum(axis=0) for part in _compared(memory))
    places = max(float((memory.short_successes + memory.short_failures)[:, arm].sum()), 1e-12)
    return Forgetting(arms[arm], float(z[arm]), float(expected[arm]) / places, float(found[arm]) / places)


def _compared(memory: Memory) -> tuple[Reals, Reals, Reals]:
    """Per cell: successes in the short memory, those expected there, and the variance of their difference.

    Expected in a cell are r·S, S its successes in the long memory and r = (outcomes of the short) / (of the long): the
    comparison of two rates cell by cell, summed (Cochran 1954), which needs no model of the cells. An outcome counts
    with w − r·v, w ≤ v ≤ 1 its short and long weights, and Σ (w − r v)² ≤ Σ w² − 2r Σ w v + r Σ w.
    """
    long = memory.long_successes + memory.long_failures
    short = memory.short_successes + memory.short_failures
    part = np.minimum(short / np.maximum(long, 1e-12), 1.0)
    pooled = memory.long_successes.sum(axis=0) / np.maximum(long.sum(axis=0), 1e-12)
    rate = (memory.long_successes + 10 * pooled) / (long + 10)
    weight = np.maximum(memory.short_squares - 2 * part * memory.cross + part * short, 0)
    return memory.short_successes, part * memory.long_successes, CLUMPED * rate * (1 - rate) * weight


def _z(difference: Reals, variance: Reals) -> Reals:
    """√(2·rate function) of Bernstein's inequality, d²/(2(v + c d/3)): z = d/√v for large counts, less for small ones.

    One step of the sum is at most c = CLUMPED: the clicks of one list in one cell.
    """
    size = np.abs(difference)
    return size / np.sqrt(np.maximum(variance + CLUMPED * size / 3, 1e-12))
