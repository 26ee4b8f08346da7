"""The test as the monitor judges it on a morning, from single visitors: the product's functions, in its order.

Knows no database. `tests/integration/services/test_mornings.py` shows that the monitor answers and mails as `judged`;
`tests/unit/evidence/test_mornings.py` that `called`, which is fast, has the same verdicts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from bandit_selector.evidence.background import Background, adjustment, covariates
from bandit_selector.evidence.bound import Bound, bound_of, weighed
from bandit_selector.evidence.experiment import (
    CLUSTERS,
    GROUPS,
    HALF,
    STABLE_AFTER_DAYS,
    Part,
    Plan,
    ReadOut,
    read_out,
)
from bandit_selector.evidence.lift import Array, contrast, information
from bandit_selector.evidence.split import Arrivals
from bandit_selector.evidence.tally import Tally
from numpy.typing import NDArray

from benchmarks._evidence_read import verdicts

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
        for at in np.flatnonzero(sums[0]).tolist()
    ]


def _over(values: Array, counted: Array) -> Array:
    """What exceeds the bound, in thousandths as the database keeps it."""
    return np.round(1000 * (values - counted)) / 1000


def _summed(values: Array, place: Whole) -> Array:
    return np.bincount(place, values, 2 * CLUSTERS)


@dataclass(frozen=True, slots=True)
class Newcomers:
    """Visitors who come once and are shown `movies` each: clicks, clusters and periods, [day, group, visitor]."""

    clicked: Whole
    cluster: Whole
    period: Whole
    movies: int = 10

    def until(self, days: int) -> Visitors:
        """All visitors of the first days."""
        clicked = self.clicked[:days].ravel()
        group = np.broadcast_to(np.arange(2)[:, None], self.clicked[:days].shape).ravel()
        return Visitors(
            np.zeros_like(clicked),
            group,
            self.cluster[:days].ravel(),
            self.period[:days].ravel(),
            np.full_like(clicked, self.movies),
            clicked,
            np.ones(len(clicked), dtype=np.bool_),
        )

    def looks(self, quantile: float) -> tuple[Array, Array]:
        """Sums [morning, phase, group, cluster, (clicked, shown)], and backgrounds as `covariates` takes them."""
        bounds = [self._bound(day + 1, quantile) for day in range(len(self.clicked))]
        each = {bound: self._cumulated(*self._weighed(bound)) for bound in set(bounds)}
        sums = np.stack([each[bound][day] for day, bound in enumerate(bounds)])
        nothing, one = np.zeros(self.clicked.shape), np.ones(self.clicked.shape)
        known = [self._cumulated(nothing, nothing)]
        known += [self._cumulated((self.period == at).astype(np.float64), one) for at in range(3)]
        return sums[:, None], np.stack(known, axis=1)[:, :, None]

    def _bound(self, days: int, quantile: float) -> Bound | None:
        clicked = self.clicked[:days].ravel().astype(np.float64)
        return bound_of(np.stack([np.full_like(clicked, self.movies), clicked], axis=-1), quantile)

    def _weighed(self, bound: Bound | None) -> tuple[Array, Array]:
        clicked = self.clicked.astype(np.float64)
        shown = np.full_like(clicked, self.movies)
        weight, clicks = weighed(shown, clicked, bound)
        return clicked - _over(clicked, clicks), shown - _over(shown, weight)

    def _cumulated(self, x: Array, n: Array) -> Array:
        """[morning, group, cluster, (x, n)]."""
        days = len(self.clicked)
        first: Whole = np.arange(2 * days, dtype=np.int64).reshape(days, 2, 1)
        at = (first * CLUSTERS + self.cluster).ravel()
        sums = [np.bincount(at, values.ravel(), 2 * days * CLUSTERS) for values in (x, n)]
        return np.stack(sums, axis=-1).reshape(days, 2, CLUSTERS, 2).cumsum(axis=0)


def called(known: Newcomers, lift: float, quantile: float) -> Whole:
    """1 where a morning calls treatment higher, -1 where lower, else 0: as `judged`, for all mornings at once."""
    sums, backgrounds = known.looks(quantile)
    found, days = contrast(sums), np.arange(1, len(sums) + 1)
    stable = found.readable() & ((days >= STABLE_AFTER_DAYS) | (information(found, lift) >= HALF))
    higher, lower = verdicts(sums, lift)
    if stable.any():
        at = int(stable.argmax())
        sharper = covariates(backgrounds[at:], adjustment(sums[at], backgrounds[at]).covariates)
        higher[at:], lower[at:] = verdicts(sums[at:], lift, known=sharper)
    return higher.astype(np.int64) - lower
