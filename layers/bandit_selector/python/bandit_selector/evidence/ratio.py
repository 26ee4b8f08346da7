"""Ratios, their intervals, and the comparison of two ratios at any moment. Must not know where the sums come from.

Every figure is a ratio of sums, R = Σx/Σn (clicks per movie shown, stars per rating). The test randomises visitors,
and the events of one visitor are correlated, so the variance of R is computed over clusters of visitors. An asymptotic
confidence sequence compares two ratios; it holds at every look at once (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas
2021, "Time-uniform central limit theory and asymptotic confidence sequences"; with known variance it is the
normal-mixture sequential test of Johari, Koomen, Pekelis & Walsh 2017). It measures time as information, 1/variance,
relative to the plan, because visitors who return add evidence, too (Scharfstein, Tsiatis & Robins 1997).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf, lgamma, log, sqrt
from statistics import NormalDist
from typing import Final

LEVEL: Final = 0.05
POWER: Final = 0.80
SEQUENTIAL_COST: Final = 1.8
"""A test that may be looked at every day needs this many times the fixed-horizon sample."""
SAMPLE_RATIO_PRIORS: Final = (100.0, 10_000.0)
"""The weights of the two priors, in visitors. At a planned 50 %, they detect a split of 60 % after about 500 visitors
and 51 % after about 50,000. The first prior finds large mismatches early, the second small ones."""

_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Ratio:
    """R = numerator/denominator and the variance of R; `value` is None without a denominator."""

    numerator: float
    denominator: float
    variance: float

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None

    def of(self, numerator: float, denominator: float) -> "Ratio":
        """The ratio of other sums over the same clusters, with this ratio's variance per unit of denominator."""
        scale = self.denominator / denominator if denominator else 0.0
        return Ratio(numerator, denominator, self.variance * scale)

    def of_rate(self, numerator: float, denominator: float) -> "Ratio":
        """The rate in a part of the events, for example in one context; its variance is deff · R(1−R)/n.

        deff is the design effect (Kish 1965, "Survey Sampling", ch. 8.2) of this ratio, the whole. It grows with the
        events per visitor. A part has fewer events per visitor, so its interval is too wide rather than too narrow.
        """
        rate = numerator / denominator if denominator else 0.0
        return Ratio(numerator, denominator, self._design_effect() * rate * (1 - rate) / (denominator or 1.0))

    def _design_effect(self) -> float:
        """The variance over its value if every event came from a different visitor; at least 1."""
        rate = self.value or 0.0
        independent = rate * (1 - rate) / (self.denominator or 1.0)
        return max(1.0, self.variance / independent) if independent else 1.0


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between two bounds."""

    estimate: float
    low: float
    high: float


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


def clustered(sums: Iterable[tuple[float, float]]) -> Ratio:
    """The ratio of (Σx, Σn) per cluster of visitors, with Var(R) = k/(k−1) · Σ(x − R·n)² / (Σn)².

    Linearisation of a ratio over k randomised units (Deng, Knoblich & Lu 2018, "Applying the delta method in metric
    analytics"). A unit may be one visitor or a random group of visitors (Wolter 2007, "Introduction to Variance
    Estimation", ch. 2): the estimate is unbiased either way, with a relative error of √(2/(k−1)).
    """
    units = [(x, n) for x, n in sums if n]
    x_sum, n_sum = sum(x for x, _ in units), sum(n for _, n in units)
    if len(units) < 2:
        return Ratio(x_sum, n_sum, inf if units else 0.0)
    ratio = x_sum / n_sum
    spread = sum((x - ratio * n) ** 2 for x, n in units)
    return Ratio(x_sum, n_sum, spread * len(units) / (len(units) - 1) / n_sum**2)


def compare(treatment: Ratio, control: Ratio, planned_lift: float, level: float = LEVEL) -> Lift | None:
    """The lift of treatment over control, or None while either ratio is zero or its variance unknown."""
    ours, theirs = treatment.value, control.value
    if not ours or not theirs:
        return None
    error = sqrt(treatment.variance / ours**2 + control.variance / theirs**2)
    if not 0 < error < inf:
        return None
    information = (planned_error(planned_lift, level) / error) ** 2
    reach, z = boundary(information, level), log(ours / theirs) / error
    width = reach * sqrt(treatment.variance + control.variance)
    return Lift(
        relative=Interval(ours / theirs - 1, exp((z - reach) * error) - 1, exp((z + reach) * error) - 1),
        absolute=Interval(ours - theirs, ours - theirs - width, ours - theirs + width),
        p=anytime_p(z, information, level),
        error=error,
        information=information,
    )


def boundary(information: float, level: float = LEVEL) -> float:
    """The half-width of the confidence sequence in standard errors; it is narrowest near information 1.

    √(2(τ+1)/τ · ln(√(τ+1)/level)) with τ = ρ²n, and ρ² = (−2 ln a + ln(1 − 2 ln a))/n* (Waudby-Smith et al., eq. 24).
    """
    tau = _mixture(level) * information
    return sqrt(2 * (tau + 1) / tau * log(sqrt(tau + 1) / level))


def anytime_p(z: float, information: float, level: float = LEVEL) -> float:
    """min(1, 1/e) of the normal-mixture e-value: without a difference, P(p ≤ a at any look) ≤ a."""
    tau = _mixture(level) * information
    return min(1.0, exp(-(z**2) / 2 * tau / (tau + 1)) * sqrt(tau + 1))


def planned_error(lift: float, level: float = LEVEL) -> float:
    """The standard error of ln(R₁/R₀) at which the test detects a relative `lift` with 80 % power."""
    return log(1 + lift) / _effect(level) / sqrt(SEQUENTIAL_COST)


def fixed_horizon_users(rate: float, lift: float, level: float = LEVEL) -> int:
    """Visitors per group that detect a relative lift with 80 % power by one look at the end; one event per visitor."""
    raised = rate * (1 + lift)
    return round(_effect(level) ** 2 * (rate * (1 - rate) + raised * (1 - raised)) / (raised - rate) ** 2)


def users_for_width(lift: Lift, users: float, half_width: float, level: float = LEVEL) -> int:
    """Visitors per group at which the relative interval reaches ± half_width, if behaviour does not change."""
    low, high = users, max(users, 1.0)
    while _half_width(lift, high / users, level) > half_width:
        low, high = high, high * 2
    while high - low > max(1.0, 0.01 * low):
        middle = (low + high) / 2
        low, high = (middle, high) if _half_width(lift, middle / users, level) > half_width else (low, middle)
    return round(high)


def sample_ratio_p(treatment: int, control: int, share: float) -> float:
    """The anytime p-value of the hypothesis that visitors were split as planned.

    Mean likelihood ratio of Beta(kq, k(1−q)) mixtures against the planned share q (Lindon & Malek 2022, "Anytime-valid
    inference for multinomial count data"). With a share of 0 or 1 no test is planned, and p is 1.
    """
    if not 0 < share < 1:
        return 1.0
    evidence = [_mixture_evidence(treatment, control, share, size) for size in SAMPLE_RATIO_PRIORS]
    if max(evidence) > 700:
        return 0.0
    return min(1.0, len(evidence) / sum(exp(one) for one in evidence))


def rate_bounds(ratio: Ratio, level: float = LEVEL) -> Interval | None:
    """Wilson's score interval of a rate, with the effective sample size R(1−R)/Var(R); valid for one look only.

    None without any observation, or with a single visitor, whose variance is unknown.
    """
    rate = ratio.value
    if rate is None or ratio.variance == inf:
        return None
    n = rate * (1 - rate) / ratio.variance if ratio.variance and 0 < rate < 1 else ratio.denominator
    z = _NORMAL.inv_cdf(1 - level / 2)
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    width = z / (1 + z**2 / n) * sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return Interval(rate, max(0.0, centre - width), min(1.0, centre + width))


def mean_bounds(ratio: Ratio, level: float = LEVEL) -> Interval | None:
    """The normal interval of a mean; valid for one look only."""
    if ratio.value is None or ratio.variance == inf:
        return None
    width = _NORMAL.inv_cdf(1 - level / 2) * sqrt(ratio.variance)
    return Interval(ratio.value, ratio.value - width, ratio.value + width)


def _half_width(lift: Lift, growth: float, level: float) -> float:
    return exp(boundary(lift.information * growth, level) * lift.error / sqrt(growth)) - 1


def _effect(level: float) -> float:
    return _NORMAL.inv_cdf(1 - level / 2) + _NORMAL.inv_cdf(POWER)


def _mixture(level: float) -> float:
    return -2 * log(level) + log(1 - 2 * log(level))


def _mixture_evidence(treatment: int, control: int, share: float, size: float) -> float:
    a, b = size * share, size * (1 - share)
    mixed = _log_beta(a + treatment, b + control) - _log_beta(a, b)
    return mixed - treatment * log(share) - control * log(1 - share)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
