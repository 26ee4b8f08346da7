"""Forgets what the newest outcomes refute, and nothing else. Must not know storage, clocks or how arms are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
"""Standard errors by which an arm differs for certain from what moved all arms together."""


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

    An arm is refuted when its recent successes differ from what its own cells' older outcomes let expect, and a tide
    (a holiday, a broken tracker), which changes all arms alike, does not explain that. `moments` names for each context
    when it is visited; contexts of one name are visited at the same times.
    """
    if len(arms) < 2 or not memory.long_successes.size:
        return memory, ()
    stands = standing(memory, moments)
    hit = stands.refuted(len(arms))
    if not hit.any():
        return memory, ()
    told = tuple(_told(memory, arms, stands.own, int(arm)) for arm in np.flatnonzero(hit))
    return memory.shortened(np.where(hit, 0.0, KEPT)), told


@dataclass(frozen=True, slots=True)
class Standing:
    """How recent successes differ from those expected, per arm; every array has the shape (arms).

    `own` is the z of the arm's successes and `moved` the share by which they moved; `apart` and `moved_apart` are the
    same once what all arms have in common, the tide, is taken out. `others` is the z of all other arms together: the
    root of the sum of its squares over the moments, less what chance adds to that.
    """

    own: Reals
    moved: Reals
    apart: Reals
    moved_apart: Reals
    others: Reals

    def refuted(self, arms: int) -> NDArray[np.bool_]:
        """Whether an arm changed by itself: for certain, or as the likelier of two explanations.

        If the arm alone had changed, the others would be as expected: the log-likelihood falls short by others²/2. With
        a tide, all would have moved alike: it falls short by apart²/2.
        """
        certain = (self.apart > APART) & (self.moved_apart > MATERIAL)
        likelier = (self.apart >= self.others) & (self.moved > MATERIAL)
        return (self.own > surprising(arms)) & (certain | likelier)


def standing(memory: Memory, moments: Sequence[str]) -> Standing:
    """Where every arm stands.

    With E expected and S found in the contexts of one moment, the tide there is τ = ΣS/ΣE and an arm's own part
    S − τE. As it is (1 − s)·S less s times the others', s = E/ΣE, so is its variance made. Contexts that are visited at
    different times see different tides, so the tide is taken out moment by moment.
    """
    together = (np.array(moments)[None, :] == np.array(sorted(set(moments)))[:, None]).astype(float)
    found, expected, variance, third = (together @ part for part in _compared(memory))
    whole = np.maximum(expected.sum(axis=1, keepdims=True), 1e-12)
    tide, share = found.sum(axis=1, keepdims=True) / whole, expected / whole
    apart = (found - tide * expected).sum(axis=0)
    swollen = variance * np.maximum(tide, 1.0)
    apart_variance = ((1 - share) ** 2 * swollen + share**2 * _of_others(swollen)).sum(axis=0)
    rest = _z(_of_others(found - expected), _of_others(variance))
    moments_seen = variance.sum() ** 2 / max((variance.sum(axis=1) ** 2).sum(), 1e-12)
    difference, variance = (found - expected).sum(axis=0), variance.sum(axis=0)
    expected, steady = (np.maximum(part.sum(axis=0), 1e-12) for part in (expected, tide * expected))
    return Standing(
        own=_z(difference, variance, third.sum(axis=0) / np.maximum(variance, 1e-12)),
        moved=np.abs(difference) / expected,
        apart=_z(apart, apart_variance),
        moved_apart=np.abs(apart) / steady,
        others=np.sqrt(np.maximum((rest**2).sum(axis=0) - moments_seen, 0)),
    )


def _of_others(part: Reals) -> Reals:
    """What all arms but this one have, arms along the last axis."""
    return part.sum(axis=-1, keepdims=True) - part


def _told(memory: Memory, arms: tuple[str, ...], z: Reals, arm: int) -> Forgetting:
    found, expected, *_ = (part.sum(axis=0) for part in _compared(memory))
    places = max(float((memory.short_successes + memory.short_failures)[:, arm].sum()), 1e-12)
    return Forgetting(arms[arm], float(z[arm]), float(expected[arm]) / places, float(found[arm]) / places)


def _compared(memory: Memory) -> tuple[Reals, Reals, Reals, Reals]:
    """Per cell: successes in the short memory, those expected there, the variance of their difference, and that times
    the largest step with which a single success less, or an older one more, can lower the difference.

    Expected in a cell are r·S, S its successes in the long memory and r = (outcomes of the short) / (of the long): the
    comparison of two rates cell by cell, summed (Cochran 1954), which needs no model of the cells. An outcome counts
    with w − r·v, w ≤ v ≤ 1 its short and long weights, and Σ (w − r v)² ≤ Σ w² − 2r Σ w v + r Σ w. Downwards, a recent
    failure counts with the rate p at most, and an older success with r.
    """
    long = memory.long_successes + memory.long_failures
    short = memory.short_successes + memory.short_failures
    part = np.minimum(short / np.maximum(long, 1e-12), 1.0)
    pooled = memory.long_successes.sum(axis=0) / np.maximum(long.sum(axis=0), 1e-12)
    rate = (memory.long_successes + 10 * pooled) / (long + 10)
    weight = np.maximum(memory.short_squares - 2 * part * memory.cross + part * short, 0)
    variance = CLUMPED * rate * (1 - rate) * weight
    return memory.short_successes, part * memory.long_successes, variance, variance * np.maximum(rate, part)


def _z(difference: Reals, variance: Reals, falling: Reals | float = 1.0) -> Reals:
    """√(2·rate function) of Bernstein's inequality, d²/(2(v + c b d/3)): z = d/√v for large counts, less for small.

    One step of the sum is at most c·b, c = CLUMPED: the clicks of one list in one cell; b = 1 upwards and `falling`
    downwards, where a step is a click that did not come, which is less than a click.
    """
    size = np.abs(difference)
    step = CLUMPED * np.where(difference < 0, falling, 1.0)
    return size / np.sqrt(np.maximum(variance + step * size / 3, 1e-12))
