"""Reads out the A/B test of the bandit against the control list, in figures. Knows no storage; `words` has sentences.

Groups are compared as visitors were assigned, over whole UTC days from the test's start. Each phase of the test has one
planned share of treatment, and the groups are compared within phases.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np

from bandit_selector.evidence.background import (
    NOTHING_KNOWN,
    RATIOS_IN_ALL,
    Adjustment,
    Background,
    Covariate,
    adjustment,
    covariates,
    ratios,
    saved,
)
from bandit_selector.evidence.lift import Array, Lift, contrast, lift_of, users_for_width
from bandit_selector.evidence.planning import Weeks, users_at_full, users_for_rate
from bandit_selector.evidence.ratio import ENOUGH_CLUSTERS, Ratio, clustered
from bandit_selector.evidence.split import MISMATCH_BELOW, Arrivals, sample_ratio_p
from bandit_selector.evidence.tally import RATIOS, Metric, Tally, total
from bandit_selector.evidence.tracking import tracking_is_broken

Verdict: TypeAlias = Literal[
    "no_control", "too_early", "sample_ratio_mismatch", "tracking_broken", "higher", "lower", "undecided"
]
GROUPS: Final = ("treatment", "control")
CLUSTERS: Final = 128
"""Random groups of visitors, as the SQL function bandit_cluster makes them."""
STABLE_AFTER_DAYS: Final = 7
"""What is adjusted is fixed after a week, which has every day once, or with half of the planned information."""
HALF: Final = 0.5
"""With half of its information a plan is fixed: whoever comes back, the whole takes at most twice the visitors."""
MEASURED_AFTER_DAYS: Final = 1
"""With a planned rate, it is fixed once visitors' movies and their design effect are measured on a whole day."""
INCOMPARABLE: Final = frozenset[Verdict]({"no_control", "sample_ratio_mismatch", "tracking_broken"})
"""With these verdicts the groups differ in more than their lists, or one is missing: no lift is told of any metric."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The test's plan: treatment's share now, the lift to detect, and the half-width of the interval to reach.

    `ctr` is control's rate as planned; None where it is measured.

    `contexts` is how many contexts are possible. `users` is the planned number of visitors per group once it is fixed,
    `adjustment` what the lift in CTR is adjusted for once that is decided.
    """

    treatment_share: float
    lift: float
    precision: float = 0.02
    contexts: int = 24
    users: int | None = None
    adjustment: Adjustment | None = None
    ctr: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What one cluster of visitors was shown in one phase and group.

    `excess_clicked` and `excess_shown` are what exceeds the bound of single visitors: without it for the verdict.
    """

    phase: int
    group: str
    cluster: int
    tally: Tally
    excess_clicked: float = 0.0
    excess_shown: float = 0.0
    background: Background = NOTHING_KNOWN


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric in both groups; `lift` is None while it cannot be read out.

    `events` and `clusters` are those of the group with fewer: events, and effective clusters of visitors. `saved` is
    the share of visitors that covariates save: without them, the same interval would take 1/(1 − saved) as many.
    """

    treatment: Ratio
    control: Ratio
    lift: Lift | None
    events: float = 0.0
    clusters: float = 0.0
    saved: float = 0.0


@dataclass(frozen=True, slots=True)
class ReadOut:
    """The test at one moment; numbers of visitors are per group.

    `more_users` is None with too little data; `plannable` is the number to fix as the plan and `adjustable` the
    adjustment to fix, None while they are not stable. `saved_users`: without covariates, so many more were needed.
    """

    treatment: Tally
    control: Tally
    treatment_users: int
    control_users: int
    metrics: dict[Metric, Comparison]
    sample_ratio_p: float
    planned_share: float
    plannable: int | None
    adjustable: Adjustment | None
    adjusted_for: tuple[Covariate, ...]
    saved_users: int
    more_users: int | None
    verdict: Verdict
    plan: Plan

    @property
    def information(self) -> float | None:
        """How much of the planned information there is; None while no lift can be read out."""
        lift = self.metrics["ctr"].lift
        return lift.information if lift else None


def read_out(
    parts: Iterable[Part], arrivals: Sequence[Arrivals], plan: Plan, days: int = 0, weeks: Weeks | None = None
) -> ReadOut:
    """The read-out of a test that has run for some whole days, from its clusters of visitors and their arrivals.

    `weeks` are the last two of a test that has run for two.
    """
    known = list(parts)
    treatment, control = (total(part.tally for part in known if part.group == group) for group in GROUPS)
    treated, untreated = sum(part.treated for part in arrivals), sum(part.untreated for part in arrivals)
    metrics: dict[Metric, Comparison] = {metric: compare(metric, known, plan.lift) for metric in RATIOS}
    adjusted_for = plan.adjustment.covariates if plan.adjustment else ()
    if adjusted_for:
        metrics["ctr"] = compare("ctr", known, plan.lift, names=adjusted_for)
    ctr, each = metrics["ctr"], per_group(treated, untreated)
    ratio_p = sample_ratio_p(arrivals)
    verdict = _verdict(treatment, control, ctr, ratio_p)
    if verdict in INCOMPARABLE:
        metrics = {name: replace(one, lift=None, saved=0.0) for name, one in metrics.items()}
        ctr = metrics["ctr"]
    more = max(0, users_for_width(ctr.lift, each, plan.precision) - round(each)) if ctr.lift and each else None
    return ReadOut(
        treatment=treatment,
        control=control,
        treatment_users=treated,
        control_users=untreated,
        metrics=metrics,
        sample_ratio_p=ratio_p,
        planned_share=_planned_share(arrivals, plan),
        plannable=_plannable(known, (treated, untreated), ctr.lift, plan, days, weeks),
        adjustable=_adjustable(known, ctr.lift, plan, days),
        adjusted_for=adjusted_for,
        saved_users=round(each * ctr.saved / (1 - ctr.saved)) if ctr.saved > 0 else 0,
        more_users=more,
        verdict=verdict,
        plan=plan,
    )


def compare(
    metric: Metric,
    parts: Iterable[Part],
    planned_lift: float,
    level: float = 0.05,
    enough: float = ENOUGH_CLUSTERS,
    names: Sequence[Covariate] = (),
) -> Comparison:
    """One metric of both groups over all phases; the lift needs 100 events and `enough` clusters in each group.

    The lift is adjusted for the covariates of these names.
    """
    known = [part for part in parts if part.group in GROUPS]
    ours, theirs = (pooled(metric, [part for part in known if part.group == group]) for group in GROUPS)
    if not ours.denominator or not theirs.denominator:
        return Comparison(ours, theirs, None)
    sums, backgrounds = _array(metric, known), _backgrounds(known) if names else None
    found = contrast(sums, covariates(backgrounds, names) if backgrounds is not None else None)
    return Comparison(
        ours,
        theirs,
        lift_of(found, planned_lift, level, enough),
        float(found.events),
        float(found.clusters),
        float(saved(sums, backgrounds, names)) if backgrounds is not None else 0.0,
    )


def per_group(treated: int, untreated: int) -> float:
    """The harmonic mean: two equal groups of this size compare as precisely as these two."""
    return 2 / (1 / treated + 1 / untreated) if treated and untreated else 0.0


def _array(metric: Metric, parts: Sequence[Part]) -> Array:
    """The sums as `contrast` takes them."""
    phases = _phases(parts)
    sums = np.zeros((len(phases), len(GROUPS), CLUSTERS, 2))
    for part in parts:
        x, n = RATIOS[metric](part.tally)
        over = (part.excess_clicked, part.excess_shown) if metric == "ctr" else (0.0, 0.0)
        sums[phases[part.phase], GROUPS.index(part.group), part.cluster] += (x - over[0], n - over[1])
    return sums


def _backgrounds(parts: Sequence[Part]) -> Array:
    """What was known of visitors, as `covariates` takes it."""
    phases = _phases(parts)
    sums = np.zeros((RATIOS_IN_ALL, len(phases), len(GROUPS), CLUSTERS, 2))
    for part in parts:
        sums[:, phases[part.phase], GROUPS.index(part.group), part.cluster] += ratios(part.background)
    return sums


def _phases(parts: Sequence[Part]) -> dict[int, int]:
    """Each phase's place in the arrays."""
    return {phase: place for place, phase in enumerate(sorted({part.phase for part in parts}))}


def pooled(metric: Metric, parts: Iterable[Part]) -> Ratio:
    """These parts' ratio over all phases, by clusters of visitors."""
    sums: dict[int, Tally] = {}
    for part in parts:
        sums[part.cluster] = sums.get(part.cluster, Tally()) + part.tally
    return clustered(RATIOS[metric](tally) for tally in sums.values())


def _planned_share(arrivals: Sequence[Arrivals], plan: Plan) -> float:
    """The share of treatment that was planned for the visitors who came."""
    number = sum(part.treated + part.untreated for part in arrivals)
    if not number:
        return plan.treatment_share
    return sum(part.share * (part.treated + part.untreated) for part in arrivals) / number


def _plannable(
    parts: Sequence[Part],
    came: tuple[int, int],
    lift: Lift | None,
    plan: Plan,
    days: int,
    weeks: Weeks | None,
) -> int | None:
    """Visitors per group for the whole plan: by a planned rate; else with half of the information, or by two weeks, by
    whichever of both says less. `came` are the visitors of treatment and control so far.
    """
    each, users = per_group(*came), sum(came)
    if plan.ctr is not None:
        return users_for_rate(pooled("ctr", parts), users, plan.ctr, plan.lift) if days >= MEASURED_AFTER_DAYS else None
    if not lift or not each or (weeks is None and lift.information < HALF):
        return None
    growth = [1 / lift.information] if lift.information >= HALF else []
    if weeks:
        shown = sum(part.tally.shown for part in parts)
        growth.append(users_at_full(lift.information, _effect(parts, lift), (users, shown), weeks))
    return max(1, round(each * min(growth)))


def _effect(parts: Sequence[Part], lift: Lift) -> float:
    """The design effect of a lift in CTR: its variance over that of as many movies of as many visitors (Kish 1965)."""
    groups = [total(part.tally for part in parts if part.group == group) for group in GROUPS]
    alone = sum((1 - one.clicked / one.shown) / one.clicked for one in groups)
    return lift.error**2 / alone if alone else 1.0


def _adjustable(parts: Sequence[Part], lift: Lift | None, plan: Plan, days: int) -> Adjustment | None:
    if plan.adjustment or not _is_stable(lift, days):
        return None
    return adjustment(_array("ctr", parts), _backgrounds(parts))


def _is_stable(lift: Lift | None, days: int) -> bool:
    return lift is not None and (days >= STABLE_AFTER_DAYS or lift.information >= HALF)


def _verdict(treatment: Tally, control: Tally, ctr: Comparison, ratio_p: float) -> Verdict:
    if not control.shown or not treatment.shown:
        return "no_control"
    if ratio_p < MISMATCH_BELOW:
        return "sample_ratio_mismatch"
    if tracking_is_broken(ctr.treatment, ctr.control) or tracking_is_broken(ctr.control, ctr.treatment):
        return "tracking_broken"
    if ctr.lift is None:
        return "too_early"
    if not ctr.lift.significant:
        return "undecided"
    return "higher" if ctr.lift.relative.estimate > 0 else "lower"
