"""The lift of one group's ratio over another's, at any moment. Must not know storage or what the ratio is of.

Phases of a test are strata: its groups are compared within each, so a change of TREATMENT_SHARE moves no estimate.
δ = Σ w_s ln(R₁s/R₀s) with w_s ∝ 1/(1/N₁s + 1/N₀s). Its variance is Σ_c (Σ_s w_s (u₁sc − u₀sc))² over clusters of
visitors, u = (x − R·n)/Σx (Deng, Knoblich & Lu 2018): a visitor in both groups, or in several phases, is one visitor.
An asymptotic confidence sequence bounds it; it holds at every look at once (Waudby-Smith, Arbour, Sinha, Kennedy &
Ramdas 2021; with known variance it is the normal-mixture sequential test of Johari, Koomen, Pekelis & Walsh 2017). It
measures time as information, 1/variance, because visitors who return add evidence, too (Scharfstein, Tsiatis & Robins
1997). Its reach is Student's, with Satterthwaite's degrees of freedom. Arrays may have any leading axes.

In a group that is far smaller than the other, the heaviest visitors may be missing by chance. Then its ratio may be too
low, as where they click more, and its variance is too low, too: both say "lower". Without an effect both groups have
the same design effect, so the smaller group's variance is at least what the other's lets expect.

What was known of visitors before the test sharpens δ: a covariate whose ratio must be equal in both groups is not so by
chance, and δ − θ·(its difference) is free of that part of the chance. θ is fitted on the clusters (CUPED: Deng, Xu,
Kohavi & Walker 2013; with shares of visitors as covariates it is post-stratification), which costs a degree of freedom
for each covariate.
"""

from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bandit_selector.evidence.ratio import ENOUGH_CLUSTERS, LEVEL, Interval

POWER: Final = 0.80
SEQUENTIAL_COST: Final = 1.8
"""A test that may be looked at every day needs this many times the fixed-horizon sample."""
READ_OUT_FROM: Final = 100
"""A lift is read out once both groups have this many events; with fewer, the normal approximation is poor."""
UNEVEN: Final = 2.0
"""A group is far smaller than the other from this factor on."""
PHASE_FROM: Final = 20
"""A phase counts once both groups have this many events in it; ln R of fewer is biased."""
LARGEST: Final = log(1e6)
"""Bounds of a relative lift end here; a wide interval of few data has no other end."""

_NORMAL: Final = NormalDist()
Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contrast:
    """ln(R₁/R₀) and R₁ − R₀ with their standard errors, over phases; NaN where nothing can be compared.

    `events` and `clusters` are those of the group with fewer: events, and effective clusters of its denominator.
    """

    log_lift: Array
    error: Array
    difference: Array
    difference_error: Array
    freedom: Array
    events: Array
    clusters: Array

    def readable(self, enough: float = ENOUGH_CLUSTERS) -> NDArray[np.bool_]:
        """Where both groups have READ_OUT_FROM events, `enough` effective clusters, and a variance."""
        return (self.events >= READ_OUT_FROM) & (self.clusters >= enough) & (self.error > 0) & np.isfinite(self.error)


@dataclass(frozen=True, slots=True)
class Lift:
    """Treatment against control, relative (0.12 = 12 % higher) and absolute; both are anytime-valid at 1 − level.

    `p` is the anytime p-value, `error` the standard error of ln(R₁/R₀). `information` is 1 when it is as planned.
    """

    relative: Interval
    absolute: Interval
    p: float
    error: float
    information: float

    @property
    def significant(self) -> bool:
        return not self.relative.low <= 0 <= self.relative.high


def contrast(sums: Array, covariates: Array | None = None) -> Contrast:
    """The contrast of sums[..., phase, group, cluster, (x, n)]; group 0 is treatment, 1 is control.

    covariates[..., covariate, phase, group, cluster, (x, n)] are sums from before the visitors' test.
    """
    x, n = sums[..., 0], sums[..., 1]
    x_sum, n_sum = x.sum(-1), n.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = _weights(x_sum, n_sum)
        rate = np.where(x_sum > 0, x_sum / n_sum, np.nan)
        ratio = np.where(weight > 0, np.log(rate[..., 0] / rate[..., 1]), 0.0)
        residual = np.where(n_sum[..., None] > 0, (x - rate[..., None] * n) / n_sum[..., None], 0.0)
        relative = np.where(weight[..., None, None] > 0, residual / rate[..., None], 0.0)
        sizes = np.where(n_sum[..., None] > 0, n / n_sum[..., None], 0.0)
        weighed = weight[..., None, None]
        clusters = _effective((weighed * sizes).sum(-3))
        unit = np.where(weight[..., None] > 0, weight[..., None] ** 2 / n_sum, 0.0).sum(-2)
        sized = clusters, unit
        apart = np.where(weight > 0, rate[..., 0] - rate[..., 1], 0.0)
        known = _covariates(weight, covariates) if covariates is not None else None
        log_lift, error, freedom = _estimate((weight * ratio).sum(-1), (weighed * relative).sum(-3), sized, known)
        spread = (weighed * np.nan_to_num(residual)).sum(-3)
        difference, difference_error, _ = _estimate((weight * apart).sum(-1), spread, sized, known)
    counted = np.where(weight[..., None] > 0, x_sum, 0.0).sum(-2)
    return Contrast(
        log_lift=log_lift,
        error=error,
        difference=difference,
        difference_error=difference_error,
        freedom=freedom,
        events=counted.min(-1),
        clusters=clusters.min(-1),
    )


def _weights(x_sum: Array, n_sum: Array) -> Array:
    """Each phase's weight, 0 where a group has too few events; a single phase needs only one event in each."""
    least = x_sum.min(-1)
    counted = least >= (PHASE_FROM if least.shape[-1] > 1 else 1)
    size = np.where(counted, 1 / (1 / n_sum).sum(-1), 0.0)
    total = size.sum(-1, keepdims=True)
    return np.where(total > 0, size / total, 0.0)


def _effective(sizes: Array) -> Array:
    squares = (sizes**2).sum(-1)
    return np.where(squares > 0, sizes.sum(-1) ** 2 / squares, 0.0)


def _covariates(weight: Array, covariates: Array) -> tuple[Array, Array]:
    """Each covariate's difference between the groups, and its influence[..., covariate, group, cluster]."""
    x, n = covariates[..., 0], covariates[..., 1]
    n_sum = n.sum(-1)
    met = (n_sum.min(-1) > 0) & (weight[..., None, :] > 0)
    each = np.where(met, weight[..., None, :], 0.0)
    rate = np.where(n_sum > 0, x.sum(-1) / n_sum, 0.0)
    residual = np.where(n_sum[..., None] > 0, (x - rate[..., None] * n) / n_sum[..., None], 0.0)
    return (each * (rate[..., 0] - rate[..., 1])).sum(-1), (each[..., None, None] * residual).sum(-3)


def _estimate(
    value: Array, influence: Array, sized: tuple[Array, Array], known: tuple[Array, Array] | None
) -> tuple[Array, Array, Array]:
    """The estimate, its standard error and its degrees of freedom, free of what the covariates explain."""
    if known is None:
        variance, freedom = _variance(influence, *sized)
        return value, np.sqrt(variance), freedom
    apart, spread = known
    number = spread.shape[-3]
    slope = _slope(influence[..., 0, :] - influence[..., 1, :], spread[..., 0, :] - spread[..., 1, :])
    left = influence - (slope[..., None, None] * spread).sum(-3)
    variance, freedom = _variance(left, *sized)
    units = influence.shape[-1] - 1
    error = np.sqrt(variance * units / (units - number))
    return value - (slope * apart).sum(-1), error, np.maximum(freedom - number, 1.0)


def _slope(found: Array, known: Array) -> Array:
    """The least-squares slopes of found[..., cluster] on known[..., covariate, cluster]; 0 where one never varies."""
    size = np.sqrt((known**2).sum(-1, keepdims=True))
    scaled = np.divide(known, size, out=np.zeros_like(known), where=size > 0)
    gram = np.einsum("...ic,...jc->...ij", scaled, scaled)
    moment = np.einsum("...ic,...c->...i", scaled, np.nan_to_num(found))
    slope = np.einsum("...ij,...j->...i", np.linalg.pinv(gram, rcond=1e-6, hermitian=True), moment)
    return np.divide(slope, size[..., 0], out=np.zeros_like(slope), where=size[..., 0] > 0)


def _variance(influence: Array, clusters: Array, unit: Array) -> tuple[Array, Array]:
    """Var(Σ_c (a₁c − a₀c)) from influence[..., group, cluster], and Satterthwaite's degrees of freedom.

    `unit` is each group's variance for a design effect of 1.
    """
    number = (influence != 0).sum(-1)
    own = (influence**2).sum(-1) * np.where(number > 1, number / np.maximum(number - 1, 1), np.nan)
    other = own[..., ::-1] * unit / unit[..., ::-1]
    squares = np.where(unit > UNEVEN * unit[..., ::-1], np.maximum(own, other), own)
    together = squares.sum(-1) - 2 * (influence[..., 0, :] * influence[..., 1, :]).sum(-1)
    spread = (squares**2 / np.maximum(clusters - 1, 1e-9)).sum(-1)
    freedom = np.where(spread > 0, squares.sum(-1) ** 2 / np.where(spread > 0, spread, 1), 0.0)
    return np.maximum(together, 0.0), freedom


def reach(found: Contrast, planned_lift: float, level: float = LEVEL) -> Array:
    """The half-width of the confidence sequence in standard errors, widened from the normal's tail to Student's."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return student(boundary(information(found, planned_lift, level), level), found.freedom)


def information(found: Contrast, planned_lift: float, level: float = LEVEL) -> Array:
    return (planned_error(planned_lift, level) / found.error) ** 2


def lift_of(found: Contrast, planned_lift: float, level: float = LEVEL, enough: float = ENOUGH_CLUSTERS) -> Lift | None:
    """The lift of one contrast without leading axes, or None while it cannot be read out."""
    if not found.readable(enough):
        return None
    width, middle, error = float(reach(found, planned_lift, level)), float(found.log_lift), float(found.error)
    informed = float(information(found, planned_lift, level))
    far = width * float(found.difference_error)
    apart = float(found.difference)
    return Lift(
        relative=Interval(_raised(middle), _raised(middle - width * error), _raised(middle + width * error)),
        absolute=Interval(apart, apart - far, apart + far),
        p=anytime_p(normal(abs(middle) / error, float(found.freedom)), informed, level),
        error=error,
        information=informed,
    )


def boundary(informed: Array | float, level: float = LEVEL) -> Array:
    """The half-width of the confidence sequence in standard errors; it is narrowest near information 1.

    √(2(τ+1)/τ · ln(√(τ+1)/level)) with τ = ρ²n, and ρ² = (−2 ln a + ln(1 − 2 ln a))/n* (Waudby-Smith et al., eq. 24).
    """
    tau = np.asarray(_mixture(level) * informed)
    return np.sqrt(2 * (tau + 1) / tau * np.log(np.sqrt(tau + 1) / level))


def anytime_p(z: float, informed: float, level: float = LEVEL) -> float:
    """min(1, 1/e) of the normal-mixture e-value: without a difference, P(p ≤ a at any look) ≤ a."""
    tau = _mixture(level) * informed
    return min(1.0, exp(-(z**2) / 2 * tau / (tau + 1)) * sqrt(tau + 1))


def student(z: Array, freedom: Array) -> Array:
    """The quantile of Student's t at the tail of the normal quantile z ≥ 0 (Wallace 1959); within .2 % from 19 on."""
    exponent = np.minimum((z * (8 * freedom + 3) / (8 * freedom + 1)) ** 2 / freedom, 700.0)
    return np.sqrt(freedom * np.expm1(exponent))


def normal(t: float, freedom: float) -> float:
    """The inverse of `student`: the normal quantile with the tail of t."""
    return (8 * freedom + 1) / (8 * freedom + 3) * sqrt(freedom * log(1 + t**2 / freedom))


def planned_error(lift: float, level: float = LEVEL) -> float:
    """The standard error of ln(R₁/R₀) at which the test detects a relative `lift` with 80 % power."""
    return log(1 + lift) / _effect(level) / sqrt(SEQUENTIAL_COST)


def users_for_width(lift: Lift, users: float, half_width: float, level: float = LEVEL) -> int:
    """Visitors per group at which the relative interval reaches ± half_width, if behaviour does not change."""
    low, high = users, max(users, 1.0)
    while _half_width(lift, high / users, level) > half_width:
        low, high = high, high * 2
    while high - low > max(1.0, 0.01 * low):
        middle = (low + high) / 2
        low, high = (middle, high) if _half_width(lift, middle / users, level) > half_width else (low, middle)
    return round(high)


def _half_width(lift: Lift, growth: float, level: float) -> float:
    return _raised(float(boundary(lift.information * growth, level)) * lift.error / sqrt(growth))


def _raised(log_ratio: float) -> float:
    return exp(min(log_ratio, LARGEST)) - 1


def _effect(level: float) -> float:
    return _NORMAL.inv_cdf(1 - level / 2) + _NORMAL.inv_cdf(POWER)


def _mixture(level: float) -> float:
    return -2 * log(level) + log(1 - 2 * log(level))
