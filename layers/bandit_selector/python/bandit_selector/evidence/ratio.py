"""Ratios with their intervals at one look. Must not know where the sums come from, nor the test's groups.

Every figure is a ratio of sums, R = Σx/Σn (clicks per movie shown, stars per rating). The events of one visitor are
correlated, so the variance of R is computed over clusters of visitors. A few heavy clusters say less than their number:
quantiles are Student's t with k − 1 degrees of freedom, where k is the effective number of clusters.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf, sqrt
from statistics import NormalDist
from typing import Final

LEVEL: Final = 0.05
ENOUGH_CLUSTERS: Final = 20.0
"""With fewer effective clusters, a variance is not known well enough for a verdict or an alert."""

_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Ratio:
    """R = numerator/denominator, the variance of R, and the effective number of clusters behind that variance.

    `value` is None without a denominator.
    """

    numerator: float
    denominator: float
    variance: float
    clusters: float = inf

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None

    @property
    def known(self) -> bool:
        """Whether there is a value, and enough clusters to judge it by."""
        return bool(self.denominator) and self.clusters >= ENOUGH_CLUSTERS

    def of(self, numerator: float, denominator: float) -> "Ratio":
        """The ratio of other sums over the same clusters, with this ratio's variance per unit of denominator."""
        scale = self.denominator / denominator if denominator else 0.0
        return Ratio(numerator, denominator, self.variance * scale, self.clusters)


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between two bounds."""

    estimate: float
    low: float
    high: float


def clustered(sums: Iterable[tuple[float, float]]) -> Ratio:
    """The ratio of (Σx, Σn) per cluster of visitors, with Var(R) = k/(k−1) · Σ(x − R·n)² / (Σn)².

    Linearisation of a ratio over k randomised units (Deng, Knoblich & Lu 2018, "Applying the delta method in metric
    analytics"). A unit may be one visitor or a random group of visitors (Wolter 2007, "Introduction to Variance
    Estimation", ch. 2): the estimate is unbiased either way, with a relative error of √(2/(k−1)).
    """
    units = [(x, n) for x, n in sums if n]
    x_sum, n_sum = sum(x for x, _ in units), sum(n for _, n in units)
    clusters = effective(n for _, n in units)
    if len(units) < 2:
        return Ratio(x_sum, n_sum, inf if units else 0.0, clusters)
    ratio = x_sum / n_sum
    spread = sum((x - ratio * n) ** 2 for x, n in units)
    return Ratio(x_sum, n_sum, spread * len(units) / (len(units) - 1) / n_sum**2, clusters)


def effective(sizes: Iterable[float]) -> float:
    """(Σn)²/Σn²: how many clusters of equal size would give as steady a variance; 0 without any (Kish 1965, 11.7)."""
    known = list(sizes)
    squares = sum(n**2 for n in known)
    return sum(known) ** 2 / squares if squares else 0.0


def rate_bounds(ratio: Ratio, level: float = LEVEL) -> Interval | None:
    """Wilson's score interval of a rate, with the effective sample size R(1−R)/Var(R); valid for one look only.

    None without any observation, or with a single visitor, whose variance is unknown.
    """
    rate = ratio.value
    if rate is None or ratio.variance == inf:
        return None
    n = rate * (1 - rate) / ratio.variance if ratio.variance and 0 < rate < 1 else ratio.denominator
    z = quantile(level, ratio.clusters - 1)
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    width = z / (1 + z**2 / n) * sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return Interval(rate, max(0.0, centre - width), min(1.0, centre + width))


def mean_bounds(ratio: Ratio, level: float = LEVEL) -> Interval | None:
    """Student's interval of a mean; valid for one look only. None with fewer than two visitors."""
    if ratio.value is None or ratio.variance == inf:
        return None
    width = quantile(level, ratio.clusters - 1) * sqrt(ratio.variance)
    return Interval(ratio.value, ratio.value - width, ratio.value + width)


def quantile(level: float, freedom: float) -> float:
    """The two-sided quantile of Student's t at `level`; infinite without any degree of freedom."""
    return _student(_NORMAL.inv_cdf(1 - level / 2), freedom)


def _student(z: float, freedom: float) -> float:
    """The quantile of t at the tail of the normal quantile z ≥ 0 (Wallace 1959); within .2 % from 19 degrees on."""
    if freedom == inf:
        return z
    if freedom <= 0:
        return inf
    exponent = (z * (8 * freedom + 3) / (8 * freedom + 1)) ** 2 / freedom
    return sqrt(freedom * (exp(exponent) - 1)) if exponent < 700 else inf
