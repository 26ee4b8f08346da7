"""Reads out the A/B test of the bandit against the control list, in figures and in a sentence. Knows no storage.

Groups are compared as visitors were assigned. A window holds whole hours, but clusters and numbers of visitors are kept
by UTC day. So the variance per unit of denominator comes from all UTC days that the window touches.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal, TypeAlias

from bandit_selector.evidence.ratio import (
    LEVEL,
    SEQUENTIAL_COST,
    Interval,
    Lift,
    Ratio,
    clustered,
    compare,
    fixed_horizon_users,
    rate_bounds,
    sample_ratio_p,
    users_for_width,
)
from bandit_selector.evidence.tally import RATIOS, Metric, Tally

Verdict: TypeAlias = Literal["no_control", "too_early", "sample_ratio_mismatch", "higher", "lower", "undecided"]

READ_OUT_FROM: Final = 100
"""A lift is read out once both groups have this many clicks (ratings, thumbs); with fewer, the normal approximation is
poor."""
MISMATCH_BELOW: Final = 0.001
"""The anytime p-value of the split below which the groups are not compared."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The test's plan: treatment's share, the lift to detect, and the half-width of the interval to reach."""

    treatment_share: float
    lift: float
    precision: float = 0.02


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric in both groups; `lift` is None before READ_OUT_FROM events in both."""

    treatment: Ratio
    control: Ratio
    lift: Lift | None


@dataclass(frozen=True, slots=True)
class Exploration:
    """The test within one context: comparisons for exploring, without a verdict."""

    metrics: dict[Metric, Comparison]
    sentence: str


@dataclass(frozen=True, slots=True)
class ReadOut:
    """The test at one moment. `planned_users` and `more_users` are per group, and None with too little data."""

    treatment: Tally
    control: Tally
    treatment_users: int
    control_users: int
    metrics: dict[Metric, Comparison]
    sample_ratio_p: float
    planned_users: int | None
    more_users: int | None
    verdict: Verdict
    sentence: str


def read_out(
    totals: Mapping[str, Tally], clusters: Iterable[tuple[str, Tally]], users: Mapping[str, int], plan: Plan
) -> ReadOut:
    """The read-out of a window from its tallies, its clusters of visitors, and its numbers of visitors, by group."""
    treatment, control = totals.get("treatment", Tally()), totals.get("control", Tally())
    treated, untreated = users.get("treatment", 0), users.get("control", 0)
    parts = list(clusters)
    metrics: dict[Metric, Comparison] = {
        metric: _comparison(metric, parts, plan, (treatment, control)) for metric in RATIOS
    }
    ctr, each = metrics["ctr"], _per_group(treated, untreated)
    ratio_p = sample_ratio_p(treated, untreated, plan.treatment_share)
    verdict = _verdict(treatment, control, ctr.lift, ratio_p)
    more = max(0, users_for_width(ctr.lift, each, plan.precision) - round(each)) if ctr.lift and each else None
    return ReadOut(
        treatment=treatment,
        control=control,
        treatment_users=treated,
        control_users=untreated,
        metrics=metrics,
        sample_ratio_p=ratio_p,
        planned_users=_planned_users(ctr, each, plan),
        more_users=more,
        verdict=verdict,
        sentence=_sentence(verdict, ctr, treated, untreated, more, plan),
    )


def explore(contexts: Mapping[str, Mapping[str, Tally]], whole: ReadOut, plan: Plan) -> dict[str, Exploration]:
    """The test within each context, from {context: {group: tally}}; empty while the whole test cannot be compared.

    The bounds hold in all contexts and at every look at once: each gets an equal part of the level (Bonferroni).
    Clusters of visitors are not kept by context, so each context uses the design effect of the whole test.
    """
    if whole.verdict in {"no_control", "sample_ratio_mismatch"}:
        return {}
    level = LEVEL / max(1, len(contexts))
    return {key: _exploration(groups, whole, plan, level) for key, groups in contexts.items()}


def ctr_by_day(days: Iterable[tuple[str, str, int, int, int]]) -> list[tuple[str, dict[str, Interval]]]:
    """Both groups' CTR on each day with its 95 % interval, as (day, {group: interval}).

    `days` holds (day, group, cluster, clicked, shown), ordered by day; the result keeps this order.
    """
    answer: list[tuple[str, dict[str, Interval]]] = []
    for day, together in groupby(days, key=lambda part: part[0]):
        parts = [(group, clicked, shown) for _, group, _, clicked, shown in together]
        bounds = {group: rate_bounds(_ctr(parts, group)) for group in ("treatment", "control")}
        answer.append((day, {group: interval for group, interval in bounds.items() if interval}))
    return answer


def lift_over_time(days: Iterable[tuple[str, str, int, int, int]], plan: Plan) -> list[tuple[str, Lift]]:
    """The lift in CTR of all days up to each day, from the first day on which it can be read out.

    `days` holds (day, group, cluster, clicked, shown), oldest first.
    """
    sums: dict[tuple[str, int], tuple[int, int]] = {}
    answer: list[tuple[str, Lift]] = []
    for day, together in groupby(days, key=lambda part: part[0]):
        for _, group, cluster, clicked, shown in together:
            before = sums.get((group, cluster), (0, 0))
            sums[group, cluster] = (before[0] + clicked, before[1] + shown)
        parts = [(group, clicked, shown) for (group, _), (clicked, shown) in sums.items()]
        ours, theirs = _ctr(parts, "treatment"), _ctr(parts, "control")
        lift = compare(ours, theirs, plan.lift) if min(ours.numerator, theirs.numerator) >= READ_OUT_FROM else None
        if lift:
            answer.append((day, lift))
    return answer


def _ctr(parts: Iterable[tuple[str, int, int]], group: str) -> Ratio:
    return clustered((clicked, shown) for name, clicked, shown in parts if name == group)


def _comparison(
    metric: Metric, parts: Sequence[tuple[str, Tally]], plan: Plan, window: tuple[Tally, Tally]
) -> Comparison:
    """Both groups' ratio over the window and its lift; the variance comes from the clusters of the window's days."""
    ours = _ratio(metric, "treatment", parts).of(*RATIOS[metric](window[0]))
    theirs = _ratio(metric, "control", parts).of(*RATIOS[metric](window[1]))
    return _compared(metric, ours, theirs, plan, LEVEL)


def _compared(metric: Metric, ours: Ratio, theirs: Ratio, plan: Plan, level: float) -> Comparison:
    seen = min(group.denominator if metric == "avg_rating" else group.numerator for group in (ours, theirs))
    return Comparison(ours, theirs, compare(ours, theirs, plan.lift, level) if seen >= READ_OUT_FROM else None)


def _exploration(groups: Mapping[str, Tally], whole: ReadOut, plan: Plan, level: float) -> Exploration:
    treatment, control = groups.get("treatment", Tally()), groups.get("control", Tally())
    metrics: dict[Metric, Comparison] = {
        metric: _compared(
            metric, _part(metric, known.treatment, treatment), _part(metric, known.control, control), plan, level
        )
        for metric, known in whole.metrics.items()
    }
    return Exploration(metrics, _exploration_words(metrics["ctr"], round(LEVEL / level)))


def _part(metric: Metric, whole: Ratio, tally: Tally) -> Ratio:
    sums = RATIOS[metric](tally)
    return whole.of(*sums) if metric == "avg_rating" else whole.of_rate(*sums)


def _ratio(metric: Metric, group: str, parts: Iterable[tuple[str, Tally]]) -> Ratio:
    return clustered(RATIOS[metric](tally) for name, tally in parts if name == group)


def _per_group(treated: int, untreated: int) -> float:
    """The harmonic mean: two equal groups of this size compare as precisely as these two."""
    return 2 / (1 / treated + 1 / untreated) if treated and untreated else 0.0


def _planned_users(ctr: Comparison, each: float, plan: Plan) -> int | None:
    if ctr.lift:
        return round(each / ctr.lift.information)
    rate = ctr.control.value or ctr.treatment.value
    return (
        round(SEQUENTIAL_COST * fixed_horizon_users(rate, plan.lift)) if rate and rate < 1 / (1 + plan.lift) else None
    )


def _verdict(treatment: Tally, control: Tally, lift: Lift | None, ratio_p: float) -> Verdict:
    if not control.shown or not treatment.shown:
        return "no_control"
    if ratio_p < MISMATCH_BELOW:
        return "sample_ratio_mismatch"
    if lift is None:
        return "too_early"
    if not lift.significant:
        return "undecided"
    return "higher" if lift.relative.estimate > 0 else "lower"


def _sentence(verdict: Verdict, ctr: Comparison, treated: int, untreated: int, more: int | None, plan: Plan) -> str:
    match verdict:
        case "no_control":
            return (
                "One group has no data yet, so the groups cannot be compared: ask for some visitors' lists with "
                "use_bandit=false, or for everybody's with use_bandit=auto."
            )
        case "sample_ratio_mismatch":
            return (
                f"The groups cannot be compared: {treated:,} visitors in treatment and {untreated:,} in control "
                f"cannot come from a random split at {plan.treatment_share:.0%}. "
                "Find out what else decides who gets which list."
            )
        case "too_early":
            seen = min(ctr.treatment.numerator, ctr.control.numerator)
            return f"Too early to tell: {_seen_words(seen)}."
        case "undecided":
            return f"No difference in CTR is proven: {_lift_words(ctr)}; {_more_words(more, plan)}"
        case "higher" | "lower":
            words = _lift_words(ctr)
            return f"{words[0].upper()}{words[1:]}; {_more_words(more, plan)}"


def _exploration_words(ctr: Comparison, contexts: int) -> str:
    if ctr.lift is None:
        seen = min(ctr.treatment.numerator, ctr.control.numerator)
        return f"Too early to tell for this context: {_seen_words(seen)}. The verdict is the whole test's."
    return (
        f"For exploring only: in this context {_lift_words(ctr)}, with bounds that hold in all {contexts} contexts at "
        "once. The verdict is the whole test's."
    )


def _lift_words(ctr: Comparison) -> str:
    assert ctr.lift is not None  # noqa: S101 # only a read-out lift leads to these verdicts
    lift = ctr.lift.relative
    if ctr.lift.significant:
        small, large = sorted((abs(lift.low), abs(lift.high)))
        direction = "higher" if lift.estimate > 0 else "lower"
        return f"treatment's CTR is {abs(lift.estimate):.0%} {direction} ({_plain(small)}–{large:.0%})"
    direction = "higher" if lift.estimate >= 0 else "lower"
    return f"treatment's CTR is {abs(lift.estimate):.0%} {direction} ({lift.low:+.0%} to {lift.high:+.0%})".replace(
        "-", "−"
    )


def _seen_words(clicks: float) -> str:
    return f"the smaller group has {clicks:,.0f} clicks, and the comparison begins at {READ_OUT_FROM}"


def _more_words(more: int | None, plan: Plan) -> str:
    looks = "you may look every day"
    if not more:
        return f"{looks}; the lift is already known to ±{plan.precision:.0%}."
    return f"{looks}; to know it to ±{plan.precision:.0%} takes about {_rounded(more):,} more visitors per group."


def _plain(share: float) -> str:
    return f"{100 * share:.0f}"


def _rounded(number: int) -> int:
    """Rounded to two digits, because a forecast is not more precise."""
    digits = max(0, len(str(number)) - 2)
    return round(number, -digits)
