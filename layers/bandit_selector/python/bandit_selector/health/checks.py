"""Judges whether the service and what it learns are well: facts in, checks and alerts out. Knows no storage or clock.

The first four checks are the deployment guide's, in `rates`. Without data no check alerts.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from bandit_selector.evidence.experiment import ReadOut
from bandit_selector.evidence.lift import Lift
from bandit_selector.evidence.split import MISMATCH_BELOW
from bandit_selector.evidence.words import percent, sentence
from bandit_selector.health.arrivals import arrivals
from bandit_selector.health.facts import Alert, Check, Facts, Health, Thresholds, Value, hours_of, worst
from bandit_selector.health.influence import influence
from bandit_selector.health.meanings import meaning_of, readable
from bandit_selector.health.rates import algorithm_balance, diversity, engagement, quality

EXPECTED_PLACES: Final = 10.0
"""An arm without outcome alerts when the floor alone should have given it this many places."""


DAYS_AHEAD: Final = 7
"""Partitions are made 14 days ahead; with fewer than these left, a week of nights has failed."""


def judge(facts: Facts, thresholds: Thresholds) -> Health:
    """Every check on the facts of one window; each alert carries the name of its check, its meaning and setting."""
    checks = _checks(facts, thresholds)
    return Health(
        {
            name: replace(check, alerts=tuple(_told(alert, name) for alert in check.alerts))
            for name, check in checks.items()
        }
    )


def _told(alert: Alert, check: str) -> Alert:
    meaning = meaning_of(alert.metric)
    return replace(alert, check=check, meaning=meaning.words, setting=meaning.setting)


def _checks(facts: Facts, thresholds: Thresholds) -> dict[str, Check]:
    return {
        "diversity": diversity(facts, thresholds),
        "quality": quality(facts, thresholds),
        "algorithm_balance": algorithm_balance(facts, thresholds),
        "engagement": engagement(facts, thresholds),
        "experiment": _experiment(facts.experiment),
        "feedback": arrivals(facts, thresholds),
        "learning": _learning(facts, thresholds),
        "candidates": _candidates(facts, thresholds),
        "partitions": _partitions(facts),
        "visitors": influence(facts.visitors, facts.algorithms),
    }


def _experiment(test: ReadOut) -> Check:
    lift = test.metrics["ctr"].lift
    metrics: dict[str, Value] = {
        "lift": lift.relative.estimate if lift else None,
        "p": lift.p if lift else None,
        "sample_ratio_p": test.sample_ratio_p,
        "verdict": test.verdict,
    }
    match test.verdict:
        case "sample_ratio_mismatch":
            return Check("critical", metrics, (_mismatch(test),), ("lift", "tracking"))
        case "tracking_broken":
            return Check("critical", metrics, (_broken(test),), ("lift",))
        case "lower" if lift:
            return Check("critical", metrics, (_harm(test, lift),))
        case "no_control" | "too_early":
            return Check("no_data", metrics | {"meaning": sentence(test)})
        case _:
            return Check("ok", metrics)


def _broken(test: ReadOut) -> Alert:
    least = min(test.metrics["ctr"].treatment, test.metrics["ctr"].control, key=lambda ratio: ratio.value or 0.0)
    return Alert(
        severity="critical",
        metric="tracking",
        value=least.value,
        threshold=None,
        message=sentence(test),
        headline="one group's clicks do not arrive",
        detail=f"{least.numerator:,.0f} clicks on {least.denominator:,.0f} movies shown.",
        advice="Click in a list of that group by hand and follow the message: the front end, the queue, the consumer.",
    )


def _mismatch(test: ReadOut) -> Alert:
    return Alert(
        severity="critical",
        metric="sample_ratio",
        value=test.sample_ratio_p,
        threshold=MISMATCH_BELOW,
        message=sentence(test),
        headline="the A/B groups are not split as planned",
        detail=f"p = {test.sample_ratio_p:.2g} (anytime-valid).",
        advice="Look for a redirect, a cache or an error that only one group meets; set the planned share to the split "
        "that the front end really uses.",
    )


def _harm(test: ReadOut, lift: Lift) -> Alert:
    return Alert(
        severity="critical",
        metric="lift",
        value=lift.relative.estimate,
        threshold=0.0,
        message=sentence(test),
        headline=f"the bandit's CTR so far is {percent(abs(lift.relative.estimate))}% lower than control's",
        detail=f"95 % confidence sequence {lift.relative.low:.1%} to {lift.relative.high:.1%}, p = {lift.p:.2g}.",
        advice="Send fewer visitors to treatment and compare the arms with the control list.",
    )


def _learning(facts: Facts, thresholds: Thresholds) -> Check:
    metrics: dict[str, Value] = {
        "invariant": "broken" if facts.difference else "holds",
        "contexts_published": facts.contexts_published,
        "forgettings": facts.forgettings,
        "arms_without_outcome": len(facts.arms_without_outcome),
    }
    alerts = [_invariant(facts.difference)] if facts.difference else []
    if facts.lists >= thresholds.min_lists:
        alerts += [_without_outcome(arm) for arm in facts.arms_without_outcome if _is_missed(arm, facts, thresholds)]
    unknown = tuple(
        f"arm_without_data:{arm}"
        for arm in facts.arms_without_outcome
        if facts.lists < thresholds.min_lists or not _is_missed(arm, facts, thresholds)
    )
    return Check(worst(alerts) or ("ok" if facts.shown else "no_data"), metrics, tuple(alerts), unknown)


def _is_missed(arm: str, facts: Facts, thresholds: Thresholds) -> bool:
    """Whether the arm's published share, or else the floor, should have shown it often enough to be no chance."""
    share = max(facts.expected_shares.get(arm, 0.0), thresholds.min_arm_probability)
    return share * sum(facts.treatment_places.values()) >= EXPECTED_PLACES


def _invariant(difference: str) -> Alert:
    return Alert(
        severity="critical",
        metric="invariant",
        value="broken",
        threshold="holds",
        message=difference,
        headline="what was learned does not agree with the recorded events",
        detail="`./dev verify` found it.",
        advice="Find who else writes these tables, stop it, then rebuild the sums from the events.",
    )


def _without_outcome(arm: str) -> Alert:
    return Alert(
        severity="warning",
        metric=f"arm_without_data:{arm}",
        value=0,
        threshold=1,
        message=f"Algorithm '{arm}' had no outcome in this window",
        headline=f"{readable(arm)} is never shown",
        detail="It is published, and no list showed it: it probably has no candidates.",
        advice="Build its candidate lists again, or take it out of the configured algorithms.",
    )


def _candidates(facts: Facts, thresholds: Thresholds) -> Check:
    if facts.candidates_updated is None:
        return Check("no_data", {"age_hours": None, "unusable_ratings": facts.unusable_ratings})
    # The window ends before the report reads the lists, so lists may be newer than `now`.
    hours = hours_of(max(timedelta(), facts.now - facts.candidates_updated))
    limit = hours_of(thresholds.max_candidate_age)
    metrics: dict[str, Value] = {"age_hours": hours, "unusable_ratings": facts.unusable_ratings}
    if hours <= limit:
        return Check("ok", metrics)
    age = f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
    alert = Alert(
        severity="warning",
        metric="candidate_age",
        value=hours,
        threshold=limit,
        message=f"Candidate lists are {hours:.0f} hours old (threshold: {limit:.0f})",
        headline=f"candidate lists are {age} old",
        detail=f"Last built at {facts.candidates_updated:%Y-%m-%d %H:%M %Z}.",
        advice="See why the nightly build failed; visitors keep getting the old lists meanwhile.",
    )
    return Check("warning", metrics, (alert,))


def _partitions(facts: Facts) -> Check:
    found = facts.partitions
    if found is None:
        return Check("no_data", {"days_ahead": None, "unarchived_since": None})
    ahead = (found.until - facts.now) / timedelta(days=1) if found.until else 0.0
    day = f"{found.unarchived}" if found.unarchived else None
    alerts = [_too_short(ahead)] if ahead < DAYS_AHEAD else []
    alerts += [_unarchived(day)] if day else []
    return Check(worst(alerts) or "ok", {"days_ahead": round(ahead, 1), "unarchived_since": day}, tuple(alerts))


def _too_short(ahead: float) -> Alert:
    return Alert(
        severity="critical",
        metric="partitions_ahead",
        value=round(ahead, 1),
        threshold=DAYS_AHEAD,
        message=f"Tables for new events exist for {ahead:.1f} days (threshold: {DAYS_AHEAD})",
        headline=f"the tables for new events last {ahead:.1f} more days",
        detail="Later events would go into the default tables: served and counted, but slow to drop.",
        advice="See why the archive function fails: it makes them every night, 14 days ahead.",
    )


def _unarchived(day: str) -> Alert:
    return Alert(
        severity="critical",
        metric="unarchived",
        value=day,
        threshold="archived",
        message=f"The events of {day} are not archived",
        headline=f"events are not archived since {day}",
        detail="Nothing from that day on is dropped, so the database grows.",
        advice="Read the log of the archive function; docs/archive.md says what it compares.",
    )
